"""MCP over stdin and stdout, without threads, so that a closed stdin and SIGINT end the process at once.

The SDK's `stdio_server` reads in a worker thread, which can't be cancelled while it waits for a line: with stdin open
it hangs for over 12 seconds after SIGINT. It is used where this implementation is not possible: on Windows, and for
files in place of pipes.
"""

import contextlib
import os
import selectors
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server

from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.startup.discovery import Discovery
from mogplex_mcp.transports.request_tracking import InboundStream, OpenRequests, OutboundStream
from mogplex_mcp.transports.stdio.reader import MessageReader
from mogplex_mcp.transports.stdio.writer import MessageWriter


async def serve_stdio(server: Server[Any], shutdown: Shutdown, discovery: Discovery | None = None) -> None:
    """Serve one client until stdin or stdout is closed, or the task is cancelled; then shut down gracefully.

    Args:
        server: The server.
        shutdown: The graceful shutdown of this process.
        discovery: The beginning of the conversation, if some of it took place before the server was loaded.
    """
    requests = OpenRequests()
    streams = _pipes(shutdown, discovery or Discovery(None)) if _are_selectable() else stdio_server()
    async with shutdown.instead_of_cancelling(), streams as (inbound, outbound):
        await server.run(
            InboundStream(inbound, requests, shutdown),
            OutboundStream(outbound, requests),
            server.create_initialization_options(),
        )


@contextlib.asynccontextmanager
async def _pipes(shutdown: Shutdown, discovery: Discovery) -> AsyncIterator[tuple[MessageReader, MessageWriter]]:
    """Return the streams of stdin and stdout.

    Meanwhile descriptor 0 is the null device and descriptor 1 is stderr, so that only MCP is on the wire.
    """
    with _claimed(0, os.open(os.devnull, os.O_RDONLY)) as stdin, _claimed(1, os.dup(2)) as stdout:
        with anyio.CancelScope() as serving:
            async with MessageWriter(stdout, discovery, shutdown, serving) as outbound:
                await outbound.write(discovery.unsent)
                try:
                    yield MessageReader(stdin, discovery), outbound
                finally:
                    shutdown.begin()


@contextlib.contextmanager
def _claimed(descriptor: int, stand_in: int) -> Iterator[int]:
    """Return a private copy of a standard stream, which the stand-in replaces while the block runs."""
    private = os.dup(descriptor)
    try:
        os.dup2(stand_in, descriptor)
        os.close(stand_in)
        yield private
    finally:
        os.dup2(private, descriptor)
        os.close(private)


def _are_selectable() -> bool:
    """Return whether stdin and stdout are pipes, sockets or terminals, which a selector can wait for."""
    if sys.platform == "win32":
        return False
    with selectors.DefaultSelector() as selector:
        try:
            for descriptor in (0, 1):
                selector.register(descriptor, selectors.EVENT_READ)
        except (OSError, ValueError):
            return False
    return True
