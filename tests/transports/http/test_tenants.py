"""Two tenants of one server: neither hears of the other, whatever it asks for, names or sends."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import httpx2
import mcp_types
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, Simulator
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.tenants.call_timeouts import LearntCaps
from tests.server.support import ERAS, start
from tests.transports.http.support import HEADERS, PATIENCE, app_for, served

pytestmark = pytest.mark.anyio

SECRET_PROMPT = "Rotate the keys of project Nightingale."


class Recording(httpx2.AsyncBaseTransport):
    """A Mogplex that remembers where it was asked, and by whom."""

    def __init__(self, mogplex: httpx2.AsyncBaseTransport) -> None:
        self._mogplex = mogplex
        self.asked: list[tuple[str, str]] = []
        self.held = anyio.Event()
        self.hold = ""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append((str(request.url), request.headers["authorization"].removeprefix("Bearer ")))
        if self.hold and self.hold in str(request.url):
            self.held.set()
            await anyio.sleep_forever()
        return await self._mogplex.handle_async_request(request)


@pytest.fixture
def mogplex() -> Recording:
    return Recording(Simulator(run_seconds=5).transport())


@pytest.fixture
async def address(mogplex: Recording) -> AsyncIterator[str]:
    async with served(app_for(mogplex)) as where:
        yield where


@contextlib.asynccontextmanager
async def caller(
    address: str, token: str, mode: Any = "auto", *, client_info: mcp_types.Implementation | None = None, **headers: Any
) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}", **headers}, timeout=30) as http,
        Client(
            streamable_http_client(f"http://{address}/mcp", http_client=http), mode=mode, client_info=client_info
        ) as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def two(address: str, mode: Any = "auto") -> AsyncIterator[tuple[Client, Client, str]]:
    """Mine with a run, and somebody else's."""
    async with caller(address, DEMO_TOKEN, mode) as mine, caller(address, DEMO_OTHER_TOKEN, mode) as others:
        yield mine, others, await start(mine, SECRET_PROMPT)


async def said(client: Client, tool: str, **arguments: Any) -> mcp_types.CallToolResult:
    return await client.call_tool(tool, arguments)


@ERAS
async def test_run_of_another_tenant_is_reported_as_unknown(mode: str, address: str) -> None:
    async with two(address, mode) as (mine, others, run_id):
        tail = await said(mine, "tail_run", run_id=run_id, wait_seconds=0)
        assert tail.structured_content
        cursor = tail.structured_content["cursor"]
        for tool, arguments in (
            ("get_run", {"run_id": run_id}),
            ("tail_run", {"run_id": run_id, "cursor": cursor, "wait_seconds": 0}),
            ("cancel_run", {"run_id": run_id}),
            ("tail_run", {"wait_seconds": 0}),
            ("get_run", {}),
        ):
            refused = await said(others, tool, **arguments)
            assert refused.is_error, tool
            assert "Nightingale" not in str(refused)
        listed = await said(others, "list_runs")
        assert run_id not in str(listed)
        assert "Nightingale" not in str(listed)
        assert "Nightingale" in str(await said(mine, "list_runs"))


@ERAS
async def test_the_same_start_of_two_tenants_is_two_starts(mode: str, address: str, mogplex: Recording) -> None:
    async with two(address, mode) as (_, others, run_id):
        theirs = await said(others, "start_run", repo="acme/web", prompt=SECRET_PROMPT, idempotency_key="one")
        assert run_id not in str(theirs)
        assert "replayed" not in str(theirs.structured_content)
    assert {token for url, token in mogplex.asked if url.endswith("/runs")} <= {DEMO_TOKEN, DEMO_OTHER_TOKEN}


async def test_names_of_repositories_are_found_by_each_for_itself(address: str, mogplex: Recording) -> None:
    async with two(address) as (_, others, _):
        mogplex.asked.clear()
        await said(others, "list_sandboxes", repo="acme/web")
        assert DEMO_OTHER_TOKEN in {token for _, token in mogplex.asked}
        assert DEMO_TOKEN not in {token for _, token in mogplex.asked}


