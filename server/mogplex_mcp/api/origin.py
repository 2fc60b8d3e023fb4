"""Where requests go: one origin, and the way there through proxies and TLS."""

import asyncio
import contextlib
import ssl
from base64 import b64encode
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

import anyio

from mogplex_mcp.api.connection import Request
from mogplex_mcp.api.faults import ConnectError, ConnectTimeoutError, ProxyError, TransportError
from mogplex_mcp.api.http_connection import HttpConnection

_STEP_SECONDS: Final = 5.0
_NEXT_ADDRESS_SECONDS: Final = 0.25  # RFC 8305, section 5
_PORTS: Final = {"http": 80, "https": 443}
_SUCCESSES: Final = range(200, 300)


class Origin:
    """The origin of an address. Nothing is sent to any other.

    Args:
        base_url: The address, made by `normalise_base_url`.
        trust: Which certificates are good, of the origin and of the proxy.
        proxy: The address of the proxy on the way; None for none.

    Raises:
        ValueError: There can't be such a proxy.
    """

    def __init__(self, base_url: str, trust: ssl.SSLContext, proxy: str | None) -> None:
        self._url = urlsplit(base_url)
        self._address = f"{self._url.scheme}://{self._url.netloc}"
        self._trust = trust
        self._proxy = urlsplit(proxy) if proxy else None
        if self._proxy and not (self._proxy.scheme in _PORTS and self._proxy.hostname and _port(self._proxy)):
            raise ValueError(self._proxy.scheme)
        self._headers = {"Host": self._url.netloc}
        # What a target leaves out. A proxy that makes no tunnel is told all (RFC 9112, section 3.2.2).
        self._left_out = len(self._address)
        if self._proxy and self._url.scheme == "http":
            self._headers |= _credentials(self._proxy)
            self._left_out = 0

    def written(self, request: Request) -> bytes:
        """A request as it goes over a connection.

        Raises:
            ValueError: It is for somebody else.
        """
        if not request.url.startswith(f"{self._address}/"):
            raise ValueError("this request is for another origin")
        headers = {**self._headers, **request.headers}
        if request.method != "GET":
            # Also of nothing: some servers refuse a POST that does not say so (RFC 9110, section 8.6).
            headers["Content-Length"] = str(len(request.content or b""))
        return _head(request.method, request.url[self._left_out :], headers) + (request.content or b"")

    async def connect(self) -> HttpConnection:
        """A new connection.

        Raises:
            ConnectError: There can't be one now.
        """
        loop, first = asyncio.get_running_loop(), self._proxy or self._url
        with _connecting():
            _, connection = await loop.create_connection(
                HttpConnection,
                first.hostname or "",
                _port(first),
                ssl=self._trust if first.scheme == "https" else None,
                happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS,
            )
        if self._proxy is None or self._url.scheme != "https":
            return connection
        try:
            await self._lead_on(connection, self._proxy)
            return await self._secured(connection)
        except BaseException:
            connection.close()
            raise

    async def _lead_on(self, connection: HttpConnection, proxy: SplitResult) -> None:
        """Have the proxy make a tunnel to the origin (RFC 9110, section 9.3.6)."""
        target = self._url.netloc if self._url.port else f"{self._url.netloc}:{_port(self._url)}"
        asked = _head("CONNECT", target, {"Host": target, **_credentials(proxy)})
        try:
            answer = await connection.ask(asked, _STEP_SECONDS)
        except TransportError as error:
            raise ProxyError(str(error)) from error
        if answer.status not in _SUCCESSES:
            raise ProxyError(f"it answered {answer.status}")

    async def _secured(self, tunnel: HttpConnection) -> HttpConnection:
        connection = HttpConnection()
        with _connecting():
            transport = await asyncio.get_running_loop().start_tls(
                tunnel.transport, connection, self._trust, server_hostname=self._url.hostname
            )
        if transport is None:
            raise ConnectError("it was closed at once")
        connection.connection_made(transport)
        return connection


@contextlib.contextmanager
def _connecting() -> Iterator[None]:
    """One step of making a connection."""
    try:
        with anyio.fail_after(_STEP_SECONDS):
            yield
    except TimeoutError:
        raise ConnectTimeoutError from None
    except OSError as error:
        raise ConnectError(str(error) or "it was closed at once") from error


def _head(method: str, target: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    told = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(told.encode()).decode()}"}


def _port(url: SplitResult) -> int:
    return url.port or _PORTS[url.scheme]
