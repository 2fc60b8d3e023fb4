import hashlib
import logging
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.postgres import database as module
from mogplex_mcp.storage.postgres import schema
from mogplex_mcp.storage.postgres.connection import Connection
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from tests.postgres_server import GUARDED, PostgresServer

pytestmark = pytest.mark.anyio

PASSWORD = "pw-Z3b1-do-not-show"


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(Secret(url), **options)
    try:
        yield database
    finally:
        await database.aclose()


async def one(rows: Connection) -> int:
    row = await (await rows.execute("SELECT 1")).fetchone()
    assert row is not None
    return int(row[0])


async def failure(database: PostgresDatabase) -> str:
    with pytest.raises(StateError) as raised:
        await database.run(one)
    return str(raised.value)


async def test_database_is_opened_at_first_use_and_has_the_newest_schema(database: PostgresDatabase, url: str) -> None:
    assert await database.run(one) == 1
    with psycopg.connect(url) as rows:
        assert rows.execute("SELECT version FROM schema_version").fetchall() == [(schema.SCHEMA_VERSION,)]


async def test_eight_replicas_that_start_at_once_migrate_one_empty_database(url: str) -> None:
    async def start() -> None:
        async with opened(url) as database:
            assert await database.run(one) == 1

    async with anyio.create_task_group() as replicas:
        for _ in range(8):
            replicas.start_soon(start)


async def test_secrets_are_the_same_for_all_replicas_and_differ_by_purpose(url: str) -> None:
    async with opened(url) as first, opened(url) as second:
        assert await first.secret("sealing") == await second.secret("sealing") != await first.secret("tenants")
        assert await first.tenant("mog_a") == await second.tenant("mog_a") != await first.tenant("mog_b")


async def test_an_operation_that_fails_leaves_nothing_behind(database: PostgresDatabase, url: str) -> None:
    async def fails(rows: Connection) -> None:
        await rows.execute("INSERT INTO tenants VALUES ('a', 0)")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.run(fails)
    with psycopg.connect(url) as rows:
        assert rows.execute("SELECT * FROM tenants").fetchall() == []


@pytest.mark.parametrize("error", [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected])
async def test_a_transaction_that_the_database_gave_up_is_tried_again(
    database: PostgresDatabase, error: type[Exception]
) -> None:
    tries = []

    async def gives_up(rows: Connection) -> int:
        tries.append(1)
        if len(tries) < 3:
            raise error
        return await one(rows)

    assert await database.run(gives_up) == 1
    assert len(tries) == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda url: re.sub(r":\d+/", ":1/", url), "refused"),
        (lambda url: url.replace("postgres@", f"nobody-here:{PASSWORD}@"), "nobody-here"),
        (lambda url: re.sub(r"[^/]*$", "not-there", url), "not-there"),
        (lambda url: url + "?sslmode=require", "SSL"),
    ],
)
async def test_database_that_cannot_be_opened_says_why_without_the_password(url: str, change: Any, reason: str) -> None:
    async with opened(change(url)) as database:
        message = await failure(database)
    assert message.startswith("the database cannot be used: ")
    assert reason in message
    assert "\n" not in message
    assert PASSWORD not in message


@pytest.fixture
def guarded(server: PostgresServer, url: str) -> Iterator[str]:
    """The address of a database whose role needs the password `right`."""
    server.execute(f"CREATE ROLE {GUARDED} SUPERUSER LOGIN PASSWORD 'right'")
    yield url.replace("postgres@", f"{GUARDED}@")
    server.execute(f"DROP OWNED BY {GUARDED}", database=url.rpartition("/")[2])
    server.execute(f"DROP ROLE {GUARDED}")


async def test_wrong_password_is_named_and_not_shown(guarded: str) -> None:
    async with opened(guarded.replace("@", ":right@")) as database:
        assert await database.run(one) == 1
    async with opened(guarded.replace("@", f":{PASSWORD}@")) as database:
        message = await failure(database)
    assert "password authentication failed" in message
    assert PASSWORD not in message


async def test_password_file_of_libpq_is_read(guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:{GUARDED}:right\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    async with opened(guarded) as database:
        assert await database.run(one) == 1


async def test_database_of_a_newer_release_is_refused_and_left_as_it_is(url: str) -> None:
    async with opened(url) as database:
        await database.run(one)
    with psycopg.connect(url) as rows:
        rows.execute("UPDATE schema_version SET version = 99, usable_from = 99")
    async with opened(url) as database:
        assert "newer mogplex-mcp (schema 99)" in await failure(database)
    with psycopg.connect(url) as rows:
        rows.execute("UPDATE schema_version SET usable_from = 1")
    # A newer release whose change this one can live with, during a roll-over.
    async with opened(url) as database:
        assert await database.run(one) == 1


async def test_steps_of_the_schema_never_change() -> None:
    # What a released step made is on the servers of others.
    digests = [hashlib.sha256(repr(step).encode()).hexdigest()[:12] for step in schema.STEPS]
    assert digests == ["b42a311a3d04", "e98e35cfe657"]


async def test_crash_of_the_database_is_reported_once_and_over_when_it_is_back(
    server: PostgresServer,
    database: PostgresDatabase,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    caplog.set_level(logging.WARNING)
    assert await database.run(one) == 1
    server.stop()
    try:
        assert "the database cannot be used" in await failure(database)
        assert "refused" in await failure(database)
        assert database.problem
    finally:
        server.start()
    assert await database.run(one) == 1
    assert database.problem == ""
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


async def test_failed_database_is_not_asked_again_for_a_moment(
    server: PostgresServer, database: PostgresDatabase
) -> None:
    await database.run(one)
    server.stop()
    try:
        first = await failure(database)
    finally:
        server.start()
    # It could be used by now; nobody looks.
    assert await failure(database) == first


async def test_slow_database_fails_within_the_deadline(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.run(one)
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 0.05)

    async def slow(rows: Connection) -> None:
        await rows.execute("SELECT pg_sleep(60)")

    with pytest.raises(StateError, match="does not respond in time"):
        await database.run(slow)


async def test_read_only_database_is_an_error_of_the_state(server: PostgresServer, url: str) -> None:
    async with opened(url) as database:
        await database.run(one)
    with psycopg.connect(url, autocommit=True) as rows:
        name = Identifier(url.rpartition("/")[2])
        rows.execute(SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    async with opened(url) as database:
        with pytest.raises(StateError, match="read-only"):
            await database.secret("tenants")


async def test_times_are_those_of_the_database(url: str) -> None:
    async with (
        opened(url, clock=lambda: time.time() - 60) as late,
        opened(url, clock=lambda: time.time() + 60) as early,
    ):
        await late.run(one)
        await early.run(one)
        assert abs(late.now() - early.now()) < 5
        assert abs(late.now() - time.time()) < 5