async def test_resources_and_completions_hold_nothing_of_another(address: str) -> None:
    async with two(address) as (mine, others, run_id):
        assert run_id in str(await mine.list_resources())
        assert run_id not in str(await others.list_resources())
        for uri in (f"mogplex://runs/{run_id}", f"mogplex://runs/{run_id}/events"):
            with pytest.raises(MCPError) as refused:
                await others.read_resource(uri)
            assert "Nightingale" not in str(refused.value)
        for reference, argument in (
            (mcp_types.ResourceTemplateReference(type="ref/resource", uri="mogplex://runs/{run_id}"), "run_id"),
            (mcp_types.PromptReference(type="ref/prompt", name="delegate_task"), "repo"),
        ):
            own = await mine.complete(reference, {"name": argument, "value": ""})
            other = await others.complete(reference, {"name": argument, "value": ""})
            assert own.completion.values
            # Both may use repositories of the same name; runs are of one of them alone.
            if argument == "run_id":
                assert other.completion.values == []


@ERAS
async def test_a_read_only_token_does_not_make_others_read_only(mode: str, address: str) -> None:
    async with caller(address, DEMO_READ_ONLY_TOKEN, mode) as reader, caller(address, DEMO_TOKEN, mode) as mine:
        assert (await said(reader, "start_run", repo="acme/web", prompt="x")).is_error
        with pytest.raises(MCPError, match="scope write"):
            await said(reader, "start_run", repo="acme/web", prompt="x")
        await start(mine)


@pytest.mark.parametrize("session", [{}, {"Mcp-Session-Id": "shared"}])
async def test_caller_cannot_cancel_calls_of_another(session: dict[str, str], address: str, mogplex: Recording) -> None:
    mogplex.hold = "/repos"
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "list_repos", "arguments": {}}}
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    async with httpx2.AsyncClient(headers=HEADERS | session, timeout=30) as client, anyio.create_task_group() as tasks:
        ended = anyio.Event()

        async def ask() -> None:
            await client.post(f"http://{address}/mcp", json=call, headers={"Authorization": f"Bearer {DEMO_TOKEN}"})
            ended.set()

        tasks.start_soon(ask)
        with anyio.fail_after(PATIENCE):
            await mogplex.held.wait()
            other = {"Authorization": f"Bearer {DEMO_OTHER_TOKEN}"}
            assert (await client.post(f"http://{address}/mcp", json=cancel, headers=other)).status_code == 202
            # Answered after the cancellation was looked at.
            await client.post(
                f"http://{address}/mcp", json={"jsonrpc": "2.0", "id": 8, "method": "tools/list"}, headers=other
            )
        assert not ended.is_set()
        tasks.cancel_scope.cancel()


