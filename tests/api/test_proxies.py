"""On the way through a proxy that the environment names."""

import asyncio
import base64
import contextlib
import socket
import sys

import pytest

from mogplex_mcp.api.errors import ErrorCode

from .sockets import Connect, TlsServer, failure
from .support import TOKEN, read_request, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


class Proxy:
    """A proxy that leads wherever it is asked to.

    Attributes:
        asked: What it was asked.
    """

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await read_request(reader))
        host, _, port = self.asked[-1].split(b" ")[1].decode().rpartition(":")
        beyond = await asyncio.open_connection(host, int(port), family=socket.AF_INET)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pass_on(reader, beyond[1]), _pass_on(beyond[0], writer))


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65_536):
            sink.write(data)
    sink.close()


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="trust is not in a file there")
async def test_requests_go_through_one_tunnel_which_is_kept(
    connect: Connect, trusted: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy()
    async with trusted.serving() as base_url, serving(proxy) as address:
        monkeypatch.setenv("HTTPS_PROXY", _named(address, "eve:p%40ss@"))
        http = connect(base_url)
        for _ in range(3):
            assert await http.request("GET", "/repos") == {"a": 1}
        await connect.aclose()
    (asked,) = proxy.asked
    assert trusted.connections == 1
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"eve:p@ss") in asked
    assert TOKEN.value.encode() not in asked


async def test_a_proxy_that_refuses_is_named_and_gets_no_token(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("HTTPS_PROXY", _named(proxy_url))
        error = await failure(connect("https://mogplex.test/api/v1/mogplex"))
    assert asked[0].startswith(b"CONNECT mogplex.test:443 ")
    assert TOKEN.value.encode() not in asked[0]
    assert (error.code, error.may_have_happened) == (ErrorCode.UNREACHABLE, False)
    assert "The proxy did not connect to mogplex.test" in error.message


def _named(base_url: str, user: str = "") -> str:
    """The address as a setting has it."""
    return base_url.removesuffix("/api/v1/mogplex").replace("://", f"://{user}")
