"""How much memory a process holds at its start, after a tenth of many calls, and after all of them."""

import time
from typing import Final

from benchmarks.compare.client import ContenderError
from benchmarks.compare.contenders import Contender
from benchmarks.compare.effort import Effort
from benchmarks.compare.processes import UpstreamProcess, running
from benchmarks.compare.results import Memory
from benchmarks.soak_parts import resident

_TENTH: Final = 10


async def measure_memory(contender: Contender, upstream: UpstreamProcess, effort: Effort) -> Memory:
    """Make calls one after the other, until there are enough or it shows that they would take too long.

    Raises:
        ContenderError: It does not answer.
    """
    async with running(contender, upstream, loaded=True) as server:
        if server.pid is None:
            raise ContenderError("there is no process of its own")
        await server.client.open()
        await server.client.request("tools/list", {})
        start, tenth = resident(server.pid), None
        began, calls = time.monotonic(), 0
        while calls < effort.memory_calls and _will_do(calls, time.monotonic() - began, effort):
            await server.call(alone=True)
            calls += 1
            if calls == effort.memory_calls // _TENTH:
                tenth = resident(server.pid)
        return Memory(start, tenth, resident(server.pid), calls, effort.memory_calls)


def _will_do(calls: int, seconds: float, effort: Effort) -> bool:
    """Whether there is probably time for all calls at the pace so far."""
    return seconds < effort.memory_trial_seconds or seconds * effort.memory_calls < calls * effort.memory_seconds
