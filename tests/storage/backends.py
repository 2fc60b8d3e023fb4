"""The stores that keep the ledger: each passes the same tests."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.ledger import Ledger
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.storage.postgres.ledger import PostgresLedger
from mogplex_mcp.storage.sqlite_ledger import SqliteLedger
from mogplex_mcp.storage.state_file import StateFile
from tests.postgres_server import PostgresServer

TOKEN = "mog_000000000000000000000000000000ab"

OpenLedger = Callable[[str], Ledger]
"""Opens the ledger of a token as another process would: all of one test see the same store."""


class Clock:
    """The time of day of a test."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


# One for all tests: each only looks at what passes.
clock = Clock()


@contextlib.asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[OpenLedger]:
    with contextlib.ExitStack() as files:

        def ledger(token: str) -> Ledger:
            state = StateFile(folder / "state.sqlite3")
            files.callback(state.close)
            return SqliteLedger(state, token, now=clock)

        yield ledger


@contextlib.asynccontextmanager
async def postgres(server: PostgresServer) -> AsyncIterator[OpenLedger]:
    # A database for all tests, since making one takes as long as several of them; tenants of its own for each.
    test = uuid.uuid4().hex
    async with contextlib.AsyncExitStack() as databases:

        def ledger(token: str) -> Ledger:
            database = PostgresDatabase(Secret(server.url()))
            databases.push_async_callback(database.aclose)
            return PostgresLedger(database, f"{test} {token}", now=clock)

        yield ledger
