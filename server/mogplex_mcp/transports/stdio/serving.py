"""MCP on stdin and stdout, without a thread: a closed stdin and Ctrl-C end it at once.

The SDK's own stdio reads in a worker thread, which cannot be ended while it waits for a line. Where this one does not
work (Windows, files instead of pipes) the SDK's is used.
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
from mogplex_mcp.transports.request_tracking import Answers, Questions, Unanswered
from mogplex_mcp.transports.stdio.pipes import Sink, Source


async def serve_stdio(server: Server[Any], shutdown: Shutdown, discovery: Discovery | None = None) -> None:
    """Serve one client on stdin and stdout until stdin is closed, nobody reads stdout any more, or it is cancelled.

    What was asked until then is answered, as far as the ending of the process leaves time for it.

    Args:
        server: The server.
        shutdown: The end of this process.
        discovery: The beginning of the conversation, if the client was heard before.
    """
    unanswered = Unanswered()
    streams = _pipes(shutdown, discovery or Discovery(None)) if _can_be_waited_for() else stdio_server()
    async with shutdown.instead_of_cancelling(), streams as (incoming, outgoing):
        await server.run(
            Questions(incoming, unanswered, shutdown),
            Answers(outgoing, unanswered),
            server.create_initialization_options(),
        )


@contextlib.asynccontextmanager
async def _pipes(shutdown: Shutdown, discovery: Discovery) -> AsyncIterator[tuple[Source, Sink]]:
    """Messages from stdin and to stdout.

    Meanwhile what else reads stdin finds it empty, and what else prints goes to stderr: only MCP is on the wire.
    """
    with _claimed(0, os.open(os.devnull, os.O_RDONLY)) as source, _claimed(1, os.dup(2)) as sink:
        with anyio.CancelScope() as serving:
            async with Sink(sink, discovery, shutdown, serving) as outgoing:
                await outgoing.write(discovery.unsent)
                try:
                    yield Source(source, discovery), outgoing
                finally:
                    shutdown.begin()


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
