"""A Mogplex inside of this process in the network's place, for the demo and tests."""

import contextlib
from collections.abc import AsyncIterator, Iterator

import httpx2

from mogplex_mcp.api.connection import HttpClient, Request, Response
from mogplex_mcp.api.faults import (
    ConnectError,
    ConnectTimeoutError,
    NoPlaceError,
    ProxyError,
    SilenceError,
    TransportError,
)

# What httpx2 has a name for; all else is a connection that broke.
_FAULTS = {
    httpx2.ConnectError: ConnectError,
    httpx2.ConnectTimeout: ConnectTimeoutError,
    httpx2.PoolTimeout: NoPlaceError,
    httpx2.ProxyError: ProxyError,
    httpx2.ReadTimeout: SilenceError,
    httpx2.WriteTimeout: SilenceError,
}


class InProcess(HttpClient):
    """Sends requests to a transport of httpx2.

    Args:
        transport: Whom to ask.
        user_agent: The header of that name.
    """

    def __init__(self, transport: httpx2.AsyncBaseTransport, user_agent: str) -> None:
        super().__init__(user_agent)
        self._transport = transport

    @contextlib.asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[Response]:
        """Send a request; the answer is there for the block, which reads it."""
        asked = httpx2.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=request.content,
            extensions={"timeout": {"read": request.read_seconds}},
        )
        with _as_over_the_network():
            response = await self._transport.handle_async_request(asked)
        try:
            yield Response(response.status_code, response.headers, _chunks(response))
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


async def _chunks(response: httpx2.Response) -> AsyncIterator[bytes]:
    if not isinstance(response.stream, httpx2.AsyncByteStream):
        raise TypeError("the transport must be asynchronous")
    with _as_over_the_network():
        async for chunk in response.stream:
            yield chunk


@contextlib.contextmanager
def _as_over_the_network() -> Iterator[None]:
    """Faults as they are named there, in words of this side."""
    try:
        yield
    except httpx2.TransportError as fault:
        raise _FAULTS.get(type(fault), TransportError)(type(fault).__name__) from fault
