"""How long a start takes, which for clients that start a server for every call is the time of a call."""

import asyncio
import time
from collections.abc import Sequence

from benchmarks.compare.contenders import Contender
from benchmarks.compare.effort import Effort
from benchmarks.compare.goals import NAMED
from benchmarks.compare.processes import STARTING_SECONDS, UpstreamProcess, running
from benchmarks.compare.results import Results, StartUp

_MS = 1_000


async def measure_start_up(
    contenders: Sequence[Contender], upstream: UpstreamProcess, effort: Effort, results: Results, *, modern: bool
) -> None:
    """Start each contender several times, in turn; one start of each before, which does not count.

    Args:
        contenders: Which ones.
        upstream: What they ask.
        effort: How often.
        results: Where the times go, and why others have none.
        modern: Whether the client speaks the 2026 protocol.
    """
    measure = "start in the 2026 protocol" if modern else "start"
    measured = results.start_up_2026 if modern else results.start_up
    for turn in range(max(effort.starts, effort.starts_of_others) + 1):
        for contender in contenders:
            starts = effort.starts if contender.name in NAMED else effort.starts_of_others
            if turn > starts or (contender.name, measure) in results.failures:
                continue
            with results.noting(contender.name, measure):
                first, listed, called = await _start(contender, upstream, modern=modern)
                if turn:
                    times = measured.setdefault(contender.name, StartUp())
                    times.first.append(first)
                    times.listed.append(listed)
                    times.called.append(called)
    results.leave_out_failed(measure, measured)


async def _start(contender: Contender, upstream: UpstreamProcess, *, modern: bool) -> tuple[float, float, float]:
    """Milliseconds from the start to the first answer, to that of tools/list, and to that of the first call."""
    began = time.perf_counter()
    async with running(contender, upstream, modern=modern) as server, asyncio.timeout(STARTING_SECONDS):
        await server.client.open()
        first = time.perf_counter()
        await server.client.request("tools/list", {})
        listed = time.perf_counter()
        await server.call()
        called = time.perf_counter()
    return (first - began) * _MS, (listed - began) * _MS, (called - began) * _MS
