"""The journal of runs: looked at without a change to it, since opening it as a server does repairs or replaces it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio

from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.diagnosis.finding import Finding, Status, Subject
from mogplex_mcp.storage.errors import DamagedStateError, StateError
from mogplex_mcp.storage.file_system import network_file_system
from mogplex_mcp.storage.inspection import count_runs

_KILO: Final = 1_000
_UNTIL_THEN: Final = "Until then, new runs are not listed, and force_new is refused."


async def check_journal(subject: Subject) -> Sequence[Finding]:
    """Where it is, how large, whether it can be written and is whole."""
    if subject.settings.database_url:
        return [await _look_at_database(subject)]
    path = subject.settings.state_file
    if path is None or subject.settings.without_journal:
        fact = "It is in memory and gone when a server ends."
        if subject.settings.demo:
            return [Finding("journal", Status.OK, fact)]
        advice = "Runs are not listed after a restart: set HOME or MOGPLEX_MCP_STATE_FILE."
        return [Finding("journal", Status.WARNING, fact, advice)]
    return [await anyio.to_thread.run_sync(_look, path, abandon_on_cancel=True)]


async def _look_at_database(subject: Subject) -> Finding:
    try:
        await subject.services.store.check()
    except StateError as error:
        fact = f"{clean_line(str(error), 300)}."
        advice = f"Check MOGPLEX_MCP_DATABASE_URL and the server behind it. {_UNTIL_THEN}"
        return Finding("journal", Status.FAILED, fact[0].upper() + fact[1:], advice)
    return Finding("journal", Status.OK, "It is in the database that all replicas share, which can be written.")


def _look(path: Path) -> Finding:
    try:
        if not path.exists():
            return _look_at_folder(path)
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        return _unusable(path, getattr(error, "strerror", None) or "its name is unusable")
    try:
        runs = count_runs(path)
    except DamagedStateError as error:
        fact = f"{path} is damaged ({error})."
        return Finding("journal", Status.WARNING, fact, "The next start sets it aside and begins a new one.")
    except StateError as error:
        return _unusable(path, str(error))
    fact = f"{path}, {size / _KILO:.0f} kB, {counted(runs, 'run').lower()}, whole and writable."
    if network := network_file_system(path):
        fact = f"{fact} It is on a network file system ({network}), where locks may fail."
        return Finding("journal", Status.WARNING, fact, "Name a file on a local disk with MOGPLEX_MCP_STATE_FILE.")
    return Finding("journal", Status.OK, fact)


def _look_at_folder(path: Path) -> Finding:
    folder = next((one for one in path.parents if one.exists()), path.parent)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding("journal", Status.OK, f"{path}, which the first start makes.")
    return _unusable(path, f"{folder} cannot be written")


def _unusable(path: Path, reason: str) -> Finding:
    advice = f"Make it writable, or name another with MOGPLEX_MCP_STATE_FILE. {_UNTIL_THEN}"
    return Finding("journal", Status.FAILED, f"{path} cannot be used: {reason}.", advice)
