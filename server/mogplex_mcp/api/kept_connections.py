"""Connections to one Mogplex, kept for the next request.

The HTTP library's connections without its pool: that one looks at all of its connections for each request, and with 200
of them this takes longer than all else. And without the client above it, which takes as long again for what a client of
one API has no use for.
"""

import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

import anyio
import httpcore2

from mogplex_mcp.api.connection import HttpClient, Request, Response

Connect = Callable[[], httpcore2.AsyncConnectionInterface]
"""Makes a connection that is opened by its first request."""

# Agents call seconds apart, and a kept connection spares them a handshake.
KEPT_SECONDS: Final = 60.0
_CONNECT_SECONDS: Final = 5.0
_WRITE_SECONDS: Final = 20.0
_PLACE_SECONDS: Final = 20.0
_CLOSE_SECONDS: Final = 1.0


class KeptConnections(HttpClient):
    """Sends requests over the network.

    Args:
        connect: Makes a connection.
        most: How many there may be at a time.
        user_agent: The header of that name.
    """

    def __init__(self, connect: Connect, most: int, user_agent: str) -> None:
        super().__init__(user_agent)
        self._connect = connect
        self._places = anyio.Semaphore(most)
        # What was used last stands last, and is used next: what is not needed grows old at the front.
        self._idle = deque[httpcore2.AsyncConnectionInterface]()

    @contextlib.asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[Response]:
        """Send a request; the answer is there for the block, which reads it."""
        await self._take_place()
        try:
            connection = await self._take()
            try:
                response = await connection.handle_async_request(_as_the_library_has_it(request))
                try:
                    yield Response(
                        response.status,
                        {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers},
                        response.aiter_stream(),
                        response.extensions.get("network_stream"),
                    )
                finally:
                    await response.aclose()
            finally:
                await self._give_back(connection)
        finally:
            self._places.release()

    async def aclose(self) -> None:
        """Close all connections."""
        while self._idle:
            await _close(self._idle.pop())

    async def _take_place(self) -> None:
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(_PLACE_SECONDS) as waiting:
                await self._places.acquire()
            if waiting.cancelled_caught:
                raise httpcore2.PoolTimeout from None

    async def _take(self) -> httpcore2.AsyncConnectionInterface:
        while self._idle:
            # A connection that the other side has closed meanwhile counts as expired.
            if not (connection := self._idle.pop()).has_expired():
                return connection
            await _close(connection)
        return self._connect()

    async def _give_back(self, connection: httpcore2.AsyncConnectionInterface) -> None:
        if connection.is_idle() and not connection.is_closed():
            self._idle.append(connection)
        else:
            await _close(connection)
        while len(self._idle) > 1 and self._idle[0].has_expired():
            await _close(self._idle.popleft())


def to_origin(base_url: str, trust: ssl.SSLContext, proxy: str | None) -> Connect:
    """What makes connections to where an address is.

    Args:
        base_url: The address.
        trust: Which certificates are good, of the other side and of the proxy.
        proxy: The address of the proxy on the way; None for none.

    Raises:
        ValueError: When there can't be such a proxy.
    """
    pool = _pool(trust, proxy)
    origin = httpcore2.URL(base_url).origin
    return lambda: pool.create_connection(origin)


def _pool(trust: ssl.SSLContext, proxy: str | None) -> httpcore2.AsyncConnectionPool:
    """The library's pool, which knows how to connect."""
    if proxy is None:
        return httpcore2.AsyncConnectionPool(ssl_context=trust, keepalive_expiry=KEPT_SECONDS)
    address = urlsplit(proxy)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError(address.scheme)
    secure = address.scheme == "https"
    return httpcore2.AsyncHTTPProxy(
        httpcore2.URL(scheme=address.scheme, host=address.hostname, port=address.port, target="/"),
        proxy_auth=(unquote(address.username), unquote(address.password or "")) if address.username else None,
        ssl_context=trust,
        proxy_ssl_context=trust if secure else None,
        keepalive_expiry=KEPT_SECONDS,
    )


def _as_the_library_has_it(request: Request) -> httpcore2.Request:
    headers = [(b"Host", urlsplit(request.url).netloc.encode())]
    headers += [(name.encode(), value.encode()) for name, value in request.headers.items()]
    if request.method != "GET":
        # Also of nothing: some servers refuse a POST that does not say so (RFC 9110, section 8.6).
        headers.append((b"Content-Length", b"%d" % len(request.content or b"")))
    timeouts = {"connect": _CONNECT_SECONDS, "write": _WRITE_SECONDS, "read": request.read_seconds}
    return httpcore2.Request(
        request.method,
        _parsed(request.url),
        headers=headers,
        content=request.content,
        extensions={"timeout": timeouts},
    )


# Most addresses are asked for again.
@lru_cache(maxsize=256)
def _parsed(url: str) -> httpcore2.URL:
    return httpcore2.URL(url)


async def _close(connection: httpcore2.AsyncConnectionInterface) -> None:
    """Close a connection, also when the request over it was cancelled."""
    with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
        await connection.aclose()
