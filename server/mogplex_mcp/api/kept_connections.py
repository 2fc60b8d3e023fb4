"""Connections to one Mogplex, kept for the next request."""

import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

import anyio

from mogplex_mcp.api.connection import HttpClient, Request, Response
from mogplex_mcp.api.faults import NoPlaceError
from mogplex_mcp.api.http_connection import HttpConnection
from mogplex_mcp.api.origin import Origin

# Agents call seconds apart, and a kept connection spares them a handshake.
KEPT_SECONDS: Final = 60.0
_PLACE_SECONDS: Final = 20.0


class KeptConnections(HttpClient):
    """Sends requests over the network.

    Args:
        origin: Where to.
        most: How many connections there may be at a time.
        user_agent: The header of that name.
    """

    def __init__(self, origin: Origin, most: int, user_agent: str) -> None:
        super().__init__(user_agent)
        self._origin = origin
        self._places = anyio.Semaphore(most)
        # Each with the time until which it is kept. What was used last stands last, and is used next: what is not
        # needed grows old at the front.
        self._idle = deque[tuple[float, HttpConnection]]()

    @contextlib.asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[Response]:
        """Send a request; the answer is there for the block, which reads it."""
        written = self._origin.written(request)
        await self._take_place()
        try:
            connection = await self._take()
            try:
                yield await connection.ask(written, request.read_seconds)
            finally:
                self._give_back(connection)
        finally:
            self._places.release()

    async def aclose(self) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _take_place(self) -> None:
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(_PLACE_SECONDS) as waiting:
                await self._places.acquire()
            if waiting.cancelled_caught:
                raise NoPlaceError from None

    async def _take(self) -> HttpConnection:
        while self._idle:
            kept_until, connection = self._idle.pop()
            if anyio.current_time() < kept_until and not connection.is_stale():
                return connection
            connection.close()
        return await self._origin.connect()

    def _give_back(self, connection: HttpConnection) -> None:
        now = anyio.current_time()
        if connection.is_free:
            self._idle.append((now + KEPT_SECONDS, connection))
        else:
            connection.close()
        while self._idle and self._idle[0][0] <= now:
            self._idle.popleft()[1].close()
