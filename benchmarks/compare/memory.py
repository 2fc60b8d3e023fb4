"""How much memory a process holds at its start, after a thousand calls and after ten thousand."""

import asyncio
import time
from typing import Final

from benchmarks.compare.client import ContenderError
from benchmarks.compare.contenders import Contender
from benchmarks.compare.effort import Effort
from benchmarks.compare.processes import UpstreamProcess, running
from benchmarks.compare.results import Memory
from benchmarks.soak_parts import resident

_WARM_SHARE: Final = 10


async def measure_memory(contender: Contender, upstream: UpstreamProcess, effort: Effort) -> Memory:
    """Make calls one after the other until there are enough or the time is over.

    Raises:
        ContenderError: It does not answer, or not even a thousand calls within the time.
    """
    async with running(contender, upstream, loaded=True) as server:
        if server.pid is None:
            raise ContenderError("there is no process of its own")
        await server.client.open()
        await server.client.request("tools/list", {})
        start = warm = resident(server.pid)
        began, calls, first = time.monotonic(), 0, effort.memory_calls // _WARM_SHARE
        while calls < effort.memory_calls and time.monotonic() - began < effort.memory_seconds:
            async with asyncio.timeout(effort.memory_seconds):
                await server.call()
            calls += 1
            if calls == first:
                warm = resident(server.pid)
        memory = Memory(start, warm, resident(server.pid), calls)
    if calls <= first:
        raise ContenderError(f"only {calls} calls in {effort.memory_seconds:g} s")
    return memory
