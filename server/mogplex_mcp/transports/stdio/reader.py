"""Reads MCP messages, one per line."""

from collections import deque
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
from anyio.abc import ObjectReceiveStream
from mcp.shared.message import SessionMessage

from mogplex_mcp.transports.stdio.members import LARGEST_EXCERPT
from mogplex_mcp.transports.stdio.messages import (
    BOM,
    LARGEST_MESSAGE,
    Rejection,
    read_line,
    too_long,
)
from mogplex_mcp.transports.stdio.streams import ByteSource


class MessageReader(ObjectReceiveStream[SessionMessage | Exception]):
    """Messages from a client, one per line.

    Args:
        source: The bytes from the client.
        received: Bytes that were read from the client before.
        reject: Called with each line that is no message; it may wait, and nothing more is read meanwhile.
    """

    def __init__(
        self, source: ByteSource, reject: Callable[[Rejection], Awaitable[None]], received: bytes = b""
    ) -> None:
        self._source = source
        self._reject = reject
        self._received: deque[SessionMessage | Rejection] = deque()
        self._pending = bytearray()
        self._discarded: _Excerpt | None = None
        self._is_at_end = False
        if received:
            self._take(received)

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message.

        Raises:
            EndOfStream: The client has closed its side.
        """
        # Once the shutdown has begun, no further message is received, even if it has been read already.
        await anyio.lowlevel.checkpoint_if_cancelled()
        while True:
            while not self._received:
                if self._is_at_end:
                    raise anyio.EndOfStream
                await self._source.wait()
                self._take(self._source.take())
            item = self._received.popleft()
            if isinstance(item, SessionMessage):
                return item
            await self._reject(item)

    async def aclose(self) -> None:
        """Do nothing: the descriptor belongs to the caller."""

    def _take(self, chunk: bytes) -> None:
        """Process a chunk that was read; an empty one is the end of the file."""
        self._is_at_end = not chunk
        # The last line may lack its newline.
        self._pending += chunk or b"\n"
        if b"\n" in chunk or not chunk:
            first, *lines, self._pending = self._pending.split(b"\n")
            if self._discarded:
                self._received += self._discarded.rejections(first)
                self._discarded = None
            else:
                lines.insert(0, first.removeprefix(BOM))
            for line in lines:
                self._take_line(line)
        if self._discarded:
            self._discarded.add(self._pending)
            self._pending.clear()
        elif len(self._pending) > LARGEST_MESSAGE:
            self._discarded = _Excerpt(self._pending)
            self._pending = bytearray()

    def _take_line(self, line: bytearray) -> None:
        read = read_line(line) if line.strip() else []
        self._received += [read] if isinstance(read, SessionMessage) else read


class _Excerpt:
    """The beginning and the end of a line that is discarded, since it is too long."""

    def __init__(self, line: bytearray) -> None:
        self._head = bytes(line[:LARGEST_EXCERPT])
        self._tail = bytes(line[-LARGEST_EXCERPT:])

    def add(self, more: bytearray) -> None:
        self._tail = (self._tail + more)[-LARGEST_EXCERPT:]

    def rejections(self, last: bytearray) -> list[Rejection]:
        self.add(last)
        return too_long(self._head, self._tail)
