"""With --oauth, a client learns from a 401 alone where to sign in; without it, from every path which token to send."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from tests.transports.http.support import HEADERS, LIST, app_for, connected, served

pytestmark = pytest.mark.anyio

SELF_HOSTED = "https://mogplex.internal/api/v1/mogplex"
PATHS = ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]


@contextlib.asynccontextmanager
async def client(**settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        served(app_for(Simulator().transport(), **{"oauth": True, **settings})) as address,
        httpx2.AsyncClient(base_url=f"http://{address}", headers=HEADERS, timeout=30) as http,
    ):
        yield http


@pytest.mark.parametrize("path", PATHS)
async def test_metadata_names_mogplex_as_authorization_server(path: str) -> None:
    async with client(base_url=SELF_HOSTED) as http:
        answer = await http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert said["resource"] == f"{str(http.base_url).rstrip('/')}/mcp"
    assert said["authorization_servers"] == ["https://mogplex.internal"]
    assert said["scopes_supported"] == ["read", "write"]
    assert said["bearer_methods_supported"] == ["header"]


async def test_challenge_leads_to_metadata_of_the_same_resource() -> None:
    async with client() as http:
        refused = await http.post("/mcp", json=LIST)
        assert refused.status_code == 401
        challenge = refused.headers["www-authenticate"]
        origin = str(http.base_url).rstrip("/")
        assert f'resource_metadata="{origin}{PATHS[1]}"' in challenge
        assert (await http.get(PATHS[1])).json()["resource"] == f"{origin}/mcp"
        assert 'scope="read write"' in challenge
        assert "error=" not in challenge
        assert "Sign in" in refused.json()["error"]["message"]


@pytest.mark.parametrize("oauth", [True, False])
async def test_no_refusal_is_cached_by_a_proxy(oauth: bool) -> None:
    """A 404 may be kept without such a header (RFC 9111, section 4.2.2), and outlive a start with --oauth."""
    async with client(oauth=oauth) as http:
        answers = [
            await http.get("/.well-known/oauth-authorization-server"),
            await http.get(PATHS[0]),
            await http.post("/mcp", json=LIST),
            await http.get("/"),
        ]
    assert [one.status_code for one in answers] == [404, 200 if oauth else 404, 401, 200]
    assert {one.headers["cache-control"] for one in answers} == {"no-store"}


async def test_read_only_server_asks_for_no_scope_to_write() -> None:
    async with client(read_only=True) as http:
        assert 'scope="read"' in (await http.post("/mcp", json=LIST)).headers["www-authenticate"]
        assert (await http.get(PATHS[0])).json()["scopes_supported"] == ["read"]


async def test_resource_behind_a_proxy_has_the_address_that_the_client_asked() -> None:
    forwarded = {"Host": "MCP.example", "X-Forwarded-Proto": "https"}
    async with client(allowed_hosts=("mcp.example",)) as http:
        metadata = (await http.get(PATHS[1], headers=forwarded)).json()
        challenge = (await http.post("/mcp", json=LIST, headers=forwarded)).headers["www-authenticate"]
    assert metadata["resource"] == "https://mcp.example/mcp"
    assert 'resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp"' in challenge


FORGED = [
    {"Host": "evil.example"},
    {"Host": 'localhost"; x="evil'},
    {"Host": "localhost@evil.example"},
    {"Host": "localhost/evil"},
    {"X-Forwarded-Host": "evil.example"},
    {"Forwarded": "host=evil.example;proto=ftp"},
    {"X-Forwarded-Proto": 'https", x="evil'},
    {"X-Forwarded-Prefix": "/evil"},
    {"X-Original-Url": "/evil"},
]


async def test_forged_header_never_reaches_metadata_or_challenge() -> None:
    async with client() as http:
        for forged in FORGED:
            for method, path in (("GET", PATHS[0]), ("POST", "/mcp")):
                answer = await http.request(method, path, headers=forged)
                assert "evil" not in answer.text + str(answer.headers), forged
                assert answer.status_code in ((421,) if "Host" in forged else (200, 401)), forged
                assert "location" not in answer.headers


async def test_request_target_with_another_authority_changes_nothing() -> None:
    async with (
        served(app_for(Simulator().transport(), oauth=True)) as address,
        connected(address) as (reader, writer),
    ):
        writer.write(
            f"GET http://evil.example{PATHS[0]} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()
        )
        body = await reader.read()
    assert b"evil" not in body
    assert f"http://{address}/mcp".encode() in body


async def test_other_discovery_leads_to_mogplex_without_a_redirect() -> None:
    async with client(base_url=SELF_HOSTED) as http:
        for path in ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration/mcp", "/authorize"):
            answer = await http.get(path)
            assert answer.status_code == 404
            assert "location" not in answer.headers
            said = answer.json()
            assert said["error"] == "sign_in_elsewhere"
            assert "https://mogplex.internal/.well-known/oauth-authorization-server" in said["error_description"]


async def test_sign_in_is_off_by_default_and_in_a_demo() -> None:
    for settings in ({"oauth": False}, {"demo": True}):
        async with client(**settings) as http:
            for path in PATHS:
                answer = await http.get(path)
                assert (answer.status_code, answer.json()["error"]) == (404, "sign_in_not_supported")
            challenge = (await http.post("/mcp", json=LIST)).headers.get("www-authenticate", "")
            assert "resource_metadata" not in challenge
            assert "oauth" not in challenge


async def test_front_page_says_who_needs_no_header() -> None:
    async with client() as http:
        assert "signs in by OAuth" in (await http.get("/")).text
    async with client(oauth=False) as http:
        assert "OAuth" not in (await http.get("/")).text


async def test_personal_token_is_taken_as_before_and_costs_no_request() -> None:
    simulator = Simulator()
    async with served(app_for(simulator.transport(), oauth=True)) as address, httpx2.AsyncClient() as http:
        headers = HEADERS | {"Authorization": f"Bearer {DEMO_TOKEN}"}
        assert (await http.post(f"http://{address}/mcp", json=LIST, headers=headers)).status_code == 200
    assert simulator.requests == []
