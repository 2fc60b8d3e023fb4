"""MCP messages from one descriptor and to another, without a thread and without a task of its own."""

import contextlib
import logging
import os
import select
import stat
from collections import deque
from typing import Final

import anyio
import anyio.lowlevel
import mcp_types
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.message import SessionMessage

from mogplex_mcp.core.shutdown import ANSWER_SECONDS, Shutdown
from mogplex_mcp.startup.discovery import QUIET_SECONDS, Discovery, as_line, without_late_probe

LARGEST_MESSAGE: Final = 16 * 1024 * 1024
_READ_BYTES: Final = 65_536
# What a pipe takes without blocking once it is writable (POSIX: PIPE_BUF).
_WRITE_BYTES: Final = 4_096

logger = logging.getLogger(__name__)


class Source(ObjectReceiveStream[SessionMessage | Exception]):
    """What a client says, one line for each message.

    Args:
        descriptor: Where it is read.
        discovery: The beginning of the conversation.
    """

    def __init__(self, descriptor: int, discovery: Discovery) -> None:
        self._descriptor = descriptor
        self._discovery = discovery
        self._messages = deque(discovery.missed(_message))
        self._unread = discovery.unread
        self._pending = bytearray()
        self._is_first = True
        self._is_too_long = False
        self._is_at_end = False

    async def receive(self) -> SessionMessage | Exception:
        """The next message.

        Raises:
            EndOfStream: The client has closed its side.
        """
        # What was read already is not taken in by a server that is told to end.
        await anyio.lowlevel.checkpoint_if_cancelled()
        while not self._messages:
            if self._is_at_end:
                raise anyio.EndOfStream
            if self._unread:
                self._take(self._unread)
                self._unread = b""
            elif self._discovery.has_rest and await self._is_quiet():
                self._messages += self._discovery.rest()
            else:
                await anyio.wait_readable(self._descriptor)
                self._take(os.read(self._descriptor, _READ_BYTES))
        return self._messages.popleft()

    async def aclose(self) -> None:
        """Do nothing: the descriptor is closed by whoever opened it."""

    async def _is_quiet(self) -> bool:
        with anyio.move_on_after(QUIET_SECONDS):
            await anyio.wait_readable(self._descriptor)
            return False
        return True

    def _take(self, chunk: bytes) -> None:
        """Take what was read; nothing at the end."""
        self._is_at_end = not chunk
        # The last line may be without its end.
        self._pending += chunk or b"\n"
        if b"\n" in chunk or not chunk:
            first, *lines, self._pending = self._pending.split(b"\n")
            whole = lines if self._is_too_long else [first, *lines]
            for line in without_late_probe(whole, _message) if self._is_first else whole:
                said = _message(line) if line.strip() else None
                self._discovery.asked(line, said)
                if said is not None:
                    self._messages.append(said)
            self._is_too_long, self._is_first = False, False
        if len(self._pending) > LARGEST_MESSAGE:
            # All up to the end of the line belongs to it, whatever it looks like.
            self._is_too_long = True
            logger.warning("A message of over 16 MiB was left out")
        if self._is_too_long:
            self._pending.clear()


class Sink(ObjectSendStream[SessionMessage]):
    """What a client is told, one line for each message.

    Whether writing blocks is a matter of what is open, and all processes that have it open share it. So a pipe is
    opened anew, where the system can do that (Linux); elsewhere it is written in portions that do not block.

    Args:
        descriptor: Where it is written.
        discovery: The beginning of the conversation.
        shutdown: Bounds how long the last answers may take to get out.
        serving: Is cancelled when nobody reads any more.
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
        self._turn = anyio.Lock(fast_acquire=True)

    async def send(self, item: SessionMessage) -> None:
        """Tell a message, unless the client was told the same before this server was there."""
        if self._discovery.is_told(item.message):
            return
        line = as_line(item.message)
        await self.write(line)
        self._discovery.answered(item.message, line)

    async def write(self, data: bytes) -> None:
        """Write whole lines; what others write meanwhile comes behind them."""
        async with self._turn:
            try:
                if rest := memoryview(data)[self._write_now(data) :]:
                    await self._write_rest(rest)
            except (BrokenPipeError, ConnectionResetError):
                # The client is gone: nobody is left to serve.
                self._serving.cancel()

    async def aclose(self) -> None:
        """Let go of what was opened anew."""
        if self._own is not None:
            os.close(self._own)
            self._own = None

    async def _write_rest(self, rest: memoryview) -> None:
        with self._shutdown.within(ANSWER_SECONDS) as writing:
            # Half a line would spoil all that come behind it, whoever gave up waiting for this one.
            writing.shield = True
            while rest:
                await anyio.wait_writable(self._shared)
                rest = rest[self._write_now(rest) :]

    def _write_now(self, data: bytes | memoryview) -> int:
        """Write what can be written without waiting; the number of bytes."""
        if self._own is not None:
            try:
                return os.write(self._own, data)
            except BlockingIOError:
                return 0
        written = 0
        # To look is far cheaper than a turn of the event loop for each portion.
        while written < len(data) and select.select([], [self._shared], [], 0)[1]:
            written += os.write(self._shared, data[written : written + _WRITE_BYTES])
        return written


def _message(line: bytes | bytearray) -> SessionMessage | None:
    """What a line says; None for what is no message. The SDK would leave that out as well, at forty times the cost."""
    try:
        # What is no UTF-8 is no JSON either, but the rest of the line may say to which request the error belongs.
        text = line.decode("utf-8", "replace")
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(text, by_name=False))
    except (ValueError, RecursionError) as error:
        logger.debug("A line that is no message was left out (%s)", type(error).__name__)
        return None
