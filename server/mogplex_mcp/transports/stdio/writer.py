"""Writes MCP messages, one per line."""

import errno
from typing import Final

import anyio
from anyio.abc import ObjectSendStream
from mcp.shared.message import SessionMessage

from mogplex_mcp.core.shutdown import ANSWER_SECONDS, Shutdown
from mogplex_mcp.startup.discovery import Discovery, as_line
from mogplex_mcp.transports.stdio.streams import ByteSink

# Windows reports a pipe without a reader as EINVAL.
_CLIENT_IS_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EINVAL})


class MessageWriter(ObjectSendStream[SessionMessage]):
    """Messages to a client, one per line.

    Args:
        sink: The bytes to the client; it belongs to the caller.
        discovery: The beginning of the conversation.
        shutdown: Bounds how long the last responses may take.
        serving: The scope to cancel when the client has closed its side.
    """

    def __init__(self, sink: ByteSink, discovery: Discovery, shutdown: Shutdown, serving: anyio.CancelScope) -> None:
        self._sink = sink
        self._discovery = discovery
        self._shutdown = shutdown
        self._serving = serving
        self._lock = anyio.Lock(fast_acquire=True)
        self._is_cut_off = False

    async def send(self, item: SessionMessage) -> None:
        """Send a message, unless the client got the same response before this server was loaded."""
        if self._discovery.is_answered(item.message):
            return
        line = as_line(item.message)
        await self.write(line)
        self._discovery.sent(item.message, line)

    async def write(self, data: bytes) -> None:
        """Write whole lines; concurrent writes wait for their turn."""
        async with self._lock:
            if self._is_cut_off:
                return
            try:
                if rest := memoryview(data)[self._sink.write_now(data) :]:
                    await self._write_rest(rest)
            except OSError as error:
                if error.errno not in _CLIENT_IS_GONE:
                    raise
                self._is_cut_off = True
                self._serving.cancel()

    async def aclose(self) -> None:
        """Do nothing: the sink belongs to the caller, who may still have something to write."""

    async def _write_rest(self, rest: memoryview) -> None:
        with self._shutdown.within(ANSWER_SECONDS) as writing:
            # A line that is cut short by a cancellation would corrupt all lines after it.
            writing.shield = True
            await self._sink.write(rest)
            return
        self._is_cut_off = True
