"""Comparison of this server with alternatives.

    python -m benchmarks.compare            everything, about twenty minutes; prints the page
    python -m benchmarks.compare --write    the same, and writes figures, plots and docs/performance.md
    python -m benchmarks.compare --redraw   writes plots and page again, from the stored figures
    python -m benchmarks.compare --quick --only this,mcp-proxy,tutorial --measures start,row

From the root of a checkout with the project installed. Contenders are installed from PyPI and npm into the user's
cache, once; the page names those that can't be installed or fail, and all others are measured.
"""

import argparse
import asyncio
import dataclasses
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import anyio
import anyio.to_thread
from tests.virtual_time import VirtualTimeLoop

from benchmarks import polling
from benchmarks.compare.calls import RunningContenders, measure_in_a_row, measure_in_flight
from benchmarks.compare.contenders import CONTENDERS, HOSTED, THIS, Contender, chosen
from benchmarks.compare.distance import far_away, measure_distance
from benchmarks.compare.effort import FULL, MEASURES, QUICK, Effort
from benchmarks.compare.environments import CACHE, ROOT
from benchmarks.compare.figures import Figures
from benchmarks.compare.goals import NAMED
from benchmarks.compare.instructions import can_count, measure_instructions
from benchmarks.compare.machine import alone
from benchmarks.compare.memory import measure_memory
from benchmarks.compare.page import Page
from benchmarks.compare.processes import UpstreamProcess
from benchmarks.compare.results import ALL_CONTENDERS, Results
from benchmarks.compare.sizes import measure_sizes, repositories
from benchmarks.compare.start_up import measure_start_up
from benchmarks.compare.terminal import measure_command

PAGE: Final = ROOT / "docs" / "performance.md"
RESULTS: Final = ROOT / "benchmarks" / "results" / "performance.json"
_TEN_MINUTES: Final = 10
# What does not depend on the time it takes is measured for two contenders at the same time.
_AT_THE_SAME_TIME: Final = 2

_T = TypeVar("_T")


async def compare(contenders: Sequence[Contender], effort: Effort) -> Results:
    """Measure.

    Args:
        contenders: Who.
        effort: What, and how much of it.
    """
    measures = effort.measures
    results = Results()
    contenders = _installed(contenders, results)
    whole = [one for one in contenders if not one.only_starts]
    async with UpstreamProcess() as upstream:
        if "start" in measures:
            with results.noting(ALL_CONTENDERS, "start"):
                await _start_up(contenders, upstream, results, effort)
        if "row" in measures or "flight" in measures:
            with results.noting(ALL_CONTENDERS, "calls"):
                await _calls(whole, upstream, results, effort)
        if "distance" in measures:
            with results.noting(ALL_CONTENDERS, "distance"):
                await _distance(whole, upstream, results, effort)
        if "terminal" in measures:
            _tell("terminal")
            commands = [one for one in whole if one.name == THIS]
            results.terminal = await _each(
                "terminal", commands, lambda one: measure_command(one, upstream, effort), results
            )
        if "sizes" in measures:
            with results.noting(ALL_CONTENDERS, "sizes"):
                await _sizes(whole, upstream, results)
        if "memory" in measures:
            _tell("memory")
            processes = [one for one in whole if one.command]
            results.memory = await _each(
                "memory", processes, lambda one: measure_memory(one, upstream, effort), results
            )
        if "instructions" in measures:
            with results.noting(ALL_CONTENDERS, "instructions"):
                await _instructions(contenders, upstream, results, effort)
    if "polling" in measures:
        with results.noting(ALL_CONTENDERS, "polling"):
            _tell("polling")
            results.polling = await anyio.to_thread.run_sync(_polling_rows)
    return results


async def _start_up(
    contenders: Sequence[Contender], upstream: UpstreamProcess, results: Results, effort: Effort
) -> None:
    _tell("starts")
    processes = [one for one in contenders if one.command]
    await measure_start_up(processes, upstream, effort, results, modern=False)
    modern = [one for one in processes if one.modern]
    await measure_start_up(modern, upstream, effort, results, modern=True)


async def _calls(contenders: Sequence[Contender], upstream: UpstreamProcess, results: Results, effort: Effort) -> None:
    async with RunningContenders(contenders, upstream, results) as running_contenders:
        if "row" in effort.measures:
            _tell("calls in a row")
            await measure_in_a_row(running_contenders, effort)
        if "flight" in effort.measures:
            _tell("calls in flight")
            await measure_in_flight(running_contenders, effort)


