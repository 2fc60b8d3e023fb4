"""A proxy that fails is named with the setting that it comes from, and Mogplex is not blamed."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib import request as urllib_request

import anyio
import httpcore2
import httpx2
import pytest

from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.api.proxies import ProxySetting, find_proxy
from mogplex_mcp.api.transport_errors import transport_error

from .sockets import Connect, TlsServer, failure
from .support import read_request, serving

pytestmark = pytest.mark.anyio

MOGPLEX = "https://mogplex.test/api/v1/mogplex"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def dead() -> Iterator[str]:
    """An address at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


async def blamed(connect: Connect) -> MogplexError:
    """Return the error, which blames a proxy with a reason and says that nothing happened."""
    http = connect(MOGPLEX)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mogplex_mcp.api.exchange.READ_SECONDS", 0.1)
        error = await failure(http, "DELETE")
    assert (error.code, error.blame, error.may_have_happened) == (ErrorCode.UNREACHABLE, Blame.PROXY, False)
    assert error.message.startswith("The proxy did not connect to mogplex.test: ")
    assert ": ." not in error.message
    assert "hunter2" not in error.message
    return error


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "Https_Proxy"])
@pytest.mark.parametrize("prefix", ["", "http://", "http://eve:hunter2@", "https://eve:hunter2@"])
async def test_dead_proxy_is_named_with_its_variable(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, dead: str, name: str, prefix: str
) -> None:
    monkeypatch.setenv(name, prefix + dead)
    error = await blamed(connect)
    assert error.message.endswith(f"the connection to it was refused. The proxy is {dead} (from {name}).")


async def test_dead_socks_proxy_is_named(connect: Connect, monkeypatch: pytest.MonkeyPatch, dead: str) -> None:
    pytest.importorskip("socksio")
    monkeypatch.setenv("ALL_PROXY", f"socks5://{dead}")
    error = await blamed(connect)
    assert error.message.endswith(f"the connection to it was refused. The proxy is {dead} (from ALL_PROXY).")


@pytest.mark.parametrize("host", ["proxy.crop", "proxy..corp", "x" * 64 + ".corp"])
async def test_misspelt_proxy_is_named(connect: Connect, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    async def getaddrinfo(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    monkeypatch.setenv("HTTPS_PROXY", f"http://{host}:3128")
    error = await blamed(connect)
    assert error.message.endswith(f"its name could not be resolved. The proxy is {host}:3128 (from HTTPS_PROXY).")


async def test_mute_proxy_is_named(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    done = anyio.Event()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await done.wait()
        del writer

    async with serving(proxy) as url:
        monkeypatch.setenv("HTTPS_PROXY", url.removesuffix("/api/v1/mogplex"))
        error = await blamed(connect)
        done.set()
    assert "it did not answer in time. The proxy is 127.0.0.1:" in error.message


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"407 ", "it answered 407, since it wants a user name and password."),
        (b"403 Forbidden by hunter2", "it answered 403."),
        (b"503 ", "it answered 503."),
    ],
)
async def test_refusing_proxy_is_named_with_its_status(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, answer: bytes, reason: str
) -> None:
    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % answer)

    async with serving(proxy) as url:
        monkeypatch.setenv("HTTPS_PROXY", url.removesuffix("/api/v1/mogplex"))
        assert reason in (await blamed(connect)).message


