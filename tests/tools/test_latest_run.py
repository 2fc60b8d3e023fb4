"""What a call means that names no run: never the run of another client."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client

from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Simulator
from tests.tools.people import facts
from tests.tools.support import error, settings
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio
LIVE = "Nightly review"


@contextlib.asynccontextmanager
async def two_clients(simulator: Simulator, journal: Path) -> AsyncIterator[tuple[Client, Client]]:
    """Two clients of one user, who share a journal."""
    own = settings(MOGPLEX_MCP_STATE_FILE=str(journal), MOGPLEX_MCP_MAX_WAIT="5")
    servers = [create_server(own, transport=simulator.transport(), now=virtual_now) for _ in range(2)]
    async with Client(servers[0]) as one, Client(servers[1]) as other:
        yield one, other


async def test_cancel_run_needs_a_run_id_and_cancels_nothing_without(tmp_path: Path) -> None:
    simulator = Simulator(now=virtual_now)
    async with two_clients(simulator, tmp_path / "state.db") as clients:
        run_id = (await facts(clients[0], "start_run", repo="acme/web", prompt="x"))["run_id"]
        for client in clients:
            assert "run_id" in await error(client, "cancel_run")
            assert "run_id" in await error(client, "cancel_run", run_id="")
    assert simulator.world.runs[run_id].ended is None
    assert not any(seen.path.endswith("/cancel") for seen in simulator.requests)


@pytest.mark.parametrize("tool", ["tail_run", "get_run"])
async def test_a_run_of_another_client_is_never_the_latest_one(tool: str, tmp_path: Path) -> None:
    simulator = Simulator(now=virtual_now)
    async with two_clients(simulator, tmp_path / "state.db") as (one, other):
        own = (await facts(one, "start_run", repo="acme/web", prompt="x"))["run_id"]
        refused = await error(other, tool)
        assert "give run_id: this client has not started a run yet; list_runs has those of others" in refused
        newest = (await facts(other, "start_run", repo="acme/web", prompt="y"))["run_id"]
        for client, run_id in ((one, own), (other, newest)):
            answer = await facts(client, tool)
            assert answer["run_id"] == run_id
            assert "latest run that was started from this client" in " ".join(answer["notes"])
            named = await facts(client, tool, run_id=run_id)
            assert "latest run" not in " ".join(named.get("notes", ()))


async def test_a_run_found_again_by_the_same_start_is_the_latest_of_both_clients(tmp_path: Path) -> None:
    simulator = Simulator(now=virtual_now)
    async with two_clients(simulator, tmp_path / "state.db") as (one, other):
        run_id = (await facts(one, "start_run", repo="acme/web", prompt="x"))["run_id"]
        assert (await facts(other, "start_run", repo="acme/web", prompt="x"))["run_id"] == run_id
        assert (await facts(one, "get_run"))["run_id"] == (await facts(other, "get_run"))["run_id"] == run_id
