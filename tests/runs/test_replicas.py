"""Replicas that share the last look at each run: one of them asks Mogplex."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import anyio
import pytest

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.tail import Reason, Until
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.looks import Look, SharedLooks
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.store import SqliteStore
from mogplex_mcp.tenants.tenant import Tenant, Tenants
from tests.runs.following import Script, follow, running
from tests.runs.support import BASE_URL, RUN_ID, count, simulated, start
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


class SharedInMemory:
    """The looks of several replicas in one process, by the rules of `SharedLooks`."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[int, str, float, float]] = {}
        self.is_away = False

    async def claim(self, run_id: str, *, seen: int, lease_seconds: float) -> Look | float:
        await self._check()
        now = anyio.current_time()
        number, answer, at, leased_until = self.rows.get(run_id, (0, "", now, 0.0))
        if number > seen:
            return Look(number, answer, now - at)
        if leased_until > now:
            return leased_until - now
        self.rows[run_id] = number, answer, at, now + lease_seconds
        return 0.0

    async def publish(self, run_id: str, answer: str) -> int:
        await self._check()
        number = self.rows.get(run_id, (0,))[0] + 1
        self.rows[run_id] = number, answer, anyio.current_time(), 0.0
        return number

    async def _check(self) -> None:
        await anyio.lowlevel.checkpoint()
        if self.is_away:
            raise StateError("the database cannot be used: it is away")


@contextlib.asynccontextmanager
async def replicas(simulator: Simulator, looks: SharedLooks | None, number: int) -> AsyncIterator[Sequence[Tenant]]:
    """Yield the same tenant in several processes."""
    state = StateFile(None)
    async with simulator.transport() as transport:
        tenants = []
        for _ in range(number):
            store = SqliteStore(state, virtual_now)
            tenant = Tenants(BASE_URL, transport, store, virtual_now).of(FoundToken(Token.parse(DEMO_TOKEN), "a test"))
            tenant.watches._looks = looks
            tenant.watches._jitter = lambda: 0.5
            tenants.append(tenant)
        yield tenants
    state.close()


async def requests_for(followers: int, number: int, looks: SharedLooks | None) -> int:
    """The requests to follow one run of ten minutes to its end, with followers spread over replicas."""
    await anyio.sleep(-anyio.current_time() % 1)
    simulator = simulated(600)
    ended = []
    async with replicas(simulator, looks, number) as tenants:
        run_id = (await start(tenants[0], simulator)).run.run_id

        async def keep_following(tenant: Tenant) -> None:
            cursor = Cursor(run_id)
            while True:
                news = await follow(tenant.watches.of(run_id), cursor)
                cursor = news.cursor
                if news.reason is Reason.ENDED:
                    ended.append(tenant)
                    return

        async with anyio.create_task_group() as tasks:
            for one in range(followers):
                tasks.start_soon(keep_following, tenants[one % number])
    assert len(ended) == followers
    return count(simulator, "GET", "/events")


async def test_hundred_followers_on_three_replicas_cost_hardly_more_than_one() -> None:
    alone = await requests_for(1, 1, None)
    assert await requests_for(100, 3, SharedInMemory()) <= 1.2 * alone


async def test_without_the_database_each_replica_looks_for_itself() -> None:
    away = SharedInMemory()
    away.is_away = True
    assert await requests_for(3, 3, away) == await requests_for(3, 3, None)


@pytest.mark.parametrize("answer", ["", "{}", "[]", '{"run": {"runId": 5}, "events": []}'])
async def test_look_of_another_release_that_cannot_be_read_is_taken_again(answer: str) -> None:
    looks = SharedInMemory()
    looks.rows[RUN_ID] = 7, answer, anyio.current_time(), 0.0
    script = Script(running(1))
    assert (await script.watch(looks).refresh()).run.run_id == RUN_ID
    assert script.asked == 1
    assert looks.rows[RUN_ID][0] == 8


async def test_replica_that_dies_while_it_polls_delays_news_by_one_interval() -> None:
    looks = SharedInMemory()
    watch = Script(running(1), running(1, 2)).watch(looks)
    first = await watch.refresh()
    await anyio.sleep(watch._pause)
    # The other replica takes the lease, and is heard of no more.
    assert await looks.claim(RUN_ID, seen=looks.rows[RUN_ID][0], lease_seconds=watch._pause) == 0
    began = anyio.current_time()
    await watch.after(first)
    assert anyio.current_time() - began <= watch._pause + 0.5


async def test_news_that_another_replica_read_reach_a_waiting_call_within_half_a_second() -> None:
    looks = SharedInMemory()
    script = Script(running(1))
    mine, theirs = script.watch(looks), Script(running(1), running(1, 2)).watch(looks)
    first = await theirs.refresh()
    seen = await mine.refresh()
    assert script.asked == 0
    mine._next_poll_at += 0.1  # the other replica is the one that polls
    read_at = []

    async def poll() -> None:
        await theirs.after(first)
        read_at.append(anyio.current_time())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(poll)
        news = await follow(mine, Cursor(RUN_ID).with_events(["event-1"]), until=Until.UPDATE)
    assert [event.id for group in news.groups for event in group.events] == ["event-2"]
    assert seen.number == 1
    assert anyio.current_time() - read_at[0] <= 0.6
    assert script.asked == 0
