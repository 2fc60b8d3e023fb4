"""Writes MCP messages to a file descriptor, without a thread and without a task of its own."""

import contextlib
import os
import select
import stat
from typing import Final

import anyio
from anyio.abc import ObjectSendStream
from mcp.shared.message import SessionMessage

from mogplex_mcp.core.shutdown import ANSWER_SECONDS, Shutdown
from mogplex_mcp.startup.discovery import Discovery, as_line

# A pipe accepts so many bytes without blocking once it is writable (POSIX: PIPE_BUF).
_WRITE_BYTES: Final = 4_096


class MessageWriter(ObjectSendStream[SessionMessage]):
    """Messages to a client, one per line.

    O_NONBLOCK belongs to the open file description (POSIX), which other processes share. So a pipe is opened anew where
    the system can do that (Linux); elsewhere it is written in portions that do not block.

    Args:
        descriptor: The file descriptor to write.
        discovery: The beginning of the conversation.
        shutdown: Bounds how long the last responses may take.
        serving: The scope to cancel when the client has closed its side.
    """

    def __init__(self, descriptor: int, discovery: Discovery, shutdown: Shutdown, serving: anyio.CancelScope) -> None:
        self._shared = descriptor
        self._own: int | None = None
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            with contextlib.suppress(OSError):
                self._own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
        self._discovery = discovery
        self._shutdown = shutdown
        self._serving = serving
        self._lock = anyio.Lock(fast_acquire=True)

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
            try:
                if rest := memoryview(data)[self._write_now(data) :]:
                    await self._write_rest(rest)
            except (BrokenPipeError, ConnectionResetError):
                # The client is gone.
                self._serving.cancel()

    async def aclose(self) -> None:
        """Close the pipe that was opened anew."""
        if self._own is not None:
            os.close(self._own)
            self._own = None

    async def _write_rest(self, rest: memoryview) -> None:
        with self._shutdown.within(ANSWER_SECONDS) as writing:
            # A line that is cut short by a cancellation would corrupt all lines after it.
            writing.shield = True
            while rest:
                await anyio.wait_writable(self._shared)
                rest = rest[self._write_now(rest) :]

    def _write_now(self, data: bytes | memoryview) -> int:
        """Write as much as possible without blocking; return the number of bytes."""
        if self._own is not None:
            try:
                return os.write(self._own, data)
            except BlockingIOError:
                return 0
        written = 0
        # select() is far cheaper than an iteration of the event loop for each portion.
        while written < len(data) and select.select([], [self._shared], [], 0)[1]:
            written += os.write(self._shared, data[written : written + _WRITE_BYTES])
        return written
