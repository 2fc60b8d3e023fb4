"""What one transaction costs, and what it leaves of itself on a connection that others use next."""

import math
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.simulator import DEMO_TOKEN
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.ledger import Entry, StartState
from mogplex_mcp.storage.postgres.connection import Connection
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.storage.postgres.ledger import PostgresLedger
from mogplex_mcp.storage.postgres.request_counts import PostgresRequestCounts
from mogplex_mcp.storage.postgres.store import PostgresStore
from mogplex_mcp.tenants.tenant import Tenants
from tests.postgres_proxy import postgres_proxy
from tests.runs.support import BASE_URL, simulated, start, without_quota

pytestmark = pytest.mark.anyio


async def backend(rows: Connection) -> int:
    row = await (await rows.execute("SELECT pg_backend_pid()")).fetchone()
    assert row is not None
    return int(row[0])


async def test_start_waits_for_the_database_six_times(url: str) -> None:
    # Twice each: to count the request, to record the start, and to record its run. The goal of a start that takes at
    # most 1.3 times as long as with the state file hangs on this number, which no load of the machine changes.
    simulator = simulated()
    without_quota(simulator)
    async with postgres_proxy(url) as proxy:
        store = PostgresStore(Secret(proxy.url), BASE_URL)
        store._database._swept_at = math.inf
        tenant = Tenants(BASE_URL, simulator.transport(), store).of(FoundToken(Token.parse(DEMO_TOKEN), "a test"))
        await start(tenant, simulator, "opens the database")
        before = proxy.round_trips
        await start(tenant, simulator, "is counted")
        assert proxy.round_trips - before == 6
        await store.aclose()


@pytest.mark.parametrize("reads_on", [True, False])
async def test_statement_that_fails_is_the_error_and_undoes_those_before_it(
    database: PostgresDatabase, url: str, reads_on: bool
) -> None:
    async def fails(rows: Connection) -> None:
        await rows.execute("INSERT INTO tenants VALUES ('a', 0)")
        await rows.execute("INSERT INTO secrets VALUES ('b', NULL)")
        await rows.execute("INSERT INTO tenants VALUES ('c', 0)")
        if reads_on:
            await (await rows.execute("SELECT 1")).fetchone()

    with pytest.raises(StateError, match="null value in column") as raised:
        await database.run(fails)
    # What a row holds belongs to a caller, and not into a log.
    assert "Failing row" not in str(raised.value)
    with psycopg.connect(url) as rows:
        assert rows.execute("SELECT * FROM tenants").fetchall() == []
    # The connection is as good as before.
    assert database._pool is not None
    assert not database._pool.get_stats().get("returns_bad")
    assert await database.run(backend)


async def test_connection_keeps_nothing_of_a_transaction_for_its_next_client(url: str) -> None:
    # PgBouncer hands the connection to another client then, which knows of no setting and no prepared statement.
    with psycopg.connect(url, autocommit=True) as rows:
        rows.execute(SQL("ALTER DATABASE {} SET synchronous_commit = on").format(Identifier(url.rpartition("/")[2])))

    async def state(rows: Connection) -> tuple[object, ...] | None:
        question = "SELECT current_setting('synchronous_commit'), count(*) FROM pg_prepared_statements"
        return await (await rows.execute(question)).fetchone()

    database = PostgresDatabase(Secret(url))
    for _ in range(10):
        assert await database.run(state, durable=False) == ("off", 0)
    assert await database.run(state) == ("on", 0)
    await database.aclose()


async def test_starts_are_on_the_disk_and_counts_are_written_later(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable: dict[str, bool] = {}
    run = database.run

    async def recorded(operation: Callable[[Connection], Awaitable[Any]], **options: bool) -> Any:
        durable[operation.__qualname__.partition(".")[0]] = options.get("durable", True)
        return await run(operation, **options)

    monkeypatch.setattr(database, "run", recorded)
    ledger, counts = PostgresLedger(database, "mog_a"), PostgresRequestCounts(database, "mog_a")
    entry, _ = await ledger.begin(Entry("", StartState.SENDING, fingerprint="f"), chain="f")
    await ledger.settle(entry, run_id="r", status="pending")
    await counts.pause(1)
    assert durable == {"PostgresDatabase": True, "PostgresLedger": True, "PostgresRequestCounts": False}
