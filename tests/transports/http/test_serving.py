import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import INVALID_PARAMS

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN
from tests.transports.processes import http_server, process, simulator
from tests.transports.story import call, follow_to_pull_request

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HEADERS = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def demo(home: Path) -> Iterator[str]:
    with http_server(home, "--demo", "--demo-seconds", "1") as address:
        yield address


@pytest.fixture(scope="module")
def proxy(home: Path) -> Iterator[str]:
    """A server without a token of its own, in front of a simulated Mogplex on a port."""
    with simulator(home, "--demo-seconds", "1") as mogplex, http_server(home, "--url", mogplex) as address:
        yield address


@asynccontextmanager
async def caller(address: str, token: str, mode: str = "auto", **headers: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}", **headers}, timeout=30) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as client,
    ):
        yield client


@ERAS
async def test_a_client_gets_from_a_repository_to_a_pull_request(mode: str, demo: str) -> None:
    async with Client(demo, mode=mode) as client:
        told = await follow_to_pull_request(client, f"Fix the flaky test, {mode}.")
    assert told


@ERAS
async def test_each_request_brings_its_own_token(mode: str, proxy: str) -> None:
    async with caller(proxy, DEMO_TOKEN, mode) as client:
        mine = await call(client, "list_repos")
    async with caller(proxy, DEMO_OTHER_TOKEN, mode) as client:
        others = await call(client, "list_repos")
    assert {row["id"] for row in mine["repos"]}.isdisjoint(row["id"] for row in others["repos"])


async def test_one_caller_never_sees_the_runs_of_another(proxy: str) -> None:
    async with caller(proxy, DEMO_TOKEN) as client:
        await call(client, "start_run", repo="acme/web", prompt="Mine.")
        assert (await call(client, "list_runs"))["runs"]
    async with caller(proxy, DEMO_OTHER_TOKEN) as client:
        assert not (await call(client, "list_runs"))["runs"]


@ERAS
async def test_headers_select_fewer_tools(mode: str, proxy: str) -> None:
    async with caller(proxy, DEMO_TOKEN, mode, **{"X-MCP-Readonly": "true"}) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        with pytest.raises(MCPError) as refused:
            await client.call_tool("start_run", {"repo": "acme/web", "prompt": "Do it."})
    assert "list_repos" in listed
    assert "start_run" not in listed
    assert refused.value.error.code == INVALID_PARAMS
    assert "The headers of this request leave out start_run" in refused.value.error.message


@pytest.mark.parametrize("shown", [None, "Bearer", "Bearer secret", "Basic bW9n", "mog_" + "x" * 32])
def test_a_request_without_a_token_is_told_what_to_send(shown: str | None, proxy: str) -> None:
    headers = HEADERS | ({"Authorization": shown} if shown else {})
    answer = httpx2.post(proxy, json=LIST, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "Authorization: Bearer mog_" in answer.json()["message"]
    assert "secret" not in answer.text


def test_the_client_key_stands_for_the_servers_own_token(home: Path) -> None:
    settings = {"MOGPLEX_MCP_CLIENT_KEY": "operator-key", "MOGPLEX_API_KEY": DEMO_TOKEN}
    check = {"name": "check_connection", "arguments": {}}
    with simulator(home) as mogplex, http_server(home, "--url", mogplex, more=settings) as address:
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": check}
        right = httpx2.post(address, json=request, headers=HEADERS | {"Authorization": "Bearer operator-key"})
        wrong = httpx2.post(address, json=request, headers=HEADERS | {"Authorization": "Bearer operator-kex"})
    assert "Connected to Mogplex" in right.text
    assert wrong.status_code == 401


@pytest.mark.parametrize(
    ("header", "value", "status"), [("Host", "evil.example", 421), ("Origin", "https://evil.example", 403)]
)
def test_foreign_origin_is_refused(header: str, value: str, status: int, demo: str) -> None:
    answer = httpx2.post(demo, json=LIST, headers=HEADERS | {header: value})
    assert answer.status_code == status


def test_health_needs_no_token(proxy: str) -> None:
    answer = httpx2.get(proxy.removesuffix("/mcp") + "/healthz")
    assert answer.json()["status"] == "ok"


def test_serving_to_others_needs_a_name_that_they_may_use(home: Path) -> None:
    with process(home, "http", "--host", "0.0.0.0", "--port", "0") as running:  # noqa: S104 - that is what is refused
        _, said = running.communicate(timeout=20)
    assert running.returncode == ExitCode.USAGE
    assert "--allowed-host" in said
    assert "Traceback" not in said


def test_progress_comes_while_a_call_is_going_on(demo: str) -> None:
    def send(name: str, arguments: dict[str, str], **meta: str) -> list[dict[str, Any]]:
        params = {"name": name, "arguments": arguments, "_meta": meta}
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answer = httpx2.post(demo, json=request, headers=HEADERS, timeout=30)
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]

    started = send("start_run", {"repo": "acme/web", "prompt": "Show progress."})[-1]
    run_id = started["result"]["structuredContent"]["run_id"]
    *progress, last = send("tail_run", {"run_id": run_id}, progressToken="p")
    assert progress
    assert all(one["method"] == "notifications/progress" for one in progress)
    assert "result" in last