async def test_proxy_without_tls_at_an_https_address_is_named(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(proxy) as url:
        monkeypatch.setenv("HTTPS_PROXY", url.removesuffix("/api/v1/mogplex").replace("http:", "https:"))
        assert "it does not speak TLS there" in (await blamed(connect)).message


async def test_proxy_with_an_untrusted_certificate_is_named(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with TlsServer(tmp_path).serving() as url:
        monkeypatch.setenv("HTTPS_PROXY", url.removesuffix("/api/v1/mogplex"))
        assert "its certificate was not accepted (self-signed certificate)" in (await blamed(connect)).message


async def test_failure_beyond_the_proxy_names_both(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The tunnel leads to what has another certificate, as behind a proxy that inspects TLS."""

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.start_tls(TlsServer(tmp_path).context)

    async with serving(proxy) as url:
        address = url.removesuffix("/api/v1/mogplex").removeprefix("http://")
        monkeypatch.setenv("all_proxy", address)
        error = await failure(connect(MOGPLEX))
    assert (error.code, error.may_have_happened) == (ErrorCode.TLS_FAILED, False)
    named = (
        f"The certificate of mogplex.test through the proxy {address} (from all_proxy) was not accepted: self-signed"
    )
    assert error.message.startswith(named)


def _classes(module: object) -> list[type[Exception]]:
    return [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Exception)]


@pytest.mark.parametrize("proxy", ["", "proxy.test:8080 (from HTTPS_PROXY)"])
@pytest.mark.parametrize("error", [one for one in _classes(httpx2) if issubclass(one, httpx2.TransportError)])
@pytest.mark.parametrize(
    "cause",
    [
        None,
        *(one for one in _classes(httpcore2) if not issubclass(one, httpcore2.UnsupportedProtocol)),
        *(one for one in _classes(ssl) if issubclass(one, OSError)),
        *(one for one in _classes(socket) if issubclass(one, OSError)),
        *(OSError, ConnectionRefusedError, ConnectionResetError, BrokenPipeError, TimeoutError),
        *(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError),
    ],
)
def test_no_error_of_the_libraries_leaves_an_empty_reason(
    proxy: str, error: type[Exception], cause: type[Exception] | None
) -> None:
    raised = error("")
    raised.__cause__ = cause() if cause else None
    message = transport_error(raised, "mogplex.test", proxy).message
    assert message.endswith(".")
    for hole in (": .", ":.", "()", "( ", ": ,", "..", "  ", "None"):
        assert hole not in message


@pytest.mark.parametrize("error", [OSError(), ssl.SSLError(), UnicodeError("label too long")])
def test_errors_that_the_library_does_not_translate_are_named(error: Exception) -> None:
    assert "mogplex.test" in transport_error(error, "mogplex.test").message


@pytest.mark.parametrize(
    ("no_proxy", "excluded"),
    [
        ("*", True),
        ("mogplex.test", True),
        ("MOGPLEX.TEST.", True),
        (".mogplex.test", True),
        ("test", True),
        ("*.test", True),
        ("a.test,mogplex.test", True),
        ("a.test mogplex.test", True),
        ("mogplex.test:8443", True),
        ("*:8443", True),
        (".test:8443", True),
        ("mogplex.test:443", False),
        ("gplex.test", False),
        ("mogplex.test.corp", False),
        ("10.0.0.0/8", False),
        ("", False),
        (":8443", False),
        (",. ,", False),
    ],
)
def test_no_proxy_names_hosts_with_and_without_a_port(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, *, excluded: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:8080")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (find_proxy("https://mogplex.test:8443/api/v1/mogplex") is None) is excluded


@pytest.mark.parametrize(
    ("host", "no_proxy", "excluded"),
    [
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.9/24", True),
        ("10.1.2.3", "11.0.0.0/8", False),
        ("10.1.2.3", "2.3", False),
        ("10.1.2.3", "fd00::/8", False),
        ("[fd00::1]", "fd00::1", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("[fd00::1]", "[FD00:0::1]:443", True),
        ("[fd00::1]", "[fd00::1]:8443", False),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]", "[fd00::]/8", True),
        ("[fd00::1]", "fe80::/10", False),
        ("[fd00::1]", "::1", False),
    ],
)
def test_no_proxy_names_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, host: str, no_proxy: str, *, excluded: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:8080")
    monkeypatch.setenv("no_proxy", no_proxy)
    assert (find_proxy(f"https://{host}/api/v1/mogplex") is None) is excluded


@pytest.mark.parametrize("bypassed", [False, True])
def test_proxy_of_the_system_is_named_as_such(monkeypatch: pytest.MonkeyPatch, *, bypassed: bool) -> None:
    monkeypatch.setattr(urllib_request, "getproxies_environment", dict)
    monkeypatch.setattr(urllib_request, "getproxies", lambda: {"https": "http://proxy.corp:8080"})
    monkeypatch.setattr(urllib_request, "proxy_bypass", lambda _: bypassed)
    found = find_proxy(MOGPLEX)
    assert (found is None) is bypassed
    assert found is None or found.name == "proxy.corp:8080 (from the system's settings)"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://eve:hunter2@proxy.corp", "proxy.corp:80 (from HTTPS_PROXY)"),
        ("socks5://eve:hunter2@[fd00::1]", "[fd00::1]:1080 (from HTTPS_PROXY)"),
        ("http://eve:hunter2@[", "(malformed):0 (from HTTPS_PROXY)"),
        ("http://pr\u202eoxy:1", "(malformed):1 (from HTTPS_PROXY)"),
    ],
)
def test_name_of_a_proxy_holds_no_password(url: str, name: str) -> None:
    proxy = ProxySetting(url, "HTTPS_PROXY")
    assert proxy.name == name
    assert "hunter2" not in repr(proxy)
