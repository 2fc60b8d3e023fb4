"""A database that is gone, slow, full, read-only, or that another one takes over from."""

import logging
from collections.abc import AsyncIterator

import anyio
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from mogplex_mcp.api.budget import Spent
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.ledger import Entry, StartState
from mogplex_mcp.storage.postgres import database as module
from mogplex_mcp.storage.postgres.connection import Connection
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.storage.postgres.ledger import PostgresLedger
from mogplex_mcp.storage.postgres.request_counts import PostgresRequestCounts
from tests.postgres_proxy import PostgresProxy, postgres_proxy

pytestmark = pytest.mark.anyio


@pytest.fixture
async def proxy(url: str) -> AsyncIterator[PostgresProxy]:
    async with postgres_proxy(url) as running:
        yield running


@pytest.fixture
async def behind(proxy: PostgresProxy) -> AsyncIterator[PostgresDatabase]:
    """The database behind the proxy, in use."""
    database = PostgresDatabase(Secret(proxy.url))
    await database.check()
    yield database
    proxy.stalled, proxy.delay_seconds = False, 0
    await database.aclose()


async def one(rows: Connection) -> None:
    await rows.execute("SELECT 1")


async def failure(database: PostgresDatabase) -> str:
    with pytest.raises(StateError) as raised:
        await database.check()
    return str(raised.value)


async def recovery(database: PostgresDatabase) -> None:
    """Return when the database can be used again."""
    with anyio.fail_after(30):
        while True:
            try:
                await database.check()
            except StateError:
                await anyio.sleep(0.02)
            else:
                return


def forbid_writing(url: str, *, forbid: bool) -> None:
    with psycopg.connect(url, autocommit=True) as rows:
        rows.execute("SET default_transaction_read_only = off")
        name = Identifier(url.rpartition("/")[2])
        value = SQL("on" if forbid else "off")
        rows.execute(SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(name, value))


async def test_connections_that_were_cut_while_idle_are_replaced_without_an_error(
    behind: PostgresDatabase, proxy: PostgresProxy
) -> None:
    async with anyio.create_task_group() as calls:
        for _ in range(20):
            calls.start_soon(behind.run, one)
    proxy.cut()
    await anyio.sleep(0.1)
    async with anyio.create_task_group() as calls:
        for _ in range(20):
            calls.start_soon(behind.run, one)
    assert behind.problem == ""


async def test_database_that_does_not_respond_costs_one_deadline_and_then_nothing(
    behind: PostgresDatabase, proxy: PostgresProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 0.3)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.5)
    proxy.stalled = True
    assert "does not respond in time" in await failure(behind)
    began = anyio.current_time()
    async with anyio.create_task_group() as calls:
        for _ in range(200):
            calls.start_soon(failure, behind)
    assert anyio.current_time() - began < 0.25
    # When it is due, one call looks whether the database is back; the others do not wait for that.
    await anyio.sleep(0.6)
    began = anyio.current_time()
    async with anyio.create_task_group() as calls:
        for _ in range(200):
            calls.start_soon(failure, behind)
    assert anyio.current_time() - began < 2
    proxy.stalled = False
    await recovery(behind)


async def test_slow_database_gets_its_connections_back_after_each_deadline(
    behind: PostgresDatabase, proxy: PostgresProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 0.1)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    proxy.delay_seconds = 0.2
    for _ in range(15):
        await failure(behind)
    proxy.delay_seconds = 0
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 2.0)
    await recovery(behind)
    async with anyio.create_task_group() as calls:
        for _ in range(50):
            calls.start_soon(behind.run, one)


async def test_full_database_is_named_and_can_still_be_read(
    database: PostgresDatabase, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ledger = PostgresLedger(database, "mog_a")
    entry, _ = await ledger.begin(Entry("", StartState.SENDING, fingerprint="f"), chain="f")
    await ledger.settle(entry, run_id="r", status="pending")
    with psycopg.connect(url, autocommit=True) as rows:
        rows.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
        )
        rows.execute("CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON tenants EXECUTE FUNCTION full_disk()")
    for _ in range(3):
        with pytest.raises(StateError, match="No space left"):
            await ledger.begin(Entry("", StartState.SENDING, fingerprint="g"), chain="g")
        assert [one.run_id for one in await ledger.runs()] == ["r"]
        assert "No space left" in database.problem
    with psycopg.connect(url, autocommit=True) as rows:
        rows.execute("DROP TRIGGER full_disk ON tenants")
    await ledger.begin(Entry("", StartState.SENDING, fingerprint="g"), chain="g")
    assert database.problem == ""
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


