"""The clock of this machine is off, or is set while a call waits: no run is judged by it."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from mcp import Client

from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Simulator
from tests.tools.people import facts
from tests.tools.support import answer, settings, text_of
from tests.virtual_time import VirtualTimeLoop, virtual_now

pytestmark = pytest.mark.anyio
FORTY_MINUTES = 2_400.0


class WallClock:
    """The clock of this machine, which may be ahead of or behind that of Mogplex."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.ahead = ahead

    def __call__(self) -> float:
        return virtual_now() + self.ahead


@contextlib.asynccontextmanager
async def connected_client(simulator: Simulator, clock: WallClock, **environment: str) -> AsyncIterator[Client]:
    server = create_server(settings(**environment), transport=simulator.transport(), now=clock)
    async with Client(server) as client:
        yield client


async def started(client: Client) -> dict[str, Any]:
    return {"run_id": (await facts(client, "start_run", repo="acme/web", prompt="x"))["run_id"]}


@pytest.mark.parametrize("ahead", [FORTY_MINUTES, -FORTY_MINUTES, 86_400.0, -86_400.0])
async def test_tail_run_waits_and_says_the_true_age_whatever_the_clock_of_the_machine_says(ahead: float) -> None:
    simulator = Simulator(now=virtual_now, run_seconds=600)
    async with connected_client(simulator, WallClock(ahead), MOGPLEX_MCP_MAX_WAIT="60") as client:
        run = await started(client)
        began = anyio.current_time()
        news = await facts(client, "tail_run", **run)
        details = await answer(client, "get_run", **run)
        listed = await answer(client, "list_runs")
    assert anyio.current_time() - began >= 55
    assert "Still running on Mogplex (preparing after 1 min)" in news["summary"]
    assert "stale" not in news
    assert details.structured_content is not None
    assert listed.structured_content is not None
    assert details.structured_content["next_steps"][0]["tool"] == "tail_run"
    assert details.structured_content["created"] == "2027-01-15T08:00:00Z"
    assert "created: 1 min ago (2027-01-15T08:00:00Z)" in text_of(details)
    assert "started 1 min ago (" in text_of(listed)


@pytest.mark.parametrize("step", [FORTY_MINUTES, -FORTY_MINUTES])
async def test_tail_run_goes_on_when_the_clock_is_set_during_the_wait(step: float) -> None:
    simulator = Simulator(now=virtual_now, run_seconds=600)
    clock = WallClock()

    async def set_the_clock() -> None:
        await anyio.sleep(20)
        clock.ahead += step

    async with (
        connected_client(simulator, clock, MOGPLEX_MCP_MAX_WAIT="60") as client,
        anyio.create_task_group() as tasks,
    ):
        run = await started(client)
        tasks.start_soon(set_the_clock)
        began = anyio.current_time()
        news = await facts(client, "tail_run", **run)
    assert anyio.current_time() - began >= 55
    assert "Still running" in news["summary"]
    assert "notes" not in news


@pytest.mark.parametrize("ahead", [FORTY_MINUTES, -FORTY_MINUTES])
async def test_a_run_that_was_never_queued_is_found_out_in_time_whatever_the_clock_says(ahead: float) -> None:
    simulator = Simulator(now=virtual_now, run_seconds=600)
    simulator.plan("stuck_pending")
    async with connected_client(simulator, WallClock(ahead), MOGPLEX_MCP_MAX_WAIT="600") as client:
        run = await started(client)
        began = anyio.current_time()
        news = await facts(client, "tail_run", **run)
    assert 180 <= anyio.current_time() - began <= 200
    assert "accepted this run 3 min ago, but no worker ever took it" in news["summary"]


async def test_silence_is_reported_with_its_true_length() -> None:
    simulator = Simulator(now=virtual_now, run_seconds=600)
    simulator.plan("falls_back_to_pending")
    async with connected_client(simulator, WallClock()) as client:
        run = await started(client)
        await anyio.sleep(600)
        await anyio.sleep(7 * 86_400)
        news = await facts(client, "tail_run", **run)
        details = await facts(client, "get_run", **run)
    assert "Nothing was heard of this run for 7 d." in news["summary"]
    assert "Nothing was heard of this run for 7 d." in " ".join(details["notes"])
    assert details["next_steps"][0]["tool"] == "cancel_run"


@pytest.mark.parametrize("monotonic_goes_on", [True, False])
async def test_tail_run_says_that_the_machine_slept_and_does_not_blame_the_budget(monotonic_goes_on: bool) -> None:
    random.seed(1)
    simulator = Simulator(now=virtual_now, run_seconds=86_400)
    clock = WallClock()

    async def sleep_until_the_wait_is_over() -> None:
        # Between the last poll before the deadline and the deadline: polls are random, and the seed says how.
        await anyio.sleep(58.5)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        if monotonic_goes_on:
            loop.pass_by(FORTY_MINUTES)
        else:
            clock.ahead += FORTY_MINUTES

    async with (
        connected_client(simulator, clock, MOGPLEX_MCP_MAX_WAIT="60") as client,
        anyio.create_task_group() as tasks,
    ):
        run = await started(client)
        tasks.start_soon(sleep_until_the_wait_is_over)
        news = await facts(client, "tail_run", **run)
    said = " ".join(news.get("notes", ()))
    assert "slept" in said
    assert "40 min" in said
    assert "half of the requests" not in said
