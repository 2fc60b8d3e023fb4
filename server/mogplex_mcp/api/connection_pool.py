"""Pool connections to one origin: divide requests over several pools of httpx2, and drop old connections together."""

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx2

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


class PooledTransport(httpx2.AsyncBaseTransport):
    """Sends requests to one origin, each through the least busy pool.

    A request without a complete response, for whatever reason, is a sign that the network changed or the other side
    restarted: all connections that are idle then are closed, so that a retry opens a new one. Requests in flight go on.

    Args:
        base_url: An address at the only origin that requests may go to.
        ssl_context: Which certificates to trust.
        proxy: The proxy on the way; None for none.

    Raises:
        ImportError: The proxy needs a package that isn't installed.
    """

    def __init__(self, base_url: str, ssl_context: ssl.SSLContext, proxy: httpx2.Proxy | None) -> None:
        self._origin = httpx2.URL(base_url).origin
        self._ssl_context = ssl_context
        self._proxy = proxy
        self._pools = [self._new_pool()]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the response counts as complete when its stream was read to the end.

        Raises:
            ValueError: The request is for another origin.
            httpx2.TransportError: From the library.
        """
        if request.url.origin != self._origin:
            raise ValueError("The request is for another origin.")
        await self._drop([pool for pool in self._pools if pool.is_expired()])
        pool = self._least_busy()
        pool.in_flight += 1
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException as error:
            # Waiting for a connection proves nothing about those that exist.
            await self._release(pool, is_healthy=isinstance(error, httpx2.PoolTimeout))
            raise
        response.stream = _PooledStream(
            response.stream, lambda is_complete: self._release(pool, is_healthy=is_complete)
        )
        return response

    async def aclose(self) -> None:
        """Close all connections."""
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

    async def _release(self, pool: _Pool, *, is_healthy: bool) -> None:
        """End a request of a pool."""
        pool.in_flight -= 1
        pool.used_at = time.monotonic()
        if pool not in self._pools:
            await self._drop([pool])
        elif not is_healthy:
            await self._drop(self._pools)

    async def _drop(self, dropped: Sequence[_Pool]) -> None:
        """Give pools no more requests, and close those without a request in flight."""
        self._pools = [pool for pool in self._pools if pool not in dropped]
        for pool in dropped:
            if not pool.in_flight:
                await pool.transport.aclose()


class _PooledStream(httpx2.AsyncByteStream):
    """The body of a response, which tells its pool when it is closed and whether all of it was read."""

    def __init__(
        self, stream: httpx2.AsyncByteStream | httpx2.SyncByteStream, on_close: Callable[[bool], Awaitable[None]]
    ) -> None:
        if not isinstance(stream, httpx2.AsyncByteStream):
            raise TypeError("The transport must be asynchronous.")
        self._stream = stream
        self._on_close = on_close
        self._is_complete = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk
        self._is_complete = True

    async def aclose(self) -> None:
        """Give the connection back, or close it if not all of the body was read."""
        try:
            await self._stream.aclose()
        finally:
            await self._on_close(self._is_complete)
