"""What replicas share besides the ledger: request counts, pauses, looks at runs, confirmations."""

from collections.abc import AsyncIterator

import anyio
import pytest
from psycopg import AsyncConnection

from mogplex_mcp.api.budget import Spent
from mogplex_mcp.api.models import RunEvents
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.runs.shared_look import SharedLook
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.looks import Look
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.storage.postgres.expiring_names import PostgresExpiringNames
from mogplex_mcp.storage.postgres.looks import KEPT_SECONDS, PostgresLooks
from mogplex_mcp.storage.postgres.request_counts import PostgresRequestCounts
from mogplex_mcp.storage.postgres.wait_limits import COPIED_SECONDS, PostgresWaitLimits
from mogplex_mcp.storage.wait_limits import WaitLimit
from tests.postgres_proxy import postgres_proxy
from tests.runs.support import a_run

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0
WINDOW = 62.0


@pytest.fixture
async def other(url: str) -> AsyncIterator[PostgresDatabase]:
    """The database as another replica has it."""
    opened = PostgresDatabase(Secret(url))
    yield opened
    await opened.aclose()


async def count(counts: PostgresRequestCounts, at: float = NOW, limit: int = 60) -> bool:
    return await counts.count_within(Spent(at, 1, watching=False), limit=limit, window=WINDOW, longest_pause=62.0)


async def test_replicas_count_one_window_together(database: PostgresDatabase, other: PostgresDatabase) -> None:
    counted: list[bool] = []

    async def spend(where: PostgresDatabase) -> None:
        counts = PostgresRequestCounts(where, "mog_a")
        counted.extend([await count(counts, limit=25) for _ in range(20)])

    async with anyio.create_task_group() as replicas:
        replicas.start_soon(spend, database)
        replicas.start_soon(spend, other)
    assert counted.count(True) == 25
    assert await PostgresRequestCounts(other, "mog_a").usage(NOW - WINDOW) == (25, 0.0)
    # Another token has a window of its own.
    assert await count(PostgresRequestCounts(other, "mog_b"), limit=1)


async def test_pause_holds_back_all_replicas_and_a_longer_one_stays(
    database: PostgresDatabase, other: PostgresDatabase
) -> None:
    first, second = PostgresRequestCounts(database, "mog_a"), PostgresRequestCounts(other, "mog_a")
    await first.pause(NOW + 30)
    await second.pause(NOW + 10)
    assert not await count(second)
    assert await count(second, NOW + 31)
    assert (await first.usage(NOW))[1] == NOW + 30
    # One that ends later than any that is asked for was written before the clock was set back.
    await first.pause(NOW + 9_999)
    assert await count(second)


async def test_requests_outside_of_the_window_are_forgotten(database: PostgresDatabase) -> None:
    counts = PostgresRequestCounts(database, "mog_a")
    for at in (NOW - 100, NOW, NOW + 100):
        assert await count(counts, at)
    await counts.forget(oldest=NOW - WINDOW, newest=NOW + WINDOW)
    assert await counts.usage(0) == (1, 0.0)


async def test_one_replica_gets_the_lease_and_the_others_what_it_saw(
    database: PostgresDatabase, other: PostgresDatabase
) -> None:
    mine, theirs = PostgresLooks(database, "mog_a"), PostgresLooks(other, "mog_a")
    assert await mine.claim("r", seen=0, lease_seconds=5) == 0
    wait = await theirs.claim("r", seen=0, lease_seconds=5)
    assert isinstance(wait, float)
    assert 0 < wait <= 5
    number = await mine.publish("r", '{"a": "\\u0000"}')
    look = await theirs.claim("r", seen=0, lease_seconds=5)
    assert isinstance(look, Look)
    assert (look.number, look.answer) == (number, '{"a": "\\u0000"}')
    assert 0 <= look.age_seconds < 5
    # The next look is whoever's asks first, and another token's run is another run.
    assert await theirs.claim("r", seen=number, lease_seconds=5) == 0
    assert await PostgresLooks(other, "mog_b").claim("r", seen=0, lease_seconds=5) == 0


