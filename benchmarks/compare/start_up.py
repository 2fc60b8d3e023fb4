"""How long a start takes, which for clients that start a server for every call is the time of a call."""

import asyncio
import time
from collections.abc import Sequence

from benchmarks.compare.client import ContenderError
from benchmarks.compare.contenders import Contender
from benchmarks.compare.processes import STARTING_SECONDS, UpstreamProcess, running
from benchmarks.compare.results import StartUp

_MS = 1_000


async def measure_start_up(
    contenders: Sequence[Contender], upstream: UpstreamProcess, starts: int, *, modern: bool
) -> tuple[dict[str, StartUp], dict[str, str]]:
    """Start each contender so many times, in turn; one start of each before, which does not count.

    Args:
        contenders: Which ones.
        upstream: What they ask.
        starts: How often.
        modern: Whether the client speaks the 2026 protocol.

    Returns:
        The times, and why others have none, by contender.
    """
    measured: dict[str, StartUp] = {}
    failed: dict[str, str] = {}
    for turn in range(starts + 1):
        for contender in contenders:
            if contender.name in failed:
                continue
            try:
                first, listed, called = await _start(contender, upstream, modern=modern)
            except (ContenderError, TimeoutError) as error:
                failed[contender.name] = str(error) or f"no answer within {STARTING_SECONDS:g} s"
                measured.pop(contender.name, None)
                continue
            if turn:
                times = measured.setdefault(contender.name, StartUp())
                times.first.append(first)
                times.listed.append(listed)
                times.called.append(called)
    return measured, failed


async def _start(contender: Contender, upstream: UpstreamProcess, *, modern: bool) -> tuple[float, float, float]:
    """Milliseconds from the start to the first answer, to that of tools/list, and to that of the first call."""
    began = time.perf_counter()
    async with asyncio.timeout(STARTING_SECONDS), running(contender, upstream, modern=modern) as server:
        await server.client.open()
        first = time.perf_counter()
        await server.client.request("tools/list", {})
        listed = time.perf_counter()
        await server.call()
        called = time.perf_counter()
    return (first - began) * _MS, (listed - began) * _MS, (called - began) * _MS
