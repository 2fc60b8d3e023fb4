"""MCP over stdin and stdout: a closed stdin, a closed stdout and SIGINT end the process at once.

The SDK's `stdio_server` reads in a worker thread, which can't be cancelled while it waits for a line: with stdin open
it hangs for over 12 seconds after SIGINT.
"""

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import anyio
from mcp.server import Server

from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.core.standard_streams import STDERR, STDIN, STDOUT, Handover
from mogplex_mcp.transports.request_tracking import InboundStream, OpenRequests, OutboundStream
from mogplex_mcp.transports.stdio.messages import Rejection
from mogplex_mcp.transports.stdio.probes import serve_both_eras
from mogplex_mcp.transports.stdio.reader import MessageReader
from mogplex_mcp.transports.stdio.streams import PolledSink, PolledSource, ThreadedSink, ThreadedSource, can_be_polled
from mogplex_mcp.transports.stdio.writer import MessageWriter

_MAX_REJECTIONS: Final = 1_000


async def serve_stdio(server: Server[Any], shutdown: Shutdown, handover: Handover | None = None) -> None:
    """Serve one client until stdin or stdout is closed, or the task is cancelled; then shut down gracefully.

    Args:
        server: The server.
        shutdown: The graceful shutdown of this process.
        handover: What passed before, if anything did.
    """
    requests = OpenRequests()
    streams = _streams(shutdown, handover or Handover())
    async with shutdown.instead_of_cancelling(), streams as (inbound, outbound):
        await serve_both_eras(
            server, InboundStream(inbound, requests, shutdown), OutboundStream(outbound, requests), requests
        )


@contextlib.asynccontextmanager
async def _streams(shutdown: Shutdown, handover: Handover) -> AsyncIterator[tuple[MessageReader, MessageWriter]]:
    """Return the streams of stdin and stdout.

    Meanwhile descriptor 0 is the null device and descriptor 1 is stderr, so that only MCP is on the wire.
    """
    polls = can_be_polled(STDIN, STDOUT)
    null = os.open(os.devnull, os.O_RDONLY)
    with _claimed(STDIN, null, restore=polls) as stdin, _claimed(STDOUT, os.dup(STDERR), restore=polls) as stdout:
        source = PolledSource(stdin) if polls else ThreadedSource(stdin)
        sink = PolledSink(stdout) if polls else ThreadedSink(stdout)
        with contextlib.closing(sink), anyio.CancelScope() as serving:
            outbound = MessageWriter(sink, shutdown, serving, handover.answered)
            await outbound.write(handover.unsent)
            async with _rejecting(outbound) as rejections:
                try:
                    yield MessageReader(source, rejections.reject, handover.received), outbound
                finally:
                    shutdown.begin()


class _Rejections:
    """Responses to lines that are no messages, which wait until the client reads them. Their number is bounded."""

    def __init__(self) -> None:
        self._send, self._receive = anyio.create_memory_object_stream[bytes](_MAX_REJECTIONS)

    async def reject(self, rejection: Rejection) -> None:
        """Respond to a line. A client that does not read gets no more responses without an id, and waits for others."""
        try:
            self._send.send_nowait(rejection.line)
        except anyio.WouldBlock:
            if rejection.has_id:
                await self._send.send(rejection.line)

    async def write_to(self, outbound: MessageWriter) -> None:
        async with self._receive:
            async for line in self._receive:
                await outbound.write(line)

    def close(self) -> None:
        """Let the writing end when all responses are written."""
        self._send.close()


@contextlib.asynccontextmanager
async def _rejecting(outbound: MessageWriter) -> AsyncIterator[_Rejections]:
    rejections = _Rejections()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(rejections.write_to, outbound)
        try:
            yield rejections
        finally:
            rejections.close()


@contextlib.contextmanager
def _claimed(descriptor: int, stand_in: int, *, restore: bool) -> Iterator[int]:
    """Return a private copy of a standard stream, which the stand-in replaces while the block runs.

    A thread may still block in the copy afterwards, and Windows would wait for it before it closes or copies that
    again. So the stream is not restored then: the process is about to exit.
    """
    private = os.dup(descriptor)
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only there

        msvcrt.setmode(private, os.O_BINARY)
    try:
        os.dup2(stand_in, descriptor)
        os.close(stand_in)
        yield private
    finally:
        if restore:
            os.dup2(private, descriptor)
            os.close(private)
