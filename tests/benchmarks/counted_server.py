"""The server on stdin and stdout, and the Mogplex that it asks, in one process that counts what it does.

At its end it says on stderr, as JSON, how many function calls, of Python and of C, came between each two requests to
Mogplex: a whole tool call each time, from the pipe and to the pipe, with both sides of the connection to Mogplex.
"""

import asyncio
import gc
import itertools
import json
import os
import sys
from types import FrameType
from typing import Any

import anyio
from benchmarks.compare.upstream import Connection, Upstream, world_of

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Simulator
from mogplex_mcp.transports.stdio.serving import serve_stdio


class Counter:
    """Counts function calls of the thread that starts it.

    Attributes:
        noted: The count at each request to Mogplex.
    """

    def __init__(self) -> None:
        self.noted: list[int] = []
        self._count = 0

    def count(self, _: FrameType, event: str, __: Any) -> None:
        """Count what the interpreter reports."""
        if event in ("call", "c_call"):
            self._count += 1

    def note(self) -> None:
        """Note the count."""
        self.noted.append(self._count)


async def serve() -> list[int]:
    """Serve until stdin is closed; the function calls between requests."""
    upstream, counter = Upstream(Simulator(world_of(1))), Counter()

    class Noted(Connection):
        def data_received(self, data: bytes) -> None:
            counter.note()
            super().data_received(data)

    mogplex = await asyncio.get_running_loop().create_server(lambda: Noted(upstream), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{mogplex.sockets[0].getsockname()[1]}"
    settings = Settings.load({**os.environ, "MOGPLEX_URL": address})
    shutdown = Shutdown()
    server = create_server(settings, shutdown=shutdown)
    # Finalisers of collected garbage would be counted too.
    gc.disable()
    sys.setprofile(counter.count)
    await serve_stdio(server, shutdown)
    sys.setprofile(None)
    return [after - before for before, after in itertools.pairwise(counter.noted)]


if __name__ == "__main__":
    sys.stderr.write(json.dumps(anyio.run(serve)))
