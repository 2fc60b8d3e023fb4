"""MCP on stdin and stdout, without a thread: a closed stdin and Ctrl-C end it at once.

The SDK's own stdio reads in a worker thread, which cannot be ended while it waits for a line. Where this one does not
work (Windows, files instead of pipes) the SDK's is used.
"""

import contextlib
import logging
import os
import selectors
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import anyio
import mcp_types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

LARGEST_MESSAGE: Final = 16 * 1024 * 1024
LAST_WORDS_SECONDS: Final = 0.5
_READ_BYTES: Final = 65_536
# What a pipe takes without blocking once it is writable (POSIX: PIPE_BUF).
_WRITE_BYTES: Final = 4_096

logger = logging.getLogger(__name__)

_Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
_Outgoing = MemoryObjectSendStream[SessionMessage]


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client on stdin and stdout until stdin is closed or nobody reads stdout any more."""
    streams = pipe_streams if _can_be_waited_for() else stdio_server
    async with streams() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


@contextlib.asynccontextmanager
async def pipe_streams() -> AsyncIterator[tuple[_Incoming, _Outgoing]]:
    """Messages from stdin and to stdout.

    Meanwhile what else reads stdin finds it empty, and what else prints goes to stderr: only MCP is on the wire.
    """
    received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception]()
    outgoing, to_send = anyio.create_memory_object_stream[SessionMessage]()
    with _claimed(0, os.open(os.devnull, os.O_RDONLY)) as source, _claimed(1, os.dup(2)) as sink:
        async with anyio.create_task_group() as tasks:
            # Outlives a cancelled server for a moment, so that the last answers and errors get out.
            writing = anyio.CancelScope(shield=True)
            tasks.start_soon(_read, source, received)
            tasks.start_soon(_write, sink, to_send, writing, tasks.cancel_scope)
            try:
                async with incoming, outgoing:
                    yield incoming, outgoing
            finally:
                writing.deadline = anyio.current_time() + LAST_WORDS_SECONDS
                tasks.cancel_scope.cancel()


async def _read(source: int, received: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
    async with received:
        pending = bytearray()
        too_long = False
        while True:
            await anyio.wait_readable(source)
            chunk = os.read(source, _READ_BYTES)
            if not chunk:
                return
            pending += chunk
            if b"\n" in chunk:
                first, *lines, pending = pending.split(b"\n")
                for line in lines if too_long else (first, *lines):
                    if line.strip() and (message := _message(line)) is not None:
                        await received.send(message)
                too_long = False
            if len(pending) > LARGEST_MESSAGE:
                # All up to the end of the line belongs to it, whatever it looks like.
                too_long = True
                logger.warning("A message of over 16 MiB was left out")
            if too_long:
                pending.clear()


async def _write(
    sink: int,
    to_send: MemoryObjectReceiveStream[SessionMessage],
    writing: anyio.CancelScope,
    serving: anyio.CancelScope,
) -> None:
    with writing:
        try:
            async for one in to_send:
                data = memoryview(one.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                while data:
                    await anyio.wait_writable(sink)
                    data = data[os.write(sink, data[:_WRITE_BYTES]) :]
        except (BrokenPipeError, ConnectionResetError):
            # The client is gone: nobody is left to serve.
            serving.cancel()


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
