"""On the way through a proxy that the environment names."""

import asyncio
import base64
import contextlib
import gc
import sys
import warnings

import pytest

from mogplex_mcp.api.errors import Blame, ErrorCode
from mogplex_mcp.api.proxies import ProxySetting, find_proxy

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
    """A proxy that connects to this machine, whichever host it is asked for.

    Attributes:
        asked: What it was asked.
    """

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await read_request(reader))
        port = self.asked[-1].split(b" ")[1].rpartition(b":")[2]
        beyond = await asyncio.open_connection("127.0.0.1", int(port))
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
        http = connect(base_url.replace("localhost", "mogplex.test"))
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
    ("answer", "code", "perhaps", "message"),
    [
        (
            b"HTTP/1.1 407 mog_secret Required\r\nX: mog_secret\r\n\r\n",
            ErrorCode.UNREACHABLE,
            False,
            "The proxy did not connect to 2001:db8::1: it answered 407, since it wants a user name and password.",
        ),
        # httpx2 doesn't tell these two from a failure behind the tunnel; the trace of what was sent does.
        (
            b"SSH-2.0-OpenSSH_9.9 mog_secret\r\n\r\n",
            ErrorCode.UNREACHABLE,
            False,
            "The proxy did not connect to 2001:db8::1: it refused.",
        ),
        (
            b"",
            ErrorCode.UNREACHABLE,
            False,
            "The proxy did not connect to 2001:db8::1: it refused.",
        ),
    ],
)
async def test_a_proxy_that_makes_no_tunnel_is_quoted_nowhere(
    *, connect: Connect, monkeypatch: pytest.MonkeyPatch, answer: bytes, code: ErrorCode, perhaps: bool, message: str
) -> None:
    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)

    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("HTTPS_PROXY", _named(proxy_url))
        error = await failure(connect("https://[2001:db8::1]/api/v1/mogplex"))
    named = f" The proxy is {_named(proxy_url).removeprefix('http://')} (from HTTPS_PROXY)."
    assert (error.code, error.may_have_happened, error.message) == (code, perhaps, message + named)
    assert error.blame is Blame.PROXY


@pytest.mark.parametrize(
    ("base_url", "target"),
    [
        ("https://mogplex.test:8443/api/v1/mogplex", b"mogplex.test:8443"),
        # httpx2 leaves out the brackets that RFC 9110, section 9.3.6, asks for.
        ("https://[2001:db8::1]/api/v1/mogplex", b"2001:db8::1:443"),
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
    assert asked == [b"CONNECT %b HTTP/1.1\r\nHost: %b\r\nAccept: */*\r\n\r\n" % (target, target)]


async def test_what_is_not_encrypted_goes_through_the_proxy_without_a_tunnel(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            asked.append(await read_request(reader))
            writer.write(OK)

    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("HTTP_PROXY", _named(proxy_url, "eve:p%40ss@"))
        http = connect("http://mogplex.test:3000/api/v1/mogplex")
        for _ in range(2):
            assert await http.request("GET", "/repos") == {"a": 1}
        await connect.aclose()
    assert [one.split(b"\r\n")[0] for one in asked] == [
        b"GET http://mogplex.test:3000/api/v1/mogplex/repos HTTP/1.1"
    ] * 2
    assert b"Proxy-Authorization: Basic ZXZlOnBAc3M=\r\n" in asked[0]
    assert b"\r\nHost: mogplex.test:3000\r\n" in asked[0]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.5"])
async def test_requests_to_a_loopback_address_go_through_no_proxy(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    asked = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        del writer

    async def mogplex(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)

    async with serving(proxy) as proxy_url, serving(mogplex, host=host) as base_url:
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, _named(proxy_url))
        assert await connect(base_url).request("GET", "/repos") == {"a": 1}
        await connect.aclose()
    assert asked == []


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "api.localhost",
        "127.0.0.1",
        "127.1",
        "127.255.0.9",
        "0x7f000001",
        "0.0.0.0",  # noqa: S104 - an address to connect to
        "[::]",
        "2130706433",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_every_spelling_of_a_loopback_address_is_known(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:8080")
    assert find_proxy(f"https://{host}:3000/api/v1/mogplex") is None


@pytest.mark.parametrize(
    "host", ["mogplex.com", "localhost.test", "notlocalhost", "128.0.0.1", "[::2]", "127.0.0.1.test"]
)
def test_other_addresses_use_the_proxy_unless_no_proxy_names_them(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.test:8080")
    proxy = ProxySetting("http://proxy.test:8080", "ALL_PROXY")
    assert find_proxy(f"https://{host}/api/v1/mogplex") == proxy
    monkeypatch.setenv("NO_PROXY", host.strip("[]"))
    assert find_proxy(f"https://{host}/api/v1/mogplex") is None


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="trust is not in a file there")
async def test_requests_go_through_a_socks_proxy(
    connect: Connect, trusted: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("socksio")
    asked = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 1928: without authentication, CONNECT to a name."""
        version, methods = await reader.readexactly(2)
        assert (version, bytes([0]) in await reader.readexactly(methods)) == (5, True)
        writer.write(b"\x05\x00")
        head = await reader.readexactly(5)
        asked.append((head[:4], await reader.readexactly(head[4])))
        beyond = await asyncio.open_connection("127.0.0.1", int.from_bytes(await reader.readexactly(2)))
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        await asyncio.gather(_pass_on(reader, beyond[1]), _pass_on(beyond[0], writer))

    async with trusted.serving() as base_url, serving(proxy) as proxy_url:
        monkeypatch.setenv("ALL_PROXY", _named(proxy_url).replace("http:", "socks5:"))
        http = connect(base_url.replace("localhost", "mogplex.test"))
        assert await http.request("GET", "/repos") == {"a": 1}
        await connect.aclose()
    assert asked == [(b"\x05\x01\x00\x03", b"mogplex.test")]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05"], ids=["closes", "http", "cut"])
async def test_a_socks_proxy_that_breaks_off_is_blamed_and_nothing_may_have_happened(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    pytest.importorskip("socksio")

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with serving(proxy) as proxy_url:
        monkeypatch.setenv("ALL_PROXY", _named(proxy_url).replace("http:", "socks5:"))
        error = await failure(connect("https://mogplex.test/api/v1/mogplex"))
        code, may_have_happened, message = error.code, error.may_have_happened, error.message
        await connect.aclose()
    # httpx2 leaves the connection to the garbage collector.
    del error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    assert (code, may_have_happened) == (ErrorCode.UNREACHABLE, False)
    assert message.startswith("The proxy did not connect to mogplex.test")


def _named(base_url: str, user: str = "") -> str:
    """The address as a setting has it."""
    return base_url.removesuffix("/api/v1/mogplex").replace("://", f"://{user}")
