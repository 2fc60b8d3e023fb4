"""Look at a state file without a change to it: a server that opens it migrates, repairs or replaces it."""

import contextlib
import sqlite3
from pathlib import Path

from mogplex_mcp.storage.errors import DamagedStateError, StateError
from mogplex_mcp.storage.ledger import StartKind
from mogplex_mcp.storage.migrations import check_version
from mogplex_mcp.storage.state_file import BUSY_SECONDS

_COUNT_0_1_0 = "SELECT count(*) FROM runs"
_COUNT = f"SELECT count(*) FROM starts WHERE kind = '{StartKind.RUN}'"  # noqa: S608 - made of a name of ours


def count_runs(path: Path) -> int:
    """Return the number of runs in a state file that is whole and can be written.

    Raises:
        DamagedStateError: It is damaged.
        StateError: It cannot be opened or written now, or is of a newer release.
    """
    try:
        # As a server opens it, but never made anew.
        address = f"{path.absolute().as_uri()}?mode=rw"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as connection:
            return _count(connection)
    except (sqlite3.OperationalError, OSError) as error:
        raise StateError(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise DamagedStateError(str(error)) from error


def _count(connection: sqlite3.Connection) -> int:
    version = check_version(connection)
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")
    if version == 0:
        return 0
    (runs,) = connection.execute(_COUNT_0_1_0 if version == 1 else _COUNT).fetchone()
    return int(runs)
