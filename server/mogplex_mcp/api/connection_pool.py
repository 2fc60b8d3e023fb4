"""Pool connections to one origin: divide requests over several pools of httpx2, and drop old connections together."""

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import httpx2

from mogplex_mcp.api.errors import ErrorCode, MogplexError

# A pool of httpx2 looks at all of its connections and requests for each request, so that many small pools are faster
# than one: 200 requests in flight at 100 ms gave 490 instead of 366 calls a second.
MAX_POOLS: Final = 16
CONNECTIONS_PER_POOL: Final = 16
# Agents call seconds apart; a connection that is still open saves them a handshake. The default is 5 seconds.
KEEPALIVE_SECONDS: Final = 60.0


@dataclass(eq=False)
class _Pool:
    transport: httpx2.AsyncHTTPTransport
    in_flight: int = 0
    used_at: float = field(default_factory=time.monotonic)

    def is_expired(self) -> bool:
        """Return whether all connections are too old. The library closes them only when it gets another request."""
        return not self.in_flight and time.monotonic() - self.used_at > KEEPALIVE_SECONDS


class _Suspects(Enum):
    """Which connections the outcome of a request makes suspect, in addition to its own, which the library closes."""

    NONE = auto()
    POOL = auto()
    ALL = auto()


class PooledTransport(httpx2.AsyncBaseTransport):
    """Sends requests to one origin, each through the least busy pool.

    A connection that breaks or falls silent is a sign that the network changed or the other side restarted: all idle
    connections are closed, so that a retry opens a new one. Requests in flight go on. A request that is cancelled, or
    whose response is not read to its end, says nothing about other connections.

    Args:
        base_url: An address at the only origin that requests may go to.
        ssl_context: Which certificates to trust.
        proxy: The proxy on the way; None for none.
        proxy_name: What errors call it.

    Raises:
        ImportError: The proxy needs a package that isn't installed.
    """

    def __init__(
        self, base_url: str, ssl_context: ssl.SSLContext, proxy: httpx2.Proxy | None, proxy_name: str = ""
    ) -> None:
        self._origin = httpx2.URL(base_url).origin
        self._ssl_context = ssl_context
        self._proxy = proxy
        self._proxy_name = proxy_name
        self._is_closed = False
        self._pools = [self._new_pool()]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the response counts as complete when its stream was read to the end.

        Raises:
            ValueError: The request is for another origin.
            MogplexError: `SHUTTING_DOWN`; the transport is closed.
            httpx2.TransportError: From the library.
        """
        if request.url.origin != self._origin:
            raise ValueError("The request is for another origin.")
        if self._is_closed:
            raise MogplexError(ErrorCode.SHUTTING_DOWN, "The connections to Mogplex are closed; nothing was sent.")
        await self._drop([pool for pool in self._pools if pool.is_expired()])
        pool = self._least_busy()
        pool.in_flight += 1
        sending = _Sending()
        if self._proxy is not None:
            request.extensions = {**request.extensions, "trace": sending.trace, "proxy": self._proxy_name}
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException as error:
            await self._release(pool, _suspects(error))
            if self._proxy is not None and not sending.is_beyond_proxy and _is_of_proxy(error):
                raise httpx2.ProxyError(str(error)) from error
            raise
        response.stream = _PooledStream(response.stream, lambda suspects: self._release(pool, suspects))
        return response

    async def aclose(self) -> None:
        """Close all connections; no request is sent any more."""
        self._is_closed = True
        pools, self._pools = self._pools, []
        for pool in pools:
            await pool.transport.aclose()

    def _least_busy(self) -> _Pool:
        """Return the pool with the fewest requests, of several the first: the likeliest to have open connections."""
        pool = min(self._pools, key=lambda pool: pool.in_flight, default=None)
        if pool is None or (pool.in_flight and len(self._pools) < MAX_POOLS):
            pool = self._new_pool()
            self._pools.append(pool)
        return pool

    def _new_pool(self) -> _Pool:
        limits = httpx2.Limits(max_connections=CONNECTIONS_PER_POOL, keepalive_expiry=KEEPALIVE_SECONDS)
        return _Pool(httpx2.AsyncHTTPTransport(verify=self._ssl_context, limits=limits, proxy=self._proxy))

    async def _release(self, pool: _Pool, suspects: _Suspects) -> None:
        """End a request of a pool, and drop the connections that its outcome makes suspect."""
        pool.in_flight -= 1
        pool.used_at = time.monotonic()
        if suspects is _Suspects.ALL:
            await self._drop(self._pools)
        if suspects is _Suspects.POOL or pool not in self._pools:
            await self._drop([pool])

    async def _drop(self, dropped: Sequence[_Pool]) -> None:
        """Give pools no more requests, and close those without a request in flight."""
        self._pools = [pool for pool in self._pools if pool not in dropped]
        for pool in dropped:
            if not pool.in_flight:
                await pool.transport.aclose()


class _Sending:
    """Notes whether the proxy has done its part: TLS with Mogplex began, or the request itself was sent."""

    def __init__(self) -> None:
        self.is_beyond_proxy = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """See the extension "trace" of httpx2."""
        sends = event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT"
        if sends or event in ("proxy.start_tls.started", "socks.start_tls.started"):
            self.is_beyond_proxy = True


def _is_of_proxy(error: BaseException) -> bool:
    """Return whether an error on the way to the proxy, or while it makes a tunnel, is its failure.

    Errors of `socksio`, and assertions of the library about replies of the proxy, come out of it as they are.
    """
    if isinstance(error, httpx2.PoolTimeout):
        return False
    module = type(error).__module__.partition(".")[0]
    return isinstance(error, httpx2.TransportError | OSError | UnicodeError | AssertionError) or module == "socksio"


def _suspects(error: BaseException) -> _Suspects:
    # Waiting for a connection proves nothing about those that exist.
    failed = isinstance(error, Exception) and not isinstance(error, httpx2.PoolTimeout)
    return _Suspects.ALL if failed else _Suspects.NONE


def _has_unread(stream: httpx2.AsyncByteStream) -> bool:
    """Return whether the connection of a response holds bytes behind it, that no request asked for.

    The library would take them for the response to the next request, which can be another caller's. It has no public
    way to ask; where its inside looks different, `tests/api/test_httpx2.py` fails.
    """
    pooled = getattr(getattr(stream, "_httpcore_stream", None), "_stream", None)
    connection = getattr(pooled, "_connection", None)
    state = getattr(connection, "_h11_state", None)
    tls = getattr(getattr(connection, "_network_stream", None), "_stream", None)
    decrypted = getattr(tls, "_read_bio", None)
    return bool(state and state.trailing_data[0]) or bool(decrypted and decrypted.pending)


class _PooledStream(httpx2.AsyncByteStream):
    """The body of a response, which reports to its pool when it is closed and which connections are suspect."""

    def __init__(
        self, stream: httpx2.AsyncByteStream | httpx2.SyncByteStream, on_close: Callable[[_Suspects], Awaitable[None]]
    ) -> None:
        if not isinstance(stream, httpx2.AsyncByteStream):
            raise TypeError("The transport must be asynchronous.")
        self._stream = stream
        self._on_close = on_close
        self._suspects = _Suspects.NONE

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except Exception as error:
            self._suspects = _suspects(error)
            raise
        if _has_unread(self._stream):
            self._suspects = _Suspects.POOL

    async def aclose(self) -> None:
        """Give the connection back, or close it if not all of the body was read."""
        try:
            await self._stream.aclose()
        finally:
            await self._on_close(self._suspects)