async def _distance(
    contenders: Sequence[Contender], upstream: UpstreamProcess, results: Results, effort: Effort
) -> None:
    _tell("calls far away")
    named = [one for one in contenders if one.name in NAMED]
    with tempfile.TemporaryDirectory() as folder:
        async with far_away(upstream, Path(folder)) as route:
            results.distance = await _each(
                "distance", named, lambda one: measure_distance(one, upstream, route, effort), results
            )


async def _sizes(contenders: Sequence[Contender], upstream: UpstreamProcess, results: Results) -> None:
    _tell("sizes")
    hosted = next(one for one in CONTENDERS if one.name == HOSTED)
    facts = await repositories(hosted, upstream)
    results.sizes = await _each("sizes", contenders, lambda one: measure_sizes(one, upstream, facts), results)


async def _instructions(
    contenders: Sequence[Contender], upstream: UpstreamProcess, results: Results, effort: Effort
) -> None:
    if not can_count():
        results.failures[ALL_CONTENDERS, "instructions"] = "valgrind is not installed"
        return
    _tell("instructions")
    results.instructions = await _each(
        "instructions",
        [one for one in contenders if one.counted],
        lambda one: measure_instructions(one, upstream, effort.counted_calls),
        results,
    )


async def _each(
    measure: str, contenders: Sequence[Contender], ask: Callable[[Contender], Awaitable[_T]], results: Results
) -> dict[str, _T]:
    """Measure each contender, two at the same time; what could not be measured goes into the results."""
    places = asyncio.Semaphore(_AT_THE_SAME_TIME)
    found: dict[str, _T] = {}

    async def measure_one(contender: Contender) -> None:
        async with places:
            with results.noting(contender.name, measure):
                found[contender.name] = await ask(contender)

    async with asyncio.TaskGroup() as tasks:
        for contender in contenders:
            tasks.create_task(measure_one(contender))
    return found


def _installed(contenders: Sequence[Contender], results: Results) -> list[Contender]:
    """Those contenders that can be installed."""
    for contender in contenders:
        environment = contender.environment
        if environment is None or environment.name in results.versions:
            continue
        _tell(f"environment {environment.name}")
        with results.noting(contender.name, "everything"):
            environment.make()
            results.versions[environment.name] = environment.versions()
    return [one for one in contenders if (one.name, "everything") not in results.failures]


def _polling_rows() -> list[polling.Row]:
    """The figures about following a run that are of ten minutes."""

    async def measure() -> list[polling.Row]:
        runs = (polling.RUNS, False), (polling.RUNS_FIXED, True)
        return [
            polling.Row.of(
                _TEN_MINUTES, await polling.measure(_TEN_MINUTES, count[_TEN_MINUTES], fixed=fixed), fixed=fixed
            )
            for count, fixed in runs
        ]

    return anyio.run(measure, backend_options={"loop_factory": VirtualTimeLoop})


def write(figures: Figures) -> None:
    """Write the figures, the plots, and the page."""
    figures.write(RESULTS)
    redraw()


def redraw() -> None:
    """Write plots and page from the stored figures."""
    from benchmarks.compare import plots  # noqa: PLC0415 - Matplotlib takes a second to load

    figures = Figures.read(RESULTS)
    PAGE.write_text(Page(figures, plots.draw(figures, RESULTS)).text(), encoding="utf-8")


def _tell(what: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what}\n")


def main() -> int:
    """Measure, print the page, and write it if that is asked for."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.compare", description="Comparison of this server with alternatives."
    )
    parser.add_argument("--quick", action="store_true", help="a small form, about two minutes")
    parser.add_argument("--rounds", type=int, help="how often each contender is started, and has its turn")
    parser.add_argument("--only", default="", metavar="NAME,…", help=", ".join(one.name for one in CONTENDERS))
    parser.add_argument("--measures", metavar="NAME,…", help=", ".join(MEASURES))
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--redraw", action="store_true", help="measure nothing; write plots and page from the figures")
    given = parser.parse_args()
    if given.redraw:
        redraw()
        return 0
    effort = QUICK if given.quick else FULL
    if given.rounds:
        effort = effort.in_turns(given.rounds)
    try:
        contenders = chosen(given.only)
    except ValueError as error:
        parser.error(str(error))
    if given.measures:
        effort = dataclasses.replace(effort, measures=tuple(given.measures.split(",")))
        if unknown := set(effort.measures) - set(MEASURES):
            parser.error(f"no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    with alone(CACHE):
        results = asyncio.run(compare(contenders, effort))
    figures = Figures.of(results, contenders, effort)
    sys.stdout.write(Page(figures).text())
    if given.write:
        write(figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
