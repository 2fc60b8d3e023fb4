"""On the way through a proxy that the environment names."""

import asyncio
import base64
import contextlib
import socket
import sys

import pytest

from mogplex_mcp.api.errors import ErrorCode

from .sockets import OK, Connect, TlsServer, failure
from .support import TOKEN, read_request, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "no_proxy",
        "NO_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
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
@pytest.mark.parametrize("secure", [False, True])
async def test_requests_go_through_one_tunnel_which_is_kept(
    connect: Connect, trusted: TlsServer, monkeypatch: pytest.MonkeyPatch, *, secure: bool
) -> None:
    proxy = Proxy()
    tls = trusted.context if secure else None
    async with trusted.serving() as base_url, serving(proxy, tls) as address:
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


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nX: mog_secret\r\n\r\n", "it answered 407"),
        (b"SSH-2.0-OpenSSH_9.9 mog_secret\r\n", "what it sent is not HTTP"),
        (b"", "it was closed without an answer"),
    ],
)
async def test_a_proxy_that_makes_no_tunnel_is_unreachable_and_quoted_nowhere(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, answer: bytes, said: str
) -> None:
    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)

    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("HTTPS_PROXY", _named(proxy_url))
        error = await failure(connect("https://[2001:db8::1]/api/v1/mogplex"))
    assert (error.code, error.may_have_happened) == (ErrorCode.UNREACHABLE, False)
    assert error.message == f"The proxy did not connect to 2001:db8::1: {said}."


@pytest.mark.parametrize(
    ("base_url", "target"),
    [
        ("https://mogplex.test:8443/api/v1/mogplex", b"mogplex.test:8443"),
        ("https://[2001:db8::1]/api/v1/mogplex", b"[2001:db8::1]:443"),
    ],
)
async def test_a_tunnel_leads_to_the_port_of_the_address(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, base_url: str, target: bytes
) -> None:
    asked = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        del writer

    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("HTTPS_PROXY", _named(proxy_url))
        await failure(connect(base_url))
    assert asked == [b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, target)]


async def test_what_is_not_encrypted_goes_through_the_proxy_without_a_tunnel(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            asked.append(await read_request(reader))
            writer.write(OK)

    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("HTTP_PROXY", _named(proxy_url))
        http = connect("http://localhost:3000/api/v1/mogplex")
        for _ in range(2):
            assert await http.request("GET", "/repos") == {"a": 1}
        await connect.aclose()
    assert [one.split(b"\r\n")[0] for one in asked] == [b"GET http://localhost:3000/api/v1/mogplex/repos HTTP/1.1"] * 2


def _named(base_url: str, user: str = "") -> str:
    """The address as a setting has it."""
    return base_url.removesuffix("/api/v1/mogplex").replace("://", f"://{user}")
