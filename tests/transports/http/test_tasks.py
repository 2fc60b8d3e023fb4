"""A task over HTTP: followed to its end, by its owner only."""

import contextlib
from collections.abc import AsyncIterator

import anyio
import httpx2
import mcp_types
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY

from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN, Simulator
from tests.server.support import start
from tests.server.tasking import TASKS, Tasks, acknowledged, ask, begin
from tests.transports.http.support import HEADERS, app_for, served
from tests.virtual_time import EPOCH

pytestmark = pytest.mark.anyio

RUN_SECONDS = 600


@contextlib.asynccontextmanager
async def caller(address: str, token: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http,
        Client(streamable_http_client(f"http://{address}/mcp", http_client=http), extensions=[Tasks()]) as client,
    ):
        yield client


async def test_a_task_is_followed_to_its_end_and_belongs_to_its_caller() -> None:
    passed = 0.0
    simulator = Simulator(now=lambda: EPOCH + passed, run_seconds=RUN_SECONDS)
    async with (
        served(app_for(simulator.transport())) as address,
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
        passed = 2.0 * RUN_SECONDS
        with anyio.fail_after(60):
            result = await mine.call_tool("tail_run", {"run_id": run_id})
    assert result.structured_content
    assert result.structured_content["pull_request"]


async def test_a_request_for_another_task_than_its_header_names_is_refused() -> None:
    method, version = "tasks/get", "2026-07-28"
    declared = {PROTOCOL_VERSION_META_KEY: version, CLIENT_CAPABILITIES_META_KEY: {"extensions": {TASKS: {}}}}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"taskId": "one", "_meta": declared}}
    headers = {**HEADERS, "Authorization": f"Bearer {DEMO_TOKEN}", "MCP-Protocol-Version": version}
    async with served(app_for(Simulator().transport())) as address, httpx2.AsyncClient(timeout=30) as http:
        for named, code in (("other", mcp_types.HEADER_MISMATCH), ("one", mcp_types.INVALID_PARAMS)):
            sent = {**headers, "Mcp-Method": method, "Mcp-Name": named}
            answer = await http.post(f"http://{address}/mcp", json=body, headers=sent)
            assert f'"code":{code}' in answer.text.replace(" ", "")
