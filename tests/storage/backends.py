"""The stores that keep the ledger: each passes the same tests."""

from collections.abc import Callable
from pathlib import Path

from mogplex_mcp.storage.ledger import Ledger
from mogplex_mcp.storage.sqlite_ledger import SqliteLedger
from mogplex_mcp.storage.state_file import StateFile
from tests.virtual_time import virtual_now

TOKEN = "mog_000000000000000000000000000000ab"

OpenLedger = Callable[[str], Ledger]
"""Opens the ledger of a token as another process would: all of one test see the same store."""


def sqlite(folder: Path) -> OpenLedger:
    return lambda token: SqliteLedger(StateFile(folder / "state.sqlite3"), token, now=virtual_now)


BACKENDS = {"sqlite": sqlite}
