"""A TCP proxy in front of a PostgreSQL server, which delays, holds back or cuts what passes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit


class Turns:
    """Who spoke last on one connection."""

    def __init__(self, proxy: "PostgresProxy") -> None:
        self._proxy = proxy
        self._is_asked = False

    def asked(self) -> None:
        if not self._is_asked:
            self._proxy.round_trips += 1
        self._is_asked = True

    def answered(self) -> None:
        self._is_asked = False


class PostgresProxy:
    """The connections through one port.

    Attributes:
        url: The address of the database through the proxy.
        delay_seconds: How long each piece is held back, on its way to the server.
        stalled: Whether nothing passes any more, as when a network cable is pulled.
        round_trips: How often the server was waited for: a client sent something after it had read a response.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.delay_seconds = 0.0
        self.stalled = False
        self.round_trips = 0
        self.listener: asyncio.Server | None = None
        self._server = urlsplit(url).port
        self._connections: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """End all connections; new ones are accepted."""
        for connection in self._connections:
            connection.cancel()

    def close(self) -> None:
        """End all connections and refuse new ones, as when the server is gone."""
        assert self.listener is not None
        self.listener.close()
        self.cut()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        upstream = None
        turns = Turns(self)
        try:
            upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._server)
            there = asyncio.create_task(self._pass_on(reader, upstream, turns.asked, delayed=True))
            back = asyncio.create_task(self._pass_on(upstream_reader, writer, turns.answered, delayed=False))
            try:
                await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            finally:
                there.cancel()
                back.cancel()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(connection)
            for one in (writer, upstream):
                if one is not None:
                    one.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, turn: Callable[[], None], *, delayed: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65_536):
                turn()
                while self.stalled:  # noqa: ASYNC110 - tests set it at any time
                    await asyncio.sleep(0.05)
                if delayed and self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                writer.write(piece)
                await writer.drain()


@contextlib.asynccontextmanager
async def postgres_proxy(url: str) -> AsyncIterator[PostgresProxy]:
    """Put a proxy in front of the server of an address until the block ends."""
    proxy = PostgresProxy(url)
    listener = proxy.listener = await asyncio.start_server(proxy._connect, "127.0.0.1", 0)
    proxy.url = url.replace(f":{proxy._server}/", f":{listener.sockets[0].getsockname()[1]}/")
    try:
        yield proxy
    finally:
        listener.close()
        proxy.cut()
