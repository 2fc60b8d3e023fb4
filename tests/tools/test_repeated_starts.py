"""What start_run answers when the same arguments come again within ten minutes."""

import anyio
import httpx2
import pytest
from mcp import Client

from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from tests.runs.support import started_runs
from tests.tools.people import client_with, facts
from tests.tools.support import settings
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

START = {"repo": "acme/web", "prompt": "fix the flaky test"}


async def test_start_run_after_the_end_of_the_run_says_that_it_has_ended_and_how_to_start_another() -> None:
    async with client_with(None, Simulator(now=virtual_now, run_seconds=60)) as client:
        first = await facts(client, "start_run", **START)
        await anyio.sleep(120)
        again = await facts(client, "start_run", **START)
        forced = await facts(client, "start_run", **START, force_new=True)
    assert (again["run_id"], again["replayed"], again["status"]) == (first["run_id"], True, "success")
    assert "has ended already, started 2 min" in again["summary"]
    assert again["next_steps"][0]["tool"] == "get_run"
    assert "call start_run with force_new" in " ".join(again["notes"])
    assert forced["run_id"] != first["run_id"]
    assert forced["replayed"] is False


async def test_start_run_tells_a_run_that_could_not_be_queued_from_one_that_failed() -> None:
    simulator = Simulator(now=virtual_now, run_seconds=60)
    simulator.faults.add(Fault(FaultKind.QUEUE_FAILURE, method="POST", seconds=9))
    async with client_with(None, simulator) as client:
        unqueued = await facts(client, "start_run", **START)
        simulator.plan("failed")
        failed = START | {"prompt": "something else"}
        await facts(client, "start_run", **failed)
        await anyio.sleep(120)
        again = await facts(client, "start_run", **failed)
    assert "could not queue it" in unqueued["summary"]
    assert "call start_run with force_new" in " ".join(unqueued["notes"])
    assert again["status"] == "failed"
    assert "has ended already" in again["summary"]


class NoDate(httpx2.AsyncBaseTransport):
    """A proxy that strips the time of responses."""

    def __init__(self, mogplex: httpx2.AsyncBaseTransport) -> None:
        self._mogplex = mogplex

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._mogplex.handle_async_request(request)
        response.headers.pop("date", None)
        return response


async def test_a_forced_start_whose_response_is_lost_is_one_run_without_the_time_of_responses() -> None:
    simulator = Simulator(now=virtual_now, run_seconds=60)
    server = create_server(settings(), transport=NoDate(simulator.transport()), now=virtual_now)
    async with Client(server) as client:
        first = await facts(client, "start_run", **START)
        simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", path="/runs"))
        forced = await facts(client, "start_run", **START, force_new=True)
    assert forced["run_id"] != first["run_id"]
    assert len(started_runs(simulator)) == 2
