"""One poller per run, a fair share of the rate limit for each of many runs, and no delay for users."""

import random

import anyio
import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.polling import FairQueue
from mogplex_mcp.runs.tail import Reason, Until
from mogplex_mcp.runs.watches import Watches
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.tenants.tenant import Tenant
from tests.runs.following import Script, follow, running
from tests.runs.support import count, simulated, start, tenant_of, without_quota

pytestmark = pytest.mark.anyio


async def requests_for(listeners: int, *, apart: float = 0.0) -> int:
    """Return the number of requests to follow one run to its end with that many concurrent listeners."""
    # The `Date` of a response has whole seconds: each story begins at the same fraction of one.
    await anyio.sleep(-anyio.current_time() % 1)
    simulator = simulated(600)
    ends = []
    async with tenant_of(simulator) as tenant:
        tenant.watches._jitter = lambda: 0.5
        run_id = (await start(tenant, simulator)).run.run_id

        async def listen(later: float) -> None:
            await anyio.sleep(later)
            cursor = Cursor(run_id)
            while True:
                news = await follow(tenant.watches.of(run_id), cursor)
                cursor = news.cursor
                if news.reason is Reason.ENDED:
                    ends.append(anyio.current_time())
                    return

        async with anyio.create_task_group() as tasks:
            for number in range(listeners):
                tasks.start_soon(listen, number * apart)
    assert len(ends) == listeners
    return count(simulator, "GET", "/events")


async def test_hundred_concurrent_tails_cost_as_much_as_one() -> None:
    assert await requests_for(100) == await requests_for(1)


async def test_hundred_staggered_tails_cost_hardly_more_than_one() -> None:
    assert await requests_for(100, apart=1.3) <= await requests_for(1) + 2


async def test_concurrent_refreshes_share_one_request_and_its_error() -> None:
    script = Script(MogplexError(ErrorCode.INTERNAL_ERROR, "no"), running(1))
    watch = script.watch()
    failed = []

    async def refresh() -> None:
        try:
            await watch.refresh()
        except MogplexError as error:
            failed.append(error)

    for asked in (1, 2):
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(refresh)
        assert script.asked == asked
    assert len(failed) == 10


async def test_next_caller_takes_over_when_poller_leaves() -> None:
    script = Script(running(1), running(1, 2))
    watch = script.watch()
    news = []

    async def short() -> None:
        await follow(watch, Cursor("").with_events(["event-1"]), wait=1, until=Until.UPDATE)

    async def long() -> None:
        news.append(await follow(watch, Cursor("").with_events(["event-1"]), until=Until.UPDATE))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(short)
        tasks.start_soon(long)
    assert (news[0].reason, script.asked) == (Reason.UPDATE, 2)


async def test_refresh_does_not_wait_for_poller_and_wakes_all_callers() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant, anyio.create_task_group() as tasks:
        run_id = (await start(tenant, simulator)).run.run_id
        watch = tenant.watches.of(run_id)
        await anyio.sleep(17)
        updates: list[float] = []

        async def listen() -> None:
            await follow(watch, (await follow(watch, wait=0)).cursor, until=Until.UPDATE)
            updates.append(anyio.current_time())

        tasks.start_soon(listen)
        await anyio.sleep(1.5)
        began = anyio.current_time()
        await watch.refresh()
        assert anyio.current_time() == began
        await anyio.sleep(0.01)
        assert updates == [began]


async def fifty_tails(simulator: Simulator, tenant: Tenant, wait: float, seconds: float) -> dict[str, int]:
    """Return how often each of fifty runs is polled while each is tailed repeatedly."""
    tenant.watches._jitter = random.Random(7).random  # noqa: S311 - the same in each run of the test
    run_ids = []
    for number in range(50):
        run_ids.append((await start(tenant, simulator, f"task {number}")).run.run_id)
        await anyio.sleep(8)
    since = len(simulator.requests)

    async def listen(run_id: str) -> None:
        while True:
            await follow(tenant.watches.of(run_id), Cursor(run_id), wait=wait)

    with anyio.move_on_after(seconds):
        async with anyio.create_task_group() as tasks:
            for run_id in run_ids:
                tasks.start_soon(listen, run_id)
    polled = [seen.path.split("/")[-2] for seen in simulator.requests[since:] if "/events" in seen.path]
    return {run_id: polled.count(run_id) for run_id in run_ids}


@pytest.mark.parametrize("wait", [4, 45, 3_600])
async def test_fifty_polled_runs_share_half_of_rate_limit_fairly(wait: float) -> None:
    simulator = simulated(36_000)
    without_quota(simulator)
    async with tenant_of(simulator) as tenant, anyio.create_task_group() as tasks:
        delays = []

        async def user() -> None:
            await anyio.sleep(420)
            while True:
                await anyio.sleep(4)
                began = anyio.current_time()
                await tenant.mogplex.list_repos()
                delays.append(anyio.current_time() - began)

        tasks.start_soon(user)
        polls = await fifty_tails(simulator, tenant, wait, 600)
        tasks.cancel_scope.cancel()
    # Half of the minute for ten minutes is 300 polls, six for each run, plus the first refreshes.
    assert 250 <= sum(polls.values()) <= 350
    assert max(polls.values()) <= (2 if wait < 10 else 1.5) * min(polls.values())
    assert max(delays) == 0
    assert not [seen for seen in simulator.requests if seen.status == 429]


async def test_fair_queue_prefers_oldest_response_and_survives_cancellation() -> None:
    queue, order = FairQueue(), []

    async def take(since: float, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            async with queue.turn(since):
                order.append(since)
                await anyio.sleep(1)

    async with anyio.create_task_group() as tasks:
        for since in (9, 5, 4, 7, 3, 1):
            tasks.start_soon(take, since, 0.5 if since == 4 else 10)
    assert order == [1, 3, 5, 7, 9]
    async with queue.turn(0):
        pass


async def test_watches_are_not_shared_between_tokens() -> None:
    simulator = simulated()
    async with tenant_of(simulator, token=DEMO_TOKEN) as mine:
        run_id = (await start(mine, simulator)).run.run_id
        await mine.watches.of(run_id).refresh()
        other = Watches(mine.mogplex)
        assert other.of(run_id).latest is None
