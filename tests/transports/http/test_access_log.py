"""The access log: one line of JSON for each request, from which an operator learns all but what callers keep secret."""

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import anyio
import httpx2
import pytest

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN, Simulator
from tests.transports.http.support import HEADERS, LIST, app_for, connected, head, served
from tests.trust.canaries import assert_without

pytestmark = pytest.mark.anyio

KEY = "Orchard-Velvet-93-Quartz-Lagoon"
FIELDS = {"time", "method", "path", "status", "seconds", "mcp_method", "tool", "caller"}


@contextlib.asynccontextmanager
async def client(**settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    app = app_for(Simulator().transport(), access_log=True, **settings)
    async with served(app) as address, httpx2.AsyncClient(base_url=f"http://{address}", headers=HEADERS) as http:
        yield http


def logged(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def call(name: Any, **arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_access_log_has_one_line_for_each_request(capsys: pytest.CaptureFixture[str]) -> None:
    async with client() as http:
        await http.post("/mcp/", json=call("list_repos"), headers=bearer(DEMO_TOKEN))
        await http.post("/mcp", json=LIST, headers=bearer(DEMO_TOKEN))
        await http.get("/healthz")
        await http.post("/mcp", json=LIST)
        await http.get("/", headers={"Host": "evil.example"})
    lines = logged(capsys)
    assert all(line.keys() == FIELDS for line in lines)
    assert [(one["method"], one["path"], one["status"], one["mcp_method"], one["tool"]) for one in lines] == [
        ("POST", "/mcp", 200, "tools/call", "list_repos"),
        ("POST", "/mcp", 200, "tools/list", None),
        ("GET", "/healthz", 200, None, None),
        ("POST", "/mcp", 401, None, None),
        ("GET", "/", 421, None, None),
    ]
    assert all(datetime.fromisoformat(line["time"]).utcoffset() is not None for line in lines)
    assert all(0 < line["seconds"] < 10 for line in lines)


async def test_access_log_tells_callers_apart_without_their_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    async with client(client_key=Secret(KEY), api_key=Secret(DEMO_TOKEN)) as http:
        for token in (DEMO_TOKEN, DEMO_OTHER_TOKEN, DEMO_TOKEN, KEY):
            await http.post("/mcp", json=LIST, headers=bearer(token))
    first, other, again, own = (line["caller"] for line in logged(capsys))
    assert first == again != other
    assert own == "own"
    async with client() as http:
        await http.post("/mcp", json=LIST, headers=bearer(DEMO_TOKEN))
    # Another process has another key: lines of two replicas cannot be joined, nor a token be looked up.
    assert logged(capsys)[0]["caller"] != first


async def test_access_log_has_no_text_of_a_caller(capsys: pytest.CaptureFixture[str]) -> None:
    async with client(client_key=Secret(KEY)) as http:
        for token in (DEMO_TOKEN, KEY, "mog_short" + KEY):
            await http.post(f"/mcp?key={KEY}", json=call("list_repos", query=KEY), headers=bearer(token))
            await http.post("/mcp", json=call(f"list_repos\n{KEY}"), headers=bearer(token))
            await http.post("/mcp", json=LIST | {"method": KEY}, headers=bearer(token))
            await http.post(f"/{KEY}/mcp", json=LIST, headers=bearer(token))
        for odd in (call(7), call(None), call([KEY]), LIST | {"params": {"name": KEY}}, [KEY], KEY, {"method": 1}):
            await http.post("/mcp", json=odd, headers=bearer(DEMO_TOKEN))
        await http.request("QUARTZ", "/mcp", headers=bearer(DEMO_TOKEN))
    text = capsys.readouterr().err
    assert_without(text, DEMO_TOKEN, KEY)
    assert "QUARTZ" not in text
    assert all(json.loads(line).keys() == FIELDS for line in text.splitlines())


async def test_access_log_has_requests_that_got_no_response(capsys: pytest.CaptureFixture[str]) -> None:
    app = app_for(Simulator().transport(), access_log=True)
    async with served(app) as address, connected(address) as (_, writer):
        writer.write(head(address, Content_Type="application/json", Content_Length=9, **bearer(DEMO_TOKEN)))
        writer.write(b"{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        with anyio.fail_after(10):
            while not (line := capsys.readouterr().err):
                await anyio.lowlevel.checkpoint()
    assert json.loads(line)["status"] is None


async def test_without_the_option_no_request_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    app = app_for(Simulator().transport())
    async with served(app) as address, httpx2.AsyncClient(base_url=f"http://{address}") as http:
        await http.get("/healthz")
        await http.post("/mcp", json=LIST)
    assert capsys.readouterr().err == ""