async def test_lease_of_a_replica_that_died_ends(
    database: PostgresDatabase, other: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await PostgresLooks(database, "mog_a").claim("r", seen=0, lease_seconds=5) == 0
    now = other.now()
    monkeypatch.setattr(other, "now", lambda: now + 5.1)
    assert await PostgresLooks(other, "mog_a").claim("r", seen=0, lease_seconds=5) == 0


async def test_lease_of_a_replica_that_lost_the_database_ends_and_its_own_callers_get_their_news(
    other: PostgresDatabase, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with postgres_proxy(url) as proxy:
        cut_off = PostgresDatabase(Secret(proxy.url))
        shared = SharedLook(PostgresLooks(cut_off, "mog_a"), "r")
        assert await shared.claim(5) == 0
        proxy.close()
        await shared.publish(RunEvents(run=a_run(), events=[]))
        assert await shared.claim(5) == 0  # it looks for itself
        await cut_off.aclose()
    theirs = PostgresLooks(other, "mog_a")
    assert isinstance(wait := await theirs.claim("r", seen=0, lease_seconds=5), float)
    assert 0 < wait <= 5
    now = other.now()
    monkeypatch.setattr(other, "now", lambda: now + 5.1)
    assert await theirs.claim("r", seen=0, lease_seconds=5) == 0


async def test_lease_of_a_clock_that_was_set_back_ends(
    database: PostgresDatabase, other: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await PostgresLooks(database, "mog_a").claim("r", seen=0, lease_seconds=5) == 0
    now = other.now()
    monkeypatch.setattr(other, "now", lambda: now - 3_600)
    assert await PostgresLooks(other, "mog_a").claim("r", seen=0, lease_seconds=5) == 0


async def test_of_many_claims_at_once_one_gets_the_lease(database: PostgresDatabase, other: PostgresDatabase) -> None:
    claims = []

    async def claim(where: PostgresDatabase) -> None:
        claims.append(await PostgresLooks(where, "mog_a").claim("r", seen=0, lease_seconds=5))

    async with anyio.create_task_group() as replicas:
        for where in (database, other) * 8:
            replicas.start_soon(claim, where)
    assert claims.count(0.0) == 1


async def test_old_looks_are_dropped(database: PostgresDatabase, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = PostgresLooks(database, "mog_a")
    await looks.publish("old", "{}")
    now = database.now()
    monkeypatch.setattr(database, "now", lambda: now + KEPT_SECONDS + 1)
    await looks.publish("new", "{}")
    async with await AsyncConnection.connect(url) as rows:
        assert await (await rows.execute("SELECT run_id FROM looks")).fetchall() == [("new",)]


async def test_confirmation_counts_once_on_all_replicas(
    database: PostgresDatabase, other: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = PostgresExpiringNames(database), PostgresExpiringNames(other)
    assert await first.add("state", valid_seconds=900)
    assert not await second.add("state", valid_seconds=900)
    assert await second.add("another", valid_seconds=900)
    assert await first.has("another")
    assert not await first.has("a third")
    # What expired is not kept; its seal is refused before.
    now = other.now()
    monkeypatch.setattr(other, "now", lambda: now + 901)
    assert not await second.has("another")
    assert await second.add("state", valid_seconds=900)


async def test_what_one_replica_learnt_of_a_client_counts_for_the_others_after_the_exchange(
    database: PostgresDatabase, other: PostgresDatabase
) -> None:
    mine, theirs = PostgresWaitLimits(database), PostgresWaitLimits(other)
    await theirs.share()
    limit = WaitLimit(8.0, NOW + 600)
    mine.learn("client/1", lambda _: limit, forget_before=NOW)
    assert mine.limit("client/1", NOW) == limit
    await mine.share()
    assert theirs.limit("client/1", NOW) is None
    theirs._copied_at -= COPIED_SECONDS
    await theirs.share()
    assert theirs.limit("client/1", NOW) == limit
    assert theirs.limits(NOW) == {"client/1": limit}


async def test_what_cannot_be_exchanged_now_is_kept_for_the_next_time(
    database: PostgresDatabase, other: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = PostgresWaitLimits(database)
    limit = WaitLimit(8.0, NOW + 600)
    mine.learn("client/1", lambda _: limit, forget_before=NOW)
    with monkeypatch.context() as away:
        away.setattr(database, "run", _unusable)
        await mine.share()
    await mine.share()
    theirs = PostgresWaitLimits(other)
    await theirs.share()
    assert theirs.limit("client/1", NOW) == limit


async def _unusable(_: object) -> None:
    raise StateError("the database cannot be used")