async def test_read_only_database_is_opened_and_read(database: PostgresDatabase, url: str) -> None:
    await database.check()
    forbid_writing(url, forbid=True)
    standby = PostgresDatabase(Secret(url))
    ledger = PostgresLedger(standby, "mog_a")
    assert "read-only" in await failure(standby)
    assert await ledger.runs() == []
    assert "read-only" in standby.problem
    forbid_writing(url, forbid=False)
    # New connections find the server that can be written.
    await recovery(standby)
    assert standby.problem == ""
    await standby.aclose()


async def test_failover_is_over_without_a_restart(
    behind: PostgresDatabase,
    proxy: PostgresProxy,
    url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.2)
    caplog.set_level(logging.WARNING)
    forbid_writing(url, forbid=True)
    proxy.cut()
    for _ in range(5):
        assert "read-only" in await failure(behind)
    forbid_writing(url, forbid=False)
    await recovery(behind)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


async def test_cancelled_call_leaves_its_transaction_whole(database: PostgresDatabase, url: str) -> None:
    await database.check()

    async def slow(rows: Connection) -> None:
        await rows.execute("INSERT INTO tenants VALUES ('a', 0)")
        await rows.execute("SELECT pg_sleep(0.1)")

    for _ in range(15):
        with anyio.move_on_after(0.01):
            await database.run(slow)
        with psycopg.connect(url) as rows:
            assert rows.execute("DELETE FROM tenants RETURNING tenant").fetchall() == [("a",)]
    assert database.problem == ""


async def test_two_hundred_calls_of_one_token_at_once_all_get_through(database: PostgresDatabase) -> None:
    counts = PostgresRequestCounts(database, "mog_a")
    counted = []

    async def spend() -> None:
        counted.append(
            await counts.count_within(
                Spent(database.now(), 1, watching=False), limit=1_000, window=62, longest_pause=62
            )
        )

    async with anyio.create_task_group() as calls:
        for _ in range(200):
            calls.start_soon(spend)
    assert counted == [True] * 200
    assert database.problem == ""


async def test_lock_that_others_hold_does_not_make_the_database_count_as_gone(
    database: PostgresDatabase, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.check()
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 0.5)
    locked, other = PostgresRequestCounts(database, "mog_a"), PostgresRequestCounts(database, "mog_b")
    await locked.pause(1)
    with psycopg.connect(url) as rows:
        rows.execute("UPDATE tenants SET paused_until = 0")

        async def wait() -> None:
            with pytest.raises(StateError):
                await locked.pause(2)

        async with anyio.create_task_group() as calls:
            for _ in range(5):
                calls.start_soon(wait)
            await anyio.sleep(0.2)
            await other.pause(1)
        assert database.problem == ""
        await other.pause(2)
        rows.rollback()
    await locked.pause(3)


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\udfff", "\x00"])
async def test_text_that_a_database_cannot_store_is_replaced(database: PostgresDatabase, text: str) -> None:
    ledger = PostgresLedger(database, "mog_a")
    wanted = Entry("", StartState.SENDING, fingerprint="f", prompt_line=text, repo=text, base_branch=text)
    entry, _ = await ledger.begin(wanted, chain="f")
    await ledger.settle(entry, run_id="r", status=text)
    await ledger.see_run("r", repo_id=text, status=text, pull_request=text, created_at=1.0)
    (kept,) = await ledger.runs()
    assert "\x00" not in kept.prompt_line
    assert kept.prompt_line.encode()
    assert database.problem == ""


async def test_rows_of_tenants_that_do_not_come_any_more_are_dropped(database: PostgresDatabase, url: str) -> None:
    await database.check()
    with psycopg.connect(url, autocommit=True) as rows:
        rows.execute("INSERT INTO tenants SELECT 'old ' || n, 0 FROM generate_series(1, 10000) n")
        rows.execute("INSERT INTO tenants VALUES ('paused', extract(epoch FROM now()) + 60)")
        rows.execute("INSERT INTO requests SELECT 'old ' || n, 1, 1, false FROM generate_series(1, 10000) n")
        rows.execute("INSERT INTO wait_limits SELECT 'old ' || n, 1, 1 FROM generate_series(1, 10000) n")
        rows.execute("INSERT INTO looks SELECT 'old ' || n, 'r', 1, '{}', 1, 1 FROM generate_series(1, 10000) n")
    await database._sweep()
    with psycopg.connect(url) as rows:
        assert rows.execute("SELECT tenant FROM tenants").fetchall() == [("paused",)]
        for table in ("requests", "wait_limits", "looks"):
            assert rows.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table))).fetchall() == [(0,)]
