"""A Mogplex that is slow where a test wants it, for what becomes of calls when the process is told to end."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import anyio

from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.simulator.faults import Fault, FaultKind
from mogplex_mcp.simulator.server import serve

NEVER = 30.0
SIGNALS = ("SIGTERM", "SIGINT")
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Mogplex:
    """A simulated Mogplex on a port.

    Attributes:
        simulator: What answers.
        settings: The environment of a server that uses it.
    """

    def __init__(self, simulator: Simulator, port: int) -> None:
        self.simulator = simulator
        self._before = set(simulator.world.runs)
        self.settings = {"MOGPLEX_API_KEY": DEMO_TOKEN, "MOGPLEX_URL": f"http://127.0.0.1:{port}"}

    @property
    def started(self) -> set[str]:
        """The runs that were started since."""
        return set(self.simulator.world.runs) - self._before


@contextlib.asynccontextmanager
async def mogplex(*faults: Fault) -> AsyncIterator[Mogplex]:
    simulator = Simulator()
    for fault in faults:
        simulator.faults.add(fault)
    async with anyio.create_task_group() as tasks:
        yield Mogplex(simulator, await tasks.start(serve, simulator, "127.0.0.1", 0))
        tasks.cancel_scope.cancel()


def slow(seconds: float, path: str = "/runs", method: str = "POST") -> Fault:
    """Does what is asked for at once, and answers late."""
    return Fault(FaultKind.SLOW, method, path, seconds=seconds)


def text_of(answer: dict[str, Any]) -> str:
    return str(answer["result"]["content"][0]["text"])
