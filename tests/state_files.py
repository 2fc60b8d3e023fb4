"""Closing of state files: Python 3.13 warns of each one that is left open, in whichever test runs by then."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mogplex_mcp.storage.state_file import StateFile


@contextlib.contextmanager
def closed_afterwards() -> Iterator[None]:
    """Close the state files that the block opens."""
    opened: list[StateFile] = []
    original = StateFile.__init__

    def tracked(state: StateFile, path: Path | None) -> None:
        original(state, path)
        opened.append(state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StateFile, "__init__", tracked)
        yield
    for state in opened:
        # A connection that belongs to another thread is closed there.
        with contextlib.suppress(sqlite3.ProgrammingError):
            state.close()
