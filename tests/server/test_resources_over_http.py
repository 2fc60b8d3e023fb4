"""What callers of one HTTP server may hear of each other: real processes, real time."""

import contextlib
from collections.abc import AsyncIterator, Iterator

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.subscriptions import ResourceUpdated

from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN
from tests.server.support import follow, start
from tests.transports.processes import http_server, simulator

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    with simulator(home, "--demo-seconds", "1") as mogplex, http_server(home, "--url", mogplex) as served:
        yield served


@contextlib.asynccontextmanager
async def caller(address: str, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as client,
    ):
        yield client


async def test_listener_gets_updates_of_its_own_runs_only(address: str) -> None:
    async with caller(address, DEMO_TOKEN) as mine, caller(address, DEMO_OTHER_TOKEN) as others:
        run_id = await start(mine)
        uri = f"mogplex://runs/{run_id}"
        async with (
            mine.listen(resource_subscriptions=[uri]) as stream,
            others.listen(resource_subscriptions=[uri]) as overhearing,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(follow, mine, run_id)
            with anyio.fail_after(20):
                assert await anext(stream) == ResourceUpdated(uri)
            # Whatever would reach the other one was sent before this answer.
            await others.list_tools()
            with anyio.move_on_after(0.05) as silence:
                await anext(overhearing)
            assert silence.cancelled_caught
        assert len((await mine.list_resources()).resources) == 2
        assert len((await others.list_resources()).resources) == 1


async def test_subscriptions_are_not_declared_over_stateless_http(address: str) -> None:
    async with caller(address, DEMO_TOKEN, "legacy") as legacy, caller(address, DEMO_TOKEN) as modern:
        assert legacy.server_capabilities.resources
        assert not legacy.server_capabilities.resources.subscribe
        assert modern.server_capabilities.resources
        assert modern.server_capabilities.resources.subscribe
