"""How long a call takes when nothing else happens, and how many are answered when many wait at the same time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.compare.client import ContenderError
from benchmarks.compare.contenders import Contender
from benchmarks.compare.effort import Effort
from benchmarks.compare.machine import processor_seconds
from benchmarks.compare.processes import STARTING_SECONDS, Running, UpstreamProcess, running
from benchmarks.compare.results import Flight, Results
from benchmarks.compare.traffic import Traffic

_MS: Final = 1_000
_WARM_CALLS: Final = 50
# A call that waits behind 199 others of the slowest contender.
_ANSWER_SECONDS: Final = 60.0


@dataclass
class Field:
    """All contenders, running at the same time; only one at a time has something to do."""

    upstream: UpstreamProcess
    results: Results
    runners: list[Running] = field(default_factory=list)

    def fail(self, runner: Running, measure: str, error: BaseException) -> None:
        """Leave a contender out from now on."""
        self.results.failures[runner.contender.name, measure] = str(error) or type(error).__name__
        self.runners.remove(runner)


@contextlib.asynccontextmanager
async def started(contenders: Sequence[Contender], upstream: UpstreamProcess, results: Results) -> AsyncIterator[Field]:
    """All contenders, started and warm; why others are not goes into the results."""
    async with contextlib.AsyncExitStack() as stack:
        everybody = Field(upstream, results)
        for contender in contenders:
            try:
                async with asyncio.timeout(STARTING_SECONDS):
                    runner = await stack.enter_async_context(running(contender, upstream, loaded=True))
                    await runner.client.open()
                    for _ in range(_WARM_CALLS):
                        await runner.call()
            except (ContenderError, TimeoutError, OSError) as error:
                results.failures[contender.name, "calls"] = str(error) or "too slow"
                continue
            everybody.runners.append(runner)
        yield everybody


async def measure_in_a_row(everybody: Field, effort: Effort) -> None:
    """Make calls one after the other, contender after contender, in several turns."""
    calls = effort.calls_in_a_row // effort.rounds
    for _ in range(effort.rounds):
        for runner in list(everybody.runners):
            name = runner.contender.name
            before = await everybody.upstream.traffic(runner.contender)
            worked = processor_seconds(runner.pid)
            times = everybody.results.in_a_row.setdefault(name, [])
            try:
                times += await _in_a_row(runner, calls, effort.slowest_seconds)
            except (ContenderError, TimeoutError, OSError) as error:
                everybody.fail(runner, "calls in a row", error)
                continue
            asked = (await everybody.upstream.traffic(runner.contender)).since(before)
            everybody.results.traffic[name] = asked.plus(everybody.results.traffic.get(name, Traffic()))
            everybody.results.processor[name] += processor_seconds(runner.pid) - worked


async def _in_a_row(runner: Running, calls: int, seconds: float) -> list[float]:
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < calls and time.perf_counter() - began < seconds:
        sent = time.perf_counter()
        async with asyncio.timeout(_ANSWER_SECONDS):
            await runner.call()
        times.append((time.perf_counter() - sent) * _MS)
    return times


async def measure_in_flight(everybody: Field, effort: Effort) -> None:
    """Keep many calls in flight at the same time, at several distances of the upstream."""
    for count, latency in effort.flights:
        await everybody.upstream.set_latency(latency / _MS)
        for _ in range(effort.flight_rounds):
            for runner in list(everybody.runners):
                flight = Flight()
                try:
                    await _in_flight(runner, count, effort, flight)
                except (ContenderError, TimeoutError, OSError, ExceptionGroup) as error:
                    everybody.fail(runner, f"{count} in flight at {latency} ms", _first(error))
                    continue
                all_turns = everybody.results.in_flight.setdefault((runner.contender.name, count, latency), Flight())
                all_turns.rates += flight.rates
                all_turns.times += flight.times
    await everybody.upstream.set_latency(0)


async def _in_flight(runner: Running, count: int, effort: Effort, flight: Flight) -> None:
    """Keep calls in flight, and count the answers of some time, once everybody has had one or long enough waited."""
    clock = time.perf_counter
    answered, last = 0, 0.0
    counting = clock() + effort.flight_warm_seconds
    ending = counting + effort.flight_seconds

    async def keep_calling() -> None:
        nonlocal answered, counting, ending, last
        while clock() < ending:
            sent = clock()
            await runner.call()
            came = clock()
            answered += 1
            if answered == count and came < counting:
                counting, ending = came, came + effort.flight_seconds
            elif counting < came <= ending:
                # Answers come in bursts: the last one and not the clock ends what is counted.
                last = came
                flight.times.append((came - sent) * _MS)

    async with asyncio.timeout(_ANSWER_SECONDS), asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(keep_calling())
    if not flight.times:
        raise ContenderError(f"no answer within {effort.flight_warm_seconds + effort.flight_seconds:g} s")
    flight.rates.append(len(flight.times) / (last - counting))


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
