"""No page in a browser and no foreign name gets anywhere near MCP."""

import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.transports.http.serving import create_app
from tests.transports.http.support import ask

pytestmark = pytest.mark.anyio

# A server that even asks for no token: only its address protects it.
APP = create_app(Settings(demo=True, allowed_hosts=("Mogplex.Example", "bridge.example:8443")))
REFUSED_LATER = 415
"""The status of a request that is addressed well, and is no JSON."""


async def addressed(host: str, origin: str | None = None, path: str = "/mcp") -> int:
    headers = {"Host": host, "Content-Type": "text/plain"} | ({} if origin is None else {"Origin": origin})
    return (await ask(APP, path, **headers)).status_code


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:1", "127.0.0.1:8765", "[::1]:8765", "mogplex.example", "MOGPLEX.example:443",
     "mogplex.example.:80", "bridge.example:8443"],
)  # fmt: skip
async def test_own_host_names_are_accepted(host: str) -> None:
    assert await addressed(host) == REFUSED_LATER


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/healthz", "/", "/nowhere"])
@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "localhost.evil.example", "evil.example:8765", "localhost:1@evil.example", "localhost:x",
     "127.0.0.1.evil.example", "bridge.example", "bridge.example:1", "sub.mogplex.example", "0.0.0.1", "[::]", "127.1",
     "localhost evil.example", "localhost,evil.example"],
)  # fmt: skip
async def test_a_foreign_name_is_refused_on_every_path(host: str, path: str) -> None:
    assert await addressed(host, path=path) == 421


@pytest.mark.parametrize("path", ["/mcp", "/healthz", "/nowhere"])
@pytest.mark.parametrize(
    "origin",
    ["null", "", "https://evil.example", "http://localhost:3000", "http://127.0.0.1:8765", "http://localhost",
     "file://", "chrome-extension://abc", "http://localhost:8765.evil.example", "http://localhost:8765 x"],
)  # fmt: skip
async def test_a_page_of_another_origin_is_refused_on_every_path(origin: str, path: str) -> None:
    assert await addressed("localhost:8765", origin, path) == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8765", "http://localhost:8765"),
        ("mogplex.example", "https://mogplex.example"),
        ("mogplex.example:443", "https://Mogplex.example"),
    ],
)
async def test_own_origin_is_accepted(host: str, origin: str) -> None:
    assert await addressed(host, origin) == REFUSED_LATER


async def test_allowed_host_does_not_allow_its_origin_under_another_host() -> None:
    assert await addressed("localhost:8765", "https://mogplex.example") == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
async def test_content_types_without_preflight_are_refused(kind: str) -> None:
    answer = await ask(APP, **{"Content-Type": kind})
    assert answer.status_code == 415
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_refusals_say_what_to_do_and_repeat_nothing() -> None:
    answer = await ask(APP, Host="evil.example")
    assert "--allowed-host" in answer.json()["message"]
    assert "evil" not in answer.text
    assert "Origin" in (await ask(APP, Origin="https://evil.example")).json()["message"]
