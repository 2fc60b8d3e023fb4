"""Runs that no call waits for are polled after all others."""

import anyio
import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.runs.unawaited import INTERVAL_SECONDS, PAUSE_SECONDS, UnawaitedPolling
from mogplex_mcp.runs.watches import Watches
from tests.runs.following import Script, follow, running
from tests.runs.support import RUN_ID
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


class Budget:
    """A budget that is used up for polls until it is opened."""

    def __init__(self) -> None:
        self.open = anyio.Event()
        self.waiting = 0

    async def reserve(self) -> None:
        self.waiting += 1
        try:
            await self.open.wait()
        finally:
            self.waiting -= 1


def watches_of(mogplex: Script, budget: Budget) -> Watches:
    return Watches(mogplex, reserve=budget.reserve, now=virtual_now, jitter=lambda: 0.5)  # type: ignore[arg-type]


async def test_a_poll_that_no_call_waits_for_gives_way_to_one_that_is_waited_for() -> None:
    mogplex, budget = Script(running(1), running(1, 2)), Budget()
    watch = watches_of(mogplex, budget).of(RUN_ID)
    async with anyio.create_task_group() as group:
        await follow(watch, wait=0)
        await anyio.sleep(INTERVAL_SECONDS)
        group.start_soon(watch.poll_unawaited)
        await anyio.sleep(1)
        assert (budget.waiting, mogplex.asked) == (1, 1)
        group.start_soon(follow, watch)
        await anyio.sleep(1)
        assert (budget.waiting, mogplex.asked) == (1, 1), "one of the two waits"
        budget.open.set()
        await anyio.sleep(1)
        assert mogplex.asked == 2
        group.cancel_scope.cancel()


async def test_a_run_that_a_call_waits_for_is_not_polled_for_its_subscribers() -> None:
    mogplex, budget = Script(running(1)), Budget()
    budget.open.set()
    watches = watches_of(mogplex, budget)
    async with anyio.create_task_group() as group:
        group.start_soon(UnawaitedPolling(lambda: [RUN_ID]).run, lambda: watches)
        await anyio.sleep(INTERVAL_SECONDS + PAUSE_SECONDS)
        before = mogplex.asked
        await follow(watches.of(RUN_ID), wait=60)
        waited = mogplex.asked - before
        await anyio.sleep(60)
        group.cancel_scope.cancel()
    assert waited <= 60 / 5 + 1
    assert 2 <= mogplex.asked - before - waited <= 3


async def test_a_run_that_is_gone_is_not_polled_again() -> None:
    mogplex, budget = Script(MogplexError(ErrorCode.NOT_FOUND, "gone")), Budget()
    budget.open.set()
    watches = watches_of(mogplex, budget)
    with anyio.move_on_after(600):
        await UnawaitedPolling(lambda: [RUN_ID]).run(lambda: watches)
    assert mogplex.asked == 1
