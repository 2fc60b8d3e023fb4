"""Latency of sequential calls, and throughput of concurrent calls."""

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Self

from benchmarks.compare.client import ContenderError
from benchmarks.compare.contenders import Contender
from benchmarks.compare.effort import Effort
from benchmarks.compare.machine import processor_seconds
from benchmarks.compare.processes import STARTING_SECONDS, Running, UpstreamProcess, running
from benchmarks.compare.results import Flight, Results
from benchmarks.compare.traffic import Traffic

IN_A_ROW: Final = "calls in a row"
_MS: Final = 1_000
_WARM_CALLS: Final = 50


class RunningContenders:
    """All contenders, running and warm; only one at a time is called. An async context manager.

    A contender that fails is left out of that measure and restarted for the next one, and so is one with calls still in
    flight at the end of its turn.

    Args:
        contenders: The contenders.
        upstream: The simulated Mogplex.
        results: Receives the failures.
    """

    def __init__(self, contenders: Sequence[Contender], upstream: UpstreamProcess, results: Results) -> None:
        self.upstream = upstream
        self.results = results
        self._contenders = list(contenders)
        self._running: dict[str, tuple[Running, AbstractAsyncContextManager[Running]]] = {}

    async def __aenter__(self) -> Self:
        for contender in list(self._contenders):
            await self._started(contender)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._running):
            await self._end(name)

    async def each(self, measure: str, turn: Callable[[Running], Awaitable[None]]) -> None:
        """Give each contender a turn, one after the other, but not those that failed in this measure before."""
        for contender in list(self._contenders):
            if (contender.name, measure) in self.results.failures or not (runner := await self._started(contender)):
                continue
            with self.results.noting(contender.name, measure):
                try:
                    await turn(runner)
                except Exception as error:
                    await self._end(contender.name, error)
                    raise
                if runner.client.unanswered:
                    await self._end(contender.name)

    async def _started(self, contender: Contender) -> Running | None:
        """A contender that runs and is warm; one that cannot be started does not take part any more."""
        if contender.name not in self._running:
            with self.results.noting(contender.name, "calls"):
                process = _warm(contender, self.upstream)
                self._running[contender.name] = await process.__aenter__(), process
        if contender.name not in self._running:
            self._contenders.remove(contender)
            return None
        return self._running[contender.name][0]

    async def _end(self, name: str, error: Exception | None = None) -> None:
        """End a contender's process.

        Raises:
            ContenderError: There was an error; with the last words of the process.
        """
        _, process = self._running.pop(name)
        await process.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)


@contextlib.asynccontextmanager
async def _warm(contender: Contender, upstream: UpstreamProcess) -> AsyncIterator[Running]:
    async with running(contender, upstream, loaded=True) as runner:
        async with asyncio.timeout(STARTING_SECONDS):
            await runner.client.open()
            for _ in range(_WARM_CALLS):
                await runner.call()
        yield runner


async def measure_in_a_row(contenders: RunningContenders, effort: Effort) -> None:
    """Measure sequential calls, contender after contender, in several turns."""
    upstream, results = contenders.upstream, contenders.results
    calls = effort.calls_in_a_row // effort.rounds

    async def turn(runner: Running) -> None:
        name = runner.contender.name
        before, worked = await upstream.traffic(runner.contender), processor_seconds(runner.pid)
        times = await _in_a_row(runner, calls, effort.slowest_seconds)
        asked = (await upstream.traffic(runner.contender)).since(before)
        results.in_a_row.setdefault(name, []).append(times)
        results.traffic[name] = asked.plus(results.traffic.get(name, Traffic()))
        results.processor[name] += processor_seconds(runner.pid) - worked

    for _ in range(effort.rounds):
        await contenders.each(IN_A_ROW, turn)
    results.leave_out_failed(IN_A_ROW, results.in_a_row, results.traffic, results.processor)


async def _in_a_row(runner: Running, calls: int, seconds: float) -> list[float]:
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < calls and time.perf_counter() - began < seconds:
        sent = time.perf_counter()
        await runner.call(alone=True)
        times.append((time.perf_counter() - sent) * _MS)
    return times


async def measure_in_flight(contenders: RunningContenders, effort: Effort) -> None:
    """Measure concurrent calls, at several latencies of the upstream."""
    for crowd in effort.crowds:
        await contenders.upstream.set_latency(crowd.latency / _MS)
        flights = contenders.results.in_flight[crowd.count, crowd.latency] = {}
        turn = functools.partial(_fly, flights, crowd.count, effort)
        for _ in range(crowd.turns):
            await contenders.each(crowd.measure, turn)
        contenders.results.leave_out_failed(crowd.measure, flights)
    await contenders.upstream.set_latency(0)


async def _fly(flights: dict[str, Flight], count: int, effort: Effort, runner: Running) -> None:
    flight = await _in_flight(runner, count, effort)
    all_turns = flights.setdefault(runner.contender.name, Flight())
    all_turns.rates += flight.rates
    all_turns.times += flight.times


async def _in_flight(runner: Running, count: int, effort: Effort) -> Flight:
    """Keep calls in flight, and count the answers of some time, once as many have come or long enough was waited.

    They come in bursts of so many as are in flight: only whole rounds of them are counted, if there is any.
    """
    clock = time.perf_counter
    answers: list[tuple[float, float]] = []
    counting = clock() + effort.flight_warm_seconds
    ending = counting + effort.flight_seconds

    async def keep_calling() -> None:
        nonlocal counting, ending
        while clock() < ending:
            sent = clock()
            await runner.call()
            came = clock()
            answers.append((came, (came - sent) * _MS))
            if len(answers) == count and came < counting:
                counting, ending = came, came + effort.flight_seconds

    most = effort.flight_warm_seconds + effort.flight_seconds
    # What is not answered by then is not waited for.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(most + effort.flight_rest_seconds), asyncio.TaskGroup() as tasks:
            for _ in range(count):
                tasks.create_task(keep_calling())
    counted = [answer for answer in answers if counting < answer[0] <= ending]
    if not counted:
        raise ContenderError(f"no answer within {most:g} s")
    whole = counted[: len(counted) // count * count] or counted
    return Flight([len(whole) / (whole[-1][0] - counting)], [took for _, took in whole])
