"""Paths other than MCP: a page for people, health, readiness, and JSON that says what to send for everything else."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.transports.http.page import page
from mogplex_mcp.transports.http.serving import create_app
from tests.transports.http.support import HEADERS, LIST, app_for, connected, served

pytestmark = pytest.mark.anyio

BEHIND_TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "mcp.example", "X-Forwarded-Port": "443"}
DISCOVERY = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/mcp",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/mcp",
    "/mcp/.well-known/openid-configuration",
    "/mcp/.well-known/oauth-protected-resource",
    "/register",
    "/authorize",
    "/authorize?response_type=code",
    "/token",
    "/token/",
]
PATHS = [*DISCOVERY, "/", "/mcp", "/mcp/", "/healthz", "/healthz/", "/readyz", "/favicon.ico", "/robots.txt", "/sse",
         "//mcp", "/mcp/x", "/MCP", "/mcp%2f", "/..", "/%00", "/ü", "/messages/", "/index.html"]  # fmt: skip


@contextlib.asynccontextmanager
async def client(**settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        served(app_for(Simulator().transport(), **settings)) as address,
        httpx2.AsyncClient(base_url=f"http://{address}", headers=HEADERS, timeout=30) as http,
    ):
        yield http


async def test_no_path_redirects_and_every_error_is_json() -> None:
    async with client() as http:
        for path in PATHS:
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"):
                for headers in ({}, BEHIND_TLS):
                    answer = await http.request(method, path, headers=headers)
                    assert answer.status_code // 100 in (2, 4), (method, path)
                    assert "location" not in answer.headers
                    if answer.status_code // 100 == 4:
                        assert answer.headers["content-type"] == "application/json"
                        assert method == "HEAD" or answer.json()["message"], (method, path)
                    if answer.status_code == 405:
                        assert answer.headers["allow"]


@pytest.mark.parametrize("headers", [{}, BEHIND_TLS])
async def test_mcp_with_a_slash_at_its_end_is_mcp(headers: dict[str, str]) -> None:
    async with client() as http:
        for path in ("/mcp/", "/mcp//"):
            token = {"Authorization": f"Bearer {DEMO_TOKEN}"}
            answer = await http.post(path, json=LIST, headers=headers | token)
            assert "list_repos" in answer.text
            assert (await http.post(path, json=LIST, headers=headers)).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", DISCOVERY)
async def test_discovery_of_sign_in_is_answered_with_what_to_send(path: str, method: str) -> None:
    async with client(base_url="https://mogplex.internal/api/v1/mogplex") as http:
        answer = await http.request(method, path)
    assert answer.status_code == 404
    said = answer.json()
    # RFC 6749, section 5.2, which clients parse errors by.
    assert isinstance(said["error"], str)
    assert "Authorization: Bearer mog_" in said["error_description"]
    assert "https://mogplex.internal/settings/api-keys" in said["error_description"]
    assert "--oauth" in said["error_description"]


@pytest.mark.parametrize("path", ["/.well-known/mcp", "/.well-known/mcp/server-card.json", "/.well-known/x", "/tokens"])
async def test_path_that_has_nothing_to_do_with_sign_in_is_not_answered_as_such(path: str) -> None:
    async with client() as http:
        answer = (await http.get(path)).json()
    assert answer["error"] == "not_found"


@pytest.mark.parametrize("path", ["/sse", "/.well-known/oauth-protected-resource/mcp"])
async def test_demo_asks_for_no_token_on_any_path(path: str) -> None:
    async with client(demo=True) as http:
        answer = (await http.get(path)).json()
    assert "Authorization" not in answer["message"]


async def test_front_page_shows_the_address_that_was_asked() -> None:
    async with client(allowed_hosts=("mcp.example",)) as http:
        plain = await http.get("/")
        behind_tls = await http.get("/", headers={"Host": "mcp.example"} | BEHIND_TLS)
    assert f"{http.base_url.copy_with(path='/mcp')}" in plain.text
    assert "https://mcp.example/mcp" in behind_tls.text
    assert "http://mcp.example" not in behind_tls.text
    assert plain.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in plain.headers["content-security-policy"]
    for name in ("Claude Code", "Codex", "Cursor", "VS Code", "Gemini CLI"):
        assert name in plain.text


@pytest.mark.parametrize("scheme", ["javascript", "https://evil.example/", '"><script>', "HTTPS, http", ""])
async def test_front_page_takes_no_other_scheme_from_a_proxy(scheme: str) -> None:
    async with client() as http:
        answer = (await http.get("/", headers={"X-Forwarded-Proto": scheme})).text
    assert set(re.findall(r"(\w+)://127", answer)) == {"https" if scheme.startswith("HTTPS") else "http"}
    assert "script" not in answer
    assert "evil" not in answer


def test_front_page_escapes_the_address() -> None:
    shown = page(Settings(), 'http://x"><script>alert(1)</script>/mcp')
    assert "<script" not in shown
    assert "mog_" in shown
    assert "mog_" not in page(Settings(demo=True), "http://localhost/mcp")


async def test_readiness_says_no_once_the_shutdown_has_begun() -> None:
    shutdown = Shutdown()
    app = create_app(Settings(), shutdown=shutdown, transport=Simulator().transport())
    async with served(app) as address, httpx2.AsyncClient(base_url=f"http://{address}") as http:
        assert (await http.get("/readyz")).json()["status"] == "ready"
        shutdown.begin()
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "shutting down")
        assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("accept", ["", "application/json", "text/event-stream", "text/html"])
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_accept_header_without_both_types_is_named(accept: str, version: str) -> None:
    async with client(demo=True) as http:
        answer = await http.post("/mcp", json=LIST, headers={"Accept": accept, "MCP-Protocol-Version": version})
    assert answer.status_code == 406
    assert "text/event-stream" in answer.json()["error"]["message"]


async def test_compressed_body_is_refused_by_name() -> None:
    async with client(demo=True) as http:
        answer = await http.post("/mcp", content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415
    assert "not compressed" in json.dumps(answer.json())


async def test_many_requests_to_unknown_paths_leave_mcp_served() -> None:
    async with client(demo=True) as http, anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(http.get, f"/{number}")
        assert (await http.post("/mcp", json=LIST)).status_code == 200


async def test_request_target_may_be_a_whole_uri() -> None:
    async with served(app_for(Simulator().transport())) as address, connected(address) as (reader, writer):
        writer.write(f"GET http://{address}/healthz HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        with anyio.fail_after(10):
            assert b" 200 " in await reader.readline()
