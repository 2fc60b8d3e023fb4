"""A process that was stopped, or too busy, over the time at which it had to answer."""

import asyncio

import anyio
import pytest

from tests.faults.routes import GOING_ON, ROUTES, simulated
from tests.faults.support import everything, outcome_of
from tests.virtual_time import VirtualTimeLoop

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("stopped_seconds", [36, 45, 120, 3_000])
async def test_a_wait_that_ran_out_meanwhile_still_ends_with_its_answer(stopped_seconds: float) -> None:
    simulator = simulated()
    simulator.world.runs[GOING_ON].seconds = 86_400.0
    route = next(route for route in ROUTES if route.name == "run-going-on")

    async def stop() -> None:
        await anyio.sleep(10)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.pass_by(stopped_seconds)

    async with everything(simulator, route) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(stop)
        outcome = await outcome_of(client, route.tool, route.arguments)
    assert not outcome.code, outcome.text
    assert "Still running" in outcome.text or "Nothing was heard" in outcome.text
