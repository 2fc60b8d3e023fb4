"""What becomes of calls over HTTP when the process is told to end: an answer, whichever way they went."""

import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_TOKEN
from tests.transports.processes import lines, process
from tests.transports.shutdown_support import MODERN, NEVER, SIGNALS, Mogplex, mogplex, slow, text_of
from tests.transports.talking import QUICKLY, START, address_of, request, tool

if TYPE_CHECKING:
    import subprocess

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="streams and signals of POSIX")]


@contextlib.asynccontextmanager
async def over_http(home: Path, service: Mogplex) -> AsyncIterator[tuple[str, "subprocess.Popen[str]"]]:
    with process(home, "http", "--port", "0", more=service.settings) as running:
        yield await anyio.to_thread.run_sync(address_of, running), running


async def post(address: str, message: str, begun: Callable[[], None] | None = None) -> dict[str, Any]:
    """The answer to a message; `begun` is called as soon as something of it comes."""
    sent = json.loads(message)
    headers = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {DEMO_TOKEN}",
    }
    if "_meta" in sent["params"]:
        headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": sent["method"]}
        headers |= {"Mcp-Name": sent["params"]["name"]} if "name" in sent["params"] else {}
    said: dict[str, Any] = {}
    async with (
        httpx2.AsyncClient(timeout=NEVER) as client,
        client.stream("POST", address, content=message, headers=headers) as answered,
    ):
        assert answered.status_code == 200
        async for line in answered.aiter_lines():
            if begun is not None:
                begun()
            if line.startswith(("{", "data: {")):
                said = json.loads(line.removeprefix("data: "))
    return said


@pytest.mark.parametrize("era", [{}, MODERN])
@pytest.mark.parametrize("end", SIGNALS)
async def test_over_http_open_calls_are_answered_before_the_end(end: str, era: dict[str, Any], tmp_path: Path) -> None:
    answers: dict[str, dict[str, Any]] = {}

    async def ask(name: str, **arguments: Any) -> None:
        meta = {"_meta": era} if era else {}
        answers[name] = await post(address, request(1, "tools/call", name=name, arguments=arguments, **meta))

    async with (
        mogplex(slow(1), slow(NEVER, "/sandboxes")) as service,
        over_http(tmp_path, service) as (address, server),
    ):
        async with anyio.create_task_group() as calls:
            calls.start_soon(lambda: ask("start_run", **START))
            calls.start_soon(lambda: ask("create_sandbox", repo="acme/web"))
            while not service.started:
                await anyio.lowlevel.checkpoint()
            calls.start_soon(lambda: ask("tail_run", run_id=next(iter(service.started))))
            await post(address, request(2, "tools/list"))
            server.send_signal(signal.Signals[end])
        assert {answers["start_run"]["result"]["structuredContent"]["run_id"]} == service.started
        assert "Nothing is lost" in text_of(answers["tail_run"])
        assert "It is not known whether it took effect" in text_of(answers["create_sandbox"])
        assert await anyio.to_thread.run_sync(server.wait, QUICKLY) == 128 + signal.Signals[end]
        assert lines(server.stderr).read() == ""


async def test_over_http_start_cut_off_by_shutdown_is_found_again(tmp_path: Path) -> None:
    async with mogplex(slow(NEVER)) as service:
        async with over_http(tmp_path, service) as (address, server), anyio.create_task_group() as calls:

            async def ask() -> None:
                answer = await post(address, tool(1, "start_run", **START))
                assert "Calling start_run again with the same arguments is safe" in text_of(answer)

            calls.start_soon(ask)
            while not service.started:
                await anyio.lowlevel.checkpoint()
            server.send_signal(signal.SIGTERM)
        async with over_http(tmp_path, service) as (address, _):
            found = (await post(address, tool(1, "start_run", **START)))["result"]["structuredContent"]
        assert found["replayed"]
        assert {found["run_id"]} == service.started


async def test_over_http_subscriptions_and_idle_connections_do_not_delay_shutdown(tmp_path: Path) -> None:
    listening = anyio.Event()

    async def listen() -> None:
        message = request(1, "subscriptions/listen", notifications={}, _meta=MODERN)
        assert "result" in await post(address, message, listening.set)

    async with (
        mogplex() as service,
        over_http(tmp_path, service) as (address, server),
        httpx2.AsyncClient() as idle,
        anyio.create_task_group() as tasks,
    ):
        await idle.get(address.removesuffix("/mcp") + "/healthz")
        tasks.start_soon(listen)
        await listening.wait()
        server.send_signal(signal.SIGTERM)
        assert await anyio.to_thread.run_sync(server.wait, QUICKLY) == 128 + signal.SIGTERM
        assert lines(server.stderr).read() == ""
