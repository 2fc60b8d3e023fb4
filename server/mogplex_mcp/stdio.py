"""MCP on stdin and stdout, without a thread: a closed stdin and Ctrl-C end it at once.

The SDK's own stdio reads in a worker thread, which cannot be ended while it waits for a line. Where this one does not
work (Windows, files instead of pipes) the SDK's is used.
"""

import contextlib
import logging
import os
import select
import selectors
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import anyio
import mcp_types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

from mogplex_mcp.discovery import QUIET_SECONDS, Discovery, as_line, without_late_probe
from mogplex_mcp.draining import Answers, Questions, Unanswered
from mogplex_mcp.ending import ANSWER_SECONDS, Ending

LARGEST_MESSAGE: Final = 16 * 1024 * 1024
_READ_BYTES: Final = 65_536
# What a pipe takes without blocking once it is writable (POSIX: PIPE_BUF).
_WRITE_BYTES: Final = 4_096

logger = logging.getLogger(__name__)

_Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
_Outgoing = MemoryObjectSendStream[SessionMessage]


async def serve_stdio(server: Server[Any], ending: Ending, discovery: Discovery | None = None) -> None:
    """Serve one client on stdin and stdout until stdin is closed, nobody reads stdout any more, or it is cancelled.

    What was asked until then is answered, as far as the ending of the process leaves time for it.

    Args:
        server: The server.
        ending: The end of this process.
        discovery: The beginning of the conversation, if the client was heard before.
    """
    unanswered = Unanswered()
    streams = pipe_streams(ending, discovery or Discovery(None)) if _can_be_waited_for() else stdio_server()
    async with ending.instead_of_cancelling(), streams as (incoming, outgoing):
        await server.run(
            Questions(incoming, unanswered, ending),
            Answers(outgoing, unanswered),
            server.create_initialization_options(),
        )


@contextlib.asynccontextmanager
async def pipe_streams(ending: Ending, discovery: Discovery) -> AsyncIterator[tuple[_Incoming, _Outgoing]]:
    """Messages from stdin and to stdout.

    Meanwhile what else reads stdin finds it empty, and what else prints goes to stderr: only MCP is on the wire.

    Args:
        ending: Bounds how long the last answers may take to get out; it begins with the end of the block at the latest.
        discovery: The beginning of the conversation.
    """
    received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception]()
    outgoing, to_send = anyio.create_memory_object_stream[SessionMessage]()
    with _claimed(0, os.open(os.devnull, os.O_RDONLY)) as source, _claimed(1, os.dup(2)) as sink:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read, source, received, discovery)
            tasks.start_soon(_write, _Sink(sink), to_send, discovery, ending, tasks.cancel_scope)
            try:
                async with incoming, outgoing:
                    yield incoming, outgoing
            finally:
                ending.begin()
                tasks.cancel_scope.cancel()


async def _read(
    source: int, received: MemoryObjectSendStream[SessionMessage | Exception], discovery: Discovery
) -> None:
    # A server that is done takes no more, also of what was read already.
    with contextlib.suppress(anyio.BrokenResourceError), received:
        for message in discovery.missed(_message):
            await received.send(message)
        pending = bytearray()
        too_long, is_first = False, True
        chunk = discovery.unread or await _next_chunk(source, received, discovery)
        while True:
            # The last line may be without its end.
            pending += chunk or b"\n"
            if b"\n" in chunk or not chunk:
                first, *lines, pending = pending.split(b"\n")
                whole = lines if too_long else [first, *lines]
                for line in without_late_probe(whole, _message) if is_first else whole:
                    said = _message(line) if line.strip() else None
                    discovery.asked(line, said)
                    if said is not None:
                        await received.send(said)
                too_long, is_first = False, False
            if not chunk:
                return
            if len(pending) > LARGEST_MESSAGE:
                # All up to the end of the line belongs to it, whatever it looks like.
                too_long = True
                logger.warning("A message of over 16 MiB was left out")
            if too_long:
                pending.clear()
            chunk = await _next_chunk(source, received, discovery)


async def _next_chunk(
    source: int, received: MemoryObjectSendStream[SessionMessage | Exception], discovery: Discovery
) -> bytes:
    """What comes next from the client; empty when there is no more."""
    if discovery.has_rest:
        with anyio.move_on_after(QUIET_SECONDS):
            await anyio.wait_readable(source)
            return os.read(source, _READ_BYTES)
        for message in discovery.rest():
            await received.send(message)
    await anyio.wait_readable(source)
    return os.read(source, _READ_BYTES)


async def _write(
    sink: "_Sink",
    to_send: MemoryObjectReceiveStream[SessionMessage],
    discovery: Discovery,
    ending: Ending,
    serving: anyio.CancelScope,
) -> None:
    with ending.within(ANSWER_SECONDS) as writing, to_send, contextlib.closing(sink):
        # Goes on when the server is done or cancelled, so that the last answers and errors get out.
        writing.shield = True
        try:
            await sink.write(discovery.unsent)
            async for one in to_send:
                if not discovery.is_told(one.message):
                    line = as_line(one.message)
                    await sink.write(line)
                    discovery.answered(one.message, line)
        except (BrokenPipeError, ConnectionResetError):
            # The client is gone: nobody is left to serve.
            serving.cancel()


class _Sink:
    """Writes to a descriptor, and lets others work while nobody reads it.

    Whether writing blocks is a matter of what is open, and all processes that have it open share it. So a pipe is
    opened anew, where the system can do that (Linux); elsewhere it is written in portions that do not block.
    """

    def __init__(self, descriptor: int) -> None:
        self._shared = descriptor
        self._own: int | None = None
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            with contextlib.suppress(OSError):
                self._own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)

    async def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self._write_now(left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._shared)

    def close(self) -> None:
        if self._own is not None:
            os.close(self._own)

    def _write_now(self, data: memoryview) -> int:
        if self._own is not None:
            return os.write(self._own, data)
        # To look is far cheaper than a turn of the event loop for each portion.
        if not select.select([], [self._shared], [], 0)[1]:
            raise BlockingIOError
        return os.write(self._shared, data[:_WRITE_BYTES])


def _message(line: bytes | bytearray) -> SessionMessage | None:
    """What a line says; None for what is no message. The SDK would leave that out as well, at forty times the cost."""
    try:
        # What is no UTF-8 is no JSON either, but the rest of the line may say to which request the error belongs.
        text = line.decode("utf-8", "replace")
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(text, by_name=False))
    except (ValueError, RecursionError) as error:
        logger.debug("A line that is no message was left out (%s)", type(error).__name__)
        return None


@contextlib.contextmanager
def _claimed(descriptor: int, stand_in: int) -> Iterator[int]:
    """A private copy of a standard stream, while the stand-in has its place."""
    private = os.dup(descriptor)
    try:
        os.dup2(stand_in, descriptor)
        os.close(stand_in)
        yield private
    finally:
        os.dup2(private, descriptor)
        os.close(private)


def _can_be_waited_for() -> bool:
    """Whether stdin and stdout are pipes, sockets or terminals: neither files nor, on Windows, anything."""
    if sys.platform == "win32":
        return False
    with selectors.DefaultSelector() as selector:
        try:
            for descriptor in (0, 1):
                selector.register(descriptor, selectors.EVENT_READ)
        except (OSError, ValueError):
            return False
    return True
