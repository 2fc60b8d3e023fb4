"""Who hangs up ends the wait, and nothing but the wait."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
import uvicorn

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.http_server import HttpServer
from mogplex_mcp.simulator import Simulator
from mogplex_mcp.transports.http.serving import create_app

pytestmark = pytest.mark.anyio

PATIENCE = 10.0
RUN = "75ce86aa-b59e-5f62-9d77-426c941e3c32"
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}


class Hanging(httpx2.AsyncBaseTransport):
    """A Mogplex that never answers, and notices when nobody waits any more."""

    def __init__(self) -> None:
        self.asked = anyio.Event()
        self.left = anyio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.left.set()
        raise AssertionError


@asynccontextmanager
async def served(transport: httpx2.AsyncBaseTransport) -> AsyncIterator[str]:
    settings = Settings(demo=True)
    listener = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(uvicorn.Config(create_app(settings, transport=transport), log_level="error"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True


@pytest.mark.parametrize("modern", [False, True])
async def test_a_client_that_hangs_up_ends_its_wait(modern: bool) -> None:
    transport = Hanging()
    params = {"name": "tail_run", "arguments": {"run_id": RUN}} | ({"_meta": MODERN} if modern else {})
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    if modern:
        headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "tail_run"}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    async with served(transport) as address:
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:

                async def ask() -> None:
                    async with httpx2.AsyncClient(timeout=60) as client:
                        await client.post(address, content=body, headers=headers)

                tasks.start_soon(ask)
                await transport.asked.wait()
                tasks.cancel_scope.cancel()
            await transport.left.wait()


async def test_the_server_that_is_tested_here_answers_when_mogplex_does() -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "check_connection"}}
    async with served(Simulator().transport()) as address, httpx2.AsyncClient() as client:
        answer = await client.post(
            address, json=request, headers={"Accept": "application/json, text/event-stream"}, timeout=20
        )
    assert "Connected to Mogplex" in answer.text
