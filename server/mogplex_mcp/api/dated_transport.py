"""A transport that sets a clock by the `Date` of each response."""

import httpx2

from mogplex_mcp.api.server_clock import ServerClock


class DatedTransport(httpx2.AsyncBaseTransport):
    """Sends requests over another transport, which its maker closes.

    Args:
        transport: The other transport.
        clock: Is set by JSON only: a login page or an error of a proxy has the time of another machine.
    """

    def __init__(self, transport: httpx2.AsyncBaseTransport, clock: ServerClock) -> None:
        self._transport = transport
        self._clock = clock

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        response = await self._transport.handle_async_request(request)
        if response.headers.get("content-type", "").startswith("application/json"):
            self._clock.set(response.headers.get("date", ""))
        return response
