"""A Mogplex inside of this process in the network's place, for the demo and tests."""

import contextlib
from collections.abc import AsyncIterator, Iterator

import httpcore2
import httpx2

from mogplex_mcp.api.connection import HttpClient, Request, Response


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
    """Faults as the network's library names them: both use the same names."""
    try:
        yield
    except httpx2.TransportError as fault:
        raise getattr(httpcore2, type(fault).__name__, httpcore2.NetworkError)(str(fault)) from fault
