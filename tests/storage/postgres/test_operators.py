"""What operators do to a database while it is in use: locks, limits, rights, defaults of the role, a new database."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import anyio
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from mogplex_mcp.api.budget import Spent
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.ledger import Entry, StartState
from mogplex_mcp.storage.postgres import database as module
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.storage.postgres.ledger import PostgresLedger
from mogplex_mcp.storage.postgres.request_counts import PostgresRequestCounts
from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def role(server: PostgresServer, url: str) -> Iterator[str]:
    """A role that owns the database, and nothing else."""
    name = f"role_{uuid.uuid4().hex}"
    server.execute(f'CREATE ROLE "{name}" LOGIN')
    server.execute(f'ALTER DATABASE "{url.rpartition("/")[2]}" OWNER TO "{name}"')
    yield name
    server.execute(f'DROP OWNED BY "{name}" CASCADE', database=url.rpartition("/")[2])
    server.execute(f'ALTER DATABASE "{url.rpartition("/")[2]}" OWNER TO postgres')
    server.execute(f'DROP ROLE "{name}"')


@pytest.fixture
async def opened(role: str, url: str) -> AsyncIterator[Callable[[], PostgresDatabase]]:
    """Opens the database as that role, as another replica would."""
    databases = []

    def open_it() -> PostgresDatabase:
        databases.append(PostgresDatabase(Secret(url.replace("postgres@", f"{role}@"))))
        return databases[-1]

    yield open_it
    for database in databases:
        await database.aclose()


def wanted(fingerprint: str) -> Entry:
    return Entry("", StartState.SENDING, fingerprint=fingerprint)


async def test_table_that_is_locked_leaves_no_waiting_connections_behind(
    database: PostgresDatabase, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 20.0)
    ledger = PostgresLedger(database, "mog_a")
    await ledger.begin(wanted("f"), chain="f")
    with psycopg.connect(url) as locker:
        locker.execute("LOCK TABLE starts")
        with pytest.raises(StateError, match="does not respond in time"):
            await ledger.begin(wanted("g"), chain="g")
        question = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        assert locker.execute(question).fetchall() == [(0,)]
        # Everything else of the database works, and it does not count as gone.
        await PostgresRequestCounts(database, "mog_b").pause(1)
        assert database.problem == ""
    await ledger.begin(wanted("g"), chain="g")


async def test_table_that_is_dropped_is_named_and_used_again_once_it_is_restored(
    database: PostgresDatabase, url: str
) -> None:
    ledger = PostgresLedger(database, "mog_a")
    await ledger.begin(wanted("f"), chain="f")
    with psycopg.connect(url, autocommit=True) as rows:
        rows.execute("ALTER TABLE starts RENAME TO gone")
        with pytest.raises(StateError, match='relation "starts" does not exist'):
            await ledger.begin(wanted("f"), chain="f")
        rows.execute("ALTER TABLE gone RENAME TO starts")
    assert (await ledger.begin(wanted("f"), chain="f"))[1]
    assert database.problem == ""


async def test_database_that_is_made_anew_is_one_for_all_replicas_again(
    server: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    name = url.rpartition("/")[2]
    old = PostgresDatabase(Secret(url))
    before = await old.tenant("mog_a")
    server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    with pytest.raises(StateError, match="does not exist"):
        await old.check()
    server.create_database(name)
    new = PostgresDatabase(Secret(url))
    await old.check()
    assert await old.tenant("mog_a") == await new.tenant("mog_a") != before
    await old.aclose()
    await new.aclose()


async def test_role_without_rights_is_named_and_not_asked_again_at_once(
    server: PostgresServer, opened: Callable[[], PostgresDatabase], role: str, url: str
) -> None:
    name = url.rpartition("/")[2]
    server.execute(f'ALTER DATABASE "{name}" OWNER TO postgres')
    database = opened()
    for _ in range(20):
        with pytest.raises(StateError, match="permission denied for schema public"):
            await database.check()
    used = server.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()", database=name)
    assert used[0][0] <= 3


async def test_rights_that_are_taken_away_stop_writes_only(
    server: PostgresServer, opened: Callable[[], PostgresDatabase], role: str, url: str
) -> None:
    ledger = PostgresLedger(opened(), "mog_a")
    entry, _ = await ledger.begin(wanted("f"), chain="f")
    await ledger.settle(entry, run_id="r", status="pending")
    server.execute(f'REVOKE INSERT ON starts FROM "{role}"', database=url.rpartition("/")[2])
    with pytest.raises(StateError, match="permission denied for table starts"):
        await ledger.begin(wanted("g"), chain="g")
    assert [one.run_id for one in await ledger.runs()] == ["r"]


async def test_one_connection_is_enough_where_the_role_has_no_more(
    server: PostgresServer, opened: Callable[[], PostgresDatabase], role: str
) -> None:
    server.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT 1')
    database = opened()
    counts = PostgresRequestCounts(database, "mog_a")
    async with anyio.create_task_group() as calls:
        for _ in range(30):
            calls.start_soon(counts.pause, 1)
    # One more replica finds no room, and says why.
    with pytest.raises(StateError, match="too many connections for role"):
        await opened().check()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("default_transaction_isolation", "serializable"),
        ("default_transaction_isolation", "repeatable read"),
    ],
)
async def test_defaults_of_the_role_change_nothing(
    opened: Callable[[], PostgresDatabase], role: str, url: str, name: str, value: str
) -> None:
    first = opened()
    await first.check()
    with psycopg.connect(url, autocommit=True) as rows:
        rows.execute(SQL("ALTER ROLE {} SET {} = {}").format(Identifier(role), Identifier(name), value))
    counted = []

    async def spend(where: PostgresDatabase) -> None:
        counts = PostgresRequestCounts(where, "mog_a")
        request = Spent(first.now(), 1, watching=False)
        counted.extend([await counts.count_within(request, limit=25, window=62, longest_pause=62) for _ in range(10)])

    async with anyio.create_task_group() as replicas:
        for where in (opened(), opened(), opened(), opened()):
            replicas.start_soon(spend, where)
    assert (counted.count(True), len(counted)) == (25, 40)
