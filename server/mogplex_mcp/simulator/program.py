"""`mogplex-mcp simulator`: the simulator on a port, for as long as it is wanted."""

import sys

import anyio

from .app import Simulator
from .demo import DEMO_TOKEN
from .server import serve


async def serve_simulator(host: str, port: int, run_seconds: float) -> None:
    """Serve a simulated Mogplex until cancelled, and say on stderr how to use it.

    Args:
        host: The address to listen on.
        port: 0 takes a free one.
        run_seconds: How long a run takes.

    Raises:
        OSError: The address cannot be had.
    """
    async with anyio.create_task_group() as tasks:
        taken = await tasks.start(serve, Simulator(run_seconds=run_seconds), host, port)
        address = f"[{host}]" if ":" in host else host
        print(  # noqa: T201 - for people: where it is and how to use it
            f"A simulated Mogplex is at http://{address}:{taken}; Ctrl-C ends. To use it:\n"
            f"  export MOGPLEX_URL=http://{address}:{taken} MOGPLEX_API_KEY={DEMO_TOKEN}",
            file=sys.stderr,
            flush=True,
        )