async def test_disconnecting_caller_does_not_shorten_the_waits_of_others(
    address: str, mogplex: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[str] = []
    gave_up = anyio.Event()

    def remember(_: LearntCaps, client: str, waited: float) -> None:
        learnt.append(client)
        gave_up.set()

    monkeypatch.setattr(LearntCaps, "gave_up", remember)
    looked: list[str] = []
    with monkeypatch.context() as looking:
        looking.setattr(LearntCaps, "cap", lambda _, client: looked.append(client))
        async with caller(address, DEMO_OTHER_TOKEN) as others:
            await said(others, "check_connection")
    mogplex.hold = "/repos"
    async with caller(address, DEMO_TOKEN) as mine, anyio.create_task_group() as tasks:
        tasks.start_soon(said, mine, "list_repos")
        with anyio.fail_after(PATIENCE):
            await mogplex.held.wait()
            tasks.cancel_scope.cancel()
    with anyio.fail_after(PATIENCE):
        await gave_up.wait()
    assert learnt[0] not in looked
    assert learnt[0].split("/", 1)[1] == looked[0].split("/", 1)[1]
    assert DEMO_TOKEN not in learnt[0]


def hostile() -> Iterator[tuple[str, str]]:
    for name in ("X-Mogplex-Url", "X-Forwarded-Host", "Forwarded", "X-Original-Url", "X-Mcp-Base-Url", "Proxy"):
        yield name, "https://evil.example/api/v1/mogplex"
    yield "X-Forwarded-For", "127.0.0.1"
    yield "X-Http-Method-Override", "GET"


async def test_no_header_or_argument_changes_the_upstream_url(address: str, mogplex: Recording) -> None:
    evil = "https://evil.example/api/v1/mogplex"
    async with caller(address, DEMO_TOKEN, client_info=None, **dict(hostile())) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        for tool in tools.values():
            texts = [
                name for name, schema in tool.input_schema.get("properties", {}).items() if schema["type"] == "string"
            ]
            for text in (evil, "//evil.example", "../../../evil.example", "\\\\evil.example", "@evil.example"):
                await said(client, tool.name, **{name: text for name in texts if name != "until"})
        for uri in (evil, "mogplex://evil.example", "mogplex://runs/..%2F..%2Fevil", "file:///etc/passwd"):
            with pytest.raises(MCPError):
                await client.read_resource(uri)
    assert mogplex.asked
    for url, token in mogplex.asked:
        assert url.startswith("https://mogplex.com/api/v1/mogplex/"), url
        assert token == DEMO_TOKEN
        assert ".." not in url.partition("?")[0]


async def test_single_requests_leave_nothing_in_the_state_file(tmp_path: Any, mogplex: Recording) -> None:
    path = tmp_path / "state.sqlite3"
    async with served(app_for(mogplex, state_file=path)) as where, httpx2.AsyncClient(timeout=30) as client:
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_repos", "arguments": {}}}
        for number in range(3):
            token = f"mog_{number:032}"
            await client.post(f"http://{where}/mcp", json=call, headers=HEADERS | {"Authorization": f"Bearer {token}"})
    state = StateFile(path)
    with state.transaction() as rows:
        assert rows.execute("SELECT count(*) FROM requests").fetchone()[0] > 0
        rows.execute("UPDATE requests SET at = at - 100")
    state.close()
    async with served(app_for(mogplex, state_file=path)) as where, caller(where, DEMO_TOKEN) as client:
        await said(client, "list_repos")
    with state.reading() as rows:
        assert rows.execute("SELECT count(DISTINCT tenant) FROM requests").fetchone()[0] == 1
        dump = json.dumps([str(row) for row in rows.execute("SELECT * FROM requests")])
    state.close()
    assert "mog_" not in dump


async def latest(address: str, mode: Any) -> tuple[str, mcp_types.CallToolResult, mcp_types.CallToolResult]:
    """Return a run of one client, and what it and another client of the same user get for the latest one."""
    editor, desktop = (mcp_types.Implementation(name=name, version="1") for name in ("an-editor", "a-desktop"))
    async with (
        caller(address, DEMO_TOKEN, mode, client_info=editor) as one,
        caller(address, DEMO_TOKEN, mode, client_info=desktop) as other,
    ):
        return await start(one, SECRET_PROMPT), await said(one, "get_run"), await said(other, "get_run")


async def test_the_latest_run_over_http_is_that_of_the_own_client(address: str) -> None:
    run_id, own, others = await latest(address, "auto")
    assert own.structured_content is not None
    assert own.structured_content["run_id"] == run_id
    assert "this client has not started a run yet" in str(others)


async def test_there_is_no_latest_run_where_clients_cannot_be_told_apart(address: str) -> None:
    for answered in (await latest(address, "legacy"))[1:]:
        assert answered.is_error
        assert "give run_id: this server cannot tell which client the call comes from" in str(answered)
