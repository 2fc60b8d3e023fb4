import contextlib
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mogplex_mcp.storage.state_file import StateFile
from tests.virtual_time import VirtualTimeLoop

# A busy machine is no bug. What is checked before a change lands is the same each time; elsewhere the search goes on.
settings.register_profile(
    "patient", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


# Shells ignore SIGINT in background jobs and `nohup` ignores SIGHUP; the programs under test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def closed_state_files() -> Iterator[None]:
    """Close the state files that a test opens: Python 3.13 warns of each one, in the test that runs by then."""
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


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def virtual_time() -> tuple[str, dict[str, object]]:
    """For modules that set `anyio_backend` to it: tests in which waiting takes no time."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}
