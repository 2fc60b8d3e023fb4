"""Writes MCP messages, one per line."""

import errno
from typing import Final

import anyio
import mcp_types
from anyio.abc import ObjectSendStream
from mcp.shared.message import SessionMessage

from mogplex_mcp.core.shutdown import ANSWER_SECONDS, Shutdown
from mogplex_mcp.transports.stdio.streams import ByteSink

# Windows reports a pipe without a reader as EINVAL.
_CLIENT_IS_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EINVAL})


class MessageWriter(ObjectSendStream[SessionMessage]):
    """Messages to a client, one per line.

    Args:
        sink: The bytes to the client; it belongs to the caller.
        shutdown: Bounds how long the last responses may take.
        serving: The scope to cancel when the client has closed its side.
        answered: The id of a request whose response the client has already; None if there is none.
    """

    def __init__(
        self,
        sink: ByteSink,
        shutdown: Shutdown,
        serving: anyio.CancelScope,
        answered: mcp_types.RequestId | None = None,
    ) -> None:
        self._sink = sink
        self._answered = answered
        self._shutdown = shutdown
        self._serving = serving
        self._lock = anyio.Lock(fast_acquire=True)
        self._is_cut_off = False

    async def send(self, item: SessionMessage) -> None:
        """Send a message, unless it is the response that the client has already."""
        message = item.message
        if (
            self._answered is not None
            and isinstance(message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError)
            and message.id == self._answered
        ):
            self._answered = None
            return
        await self.write(message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")

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
