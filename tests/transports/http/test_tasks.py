"""A task over HTTP: followed to its end, by its owner only."""

import contextlib
from collections.abc import AsyncIterator

import anyio
import httpx2
import mcp_types
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN, Simulator
from tests.server.support import start
from tests.server.tasking import Tasks, acknowledged, ask, begin
from tests.transports.http.support import app_for, served

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def caller(address: str, token: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http,
        Client(streamable_http_client(f"http://{address}/mcp", http_client=http), extensions=[Tasks()]) as client,
    ):
        yield client


async def test_a_task_is_followed_to_its_end_and_belongs_to_its_caller() -> None:
    async with (
        served(app_for(Simulator(run_seconds=2).transport())) as address,
        caller(address, DEMO_TOKEN) as mine,
        caller(address, DEMO_OTHER_TOKEN) as others,
    ):
        run_id = await start(mine)
        task = await begin(mine, run_id=run_id)
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            with pytest.raises(MCPError) as caught:
                await ask(others, method, task.task_id)
            assert caught.value.code == mcp_types.INVALID_PARAMS
            assert caught.value.error.data == {"error": "foreign_task"}
        await acknowledged(mine, "tasks/cancel", task.task_id)
        assert (await ask(mine, "tasks/get", task.task_id)).status == "cancelled"
        with anyio.fail_after(60):
            result = await mine.call_tool("tail_run", {"run_id": run_id})
    assert result.structured_content
    assert result.structured_content["pull_request"]
