"""The page about a comparison, made of its results alone."""

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from benchmarks.compare.contenders import HOSTED, MCP_PROXY, TUTORIAL, Contender, Transport
from benchmarks.compare.effort import Effort
from benchmarks.compare.goals import goals
from benchmarks.compare.machine import cores, processor
from benchmarks.compare.results import Flight, Instructions, Memory, Results, Sizes, Spread, StartUp

_MEBIBYTE: Final = 1_024 * 1_024
_MILLION: Final = 1_000_000

_INTRODUCTION: Final = """\
# How fast it is, beside what could be used instead

Made by `python -m benchmarks.compare --write`, from the root of a checkout with the project installed.

Everybody asks the same simulated Mogplex on this machine and answers the same lean client, in turn, so that what else
the machine does hits all alike. **Read the ratios**: the times are those of this machine and this day. Each contender
lives in an environment of its own; this server is installed there as users have it, as a wheel. The measured call is
`list_repos` with 100 repositories.

Sixty requests a minute are what Mogplex allows a token, and this server keeps to it. Where more are measured, its
limit is raised by a program of the benchmark (`benchmarks/contenders/this_server.py`), which no user can do; the
requests are counted as always. The simulated Mogplex lets these tokens ask as often as they like. Its answers are made
once and repeated, so that it takes little of the machine itself.
"""


class Page:
    """The parts of the page."""

    def __init__(self, results: Results, contenders: Sequence[Contender], effort: Effort) -> None:
        self._results = results
        self._contenders = contenders
        self._effort = effort

    def text(self) -> str:
        """The whole page, as Markdown."""
        parts: list[Iterable[str]] = [
            [_INTRODUCTION.rstrip()],
            self._goals(),
            self._start_up("Start", self._results.start_up, _STARTS),
            self._start_up("Start in the 2026 protocol", self._results.start_up_2026, _STARTS_2026),
            self._in_a_row(),
            self._in_flight(),
            self._traffic(),
            self._memory(),
            self._sizes(),
            self._instructions(),
            ["## Following a run of ten minutes", "", _POLLING, "", self._results.polling.rstrip()]
            if self._results.polling
            else [],
            self._failures(),
            self._conditions(),
        ]
        blocks = ["\n".join(lines) for lines in map(list, parts) if lines]
        return "\n\n".join(blocks) + "\n"

    def _goals(self) -> Iterator[str]:
        verdicts = {True: "reached", False: "**missed**", None: ""}
        yield from ("## Goals", "", "| What | Goal | Measured | |", "|---|---|---:|---|")
        for goal in goals(self._results):
            yield f"| {goal.what} | {goal.wanted} | {goal.measured} | {verdicts[goal.reached]} |"

    def _start_up(self, title: str, measured: Mapping[str, StartUp], about: str) -> Iterator[str]:
        if not measured:
            return
        moments = (("first", "first answer"), ("listed", "tools/list"), ("called", "first call"))
        for moment, name in moments:
            rows = {who: getattr(times, moment) for who, times in measured.items()}
            head = ["## " + title, "", about, ""] if moment == "first" else [""]
            yield from (
                *head,
                f"Start → {name}, ms:",
                "",
                *self._spreads({name: Spread.of(those) for name, those in rows.items()}),
            )

    def _in_a_row(self) -> Iterator[str]:
        if self._results.in_a_row:
            spreads = {name: Spread.of_turns(turns) for name, turns in self._results.in_a_row.items()}
            yield from ("## Calls in a row", "", _IN_A_ROW, "", *self._spreads(spreads))
            yield from ("", "Processor time of each, ms:", "", *self._processor())

    def _processor(self) -> Iterator[str]:
        spent = {
            name: seconds * 1_000 / self._results.calls_in_a_row(name)
            for name, seconds in self._results.processor.items()
            if seconds
        }
        yield from self._table(("ms",), lambda one: [_number(spent[one.name])], spent)

    def _spreads(self, spreads: Mapping[str, Spread]) -> Iterator[str]:
        figures = ("median", "p99", "least", "most")

        def cells(contender: Contender) -> list[str]:
            return [_number(getattr(spreads[contender.name], figure)) for figure in figures]

        medians = {name: spread.median for name, spread in spreads.items()}
        yield from self._table(("median", "p99", "minimum", "maximum"), cells, medians)

    def _in_flight(self) -> Iterator[str]:
        measured = self._results.in_flight
        if not measured:
            return
        yield from ("## Calls in flight", "", _IN_FLIGHT)
        for (count, latency), flights in measured.items():
            yield from (
                "",
                f"Calls a second, {count} in flight, upstream at {latency} ms:",
                "",
                *self._flights(flights),
            )

    def _flights(self, flights: Mapping[str, Flight]) -> Iterator[str]:
        def cells(contender: Contender) -> list[str]:
            flight = flights[contender.name]
            rates, times = Spread.of(flight.rates), Spread.of(flight.times)
            return [_number(one) for one in (rates.median, rates.least, rates.most, times.median, times.p99)]

        head = ("calls/s", "minimum", "maximum", "a call, ms", "its p99")
        medians = {name: Spread.of(flight.rates).median for name, flight in flights.items()}
        yield from self._table(head, cells, medians)

    def _traffic(self) -> Iterator[str]:
        def cells(contender: Contender) -> list[str]:
            traffic, calls = self._results.traffic[contender.name], self._results.calls_in_a_row(contender.name)
            each = asdict(traffic)
            names = ("requests", "units", "connections", "bytes_up", "bytes_down")
            return [f"{each[name] / calls:,.0f}" if "bytes" in name else _share(each[name], calls) for name in names]

        head = ("requests", "of the minute's budget", "new connections", "bytes sent", "bytes received")
        if self._results.traffic:
            yield from ("## Upstream, of each call in a row", "", *self._table(head, cells, self._results.traffic))

    def _memory(self) -> Iterator[str]:
        def cells(contender: Contender) -> list[str]:
            memory: Memory = self._results.memory[contender.name]
            held = [memory.start, memory.after_tenth, memory.after_all]
            growth = "" if memory.growth is None else f"{memory.growth:+.1%}"
            stopped = "" if memory.calls == memory.wanted else ", too slow for more"
            return [
                *("" if count is None else f"{count / _MEBIBYTE:.1f}" for count in held),
                growth,
                f"{memory.calls:,}{stopped}",
            ]

        tenth = f"{self._effort.memory_calls // 10:,}"
        head = ("at its start", f"after {tenth} calls", "after the last", "growth between", "calls")
        if self._results.memory:
            yield from ("## Memory, MiB", "", _MEMORY, "", *self._table(head, cells, self._results.memory))

    def _sizes(self) -> Iterator[str]:
        sizes = self._results.sizes

        def cells(contender: Contender) -> list[str]:
            one: Sizes = sizes[contender.name]
            ratio = f"{one.reaching / sizes[HOSTED].reaching:.2f}" if HOSTED in sizes else ""
            counts = one.tools_list, one.answer, one.text, one.told_in_text, one.structured, one.told_in_structured
            return [*(f"{count:,}" for count in counts), ratio]

        head = ("tools/list", "list_repos", "its text", "tells of", "its JSON", "tells of", "to hosted")
        if sizes:
            yield from ("## Bytes of answers", "", _SIZES, "", *self._table(head, cells, sizes))

    def _instructions(self) -> Iterator[str]:
        def cells(contender: Contender) -> list[str]:
            one: Instructions = self._results.instructions[contender.name]
            return [f"{count / _MILLION:,.1f}" for count in (one.listed, one.called, one.call)]

        head = ("start → tools/list", "start → first call", "each further call")
        if self._results.instructions:
            calls = {name: one.call for name, one in self._results.instructions.items()}
            yield from ("## Instructions, millions", "", _INSTRUCTIONS, "", *self._table(head, cells, calls))

    def _table(
        self, head: Sequence[str], cells: Callable[[Contender], list[str]], medians: Mapping[str, Any]
    ) -> Iterator[str]:
        """A row for each contender that was measured, with ratios of its figure where figures are numbers."""
        numbers = all(isinstance(value, int | float) for value in medians.values())
        ratios = [f"to {name}" for name in (MCP_PROXY, TUTORIAL)] if numbers else []
        yield "| " + " | ".join(["", "", *head, *ratios]) + " |"
        yield "|---|---|" + "---:|" * (len(head) + len(ratios))
        for contender in self._contenders:
            if contender.name in medians:
                more = [_ratio(contender, medians, name) for name in (MCP_PROXY, TUTORIAL)] if numbers else []
                row = [contender.title, contender.transport.value, *cells(contender), *more]
                yield "| " + " | ".join(row) + " |"

    def _failures(self) -> Iterator[str]:
        if self._results.failures:
            yield from ("## What could not be measured", "", "| | What | Why |", "|---|---|---|")
            for (name, measure), why in self._results.failures.items():
                yield f"| {name} | {measure} | {' '.join(why.split()).replace('|', chr(92) + '|')[:300]} |"

    def _conditions(self) -> Iterator[str]:
        yield from ("## Conditions", "")
        date = time.strftime("%Y-%m-%d", time.gmtime())
        yield f"{date}, {processor()}, {cores()} cores, {platform.system()}, Python {platform.python_version()}."
        effort = self._effort
        yield (
            f"{effort.starts} starts of each contender that the goals name, {effort.starts_of_others} of the others; "
            f"calls in a row in {effort.rounds} turns; "
            f"{', '.join(f'{crowd.measure} in {crowd.turns}' for crowd in effort.crowds)}."
        )
        yield from ("", "| Environment | Versions |", "|---|---|")
        for name, those in self._results.versions.items():
            yield f"| {name} | {', '.join(f'{package} {version}' for package, version in those.items())} |"


_STARTS: Final = (
    "From the start of a process until it has answered `initialize`, then `tools/list`, then a first call. Each was "
    "started once before, which does not count. From then on this server knows by heart what it answers while it is "
    "still being loaded; *first start* is without that."
)
_STARTS_2026: Final = "The same with `server/discover` instead of `initialize`, for those who answer it."
_IN_A_ROW: Final = (
    "Milliseconds of a call; one after the other, nothing else happens. The contenders take turns, and p99 is the "
    "median of those of the turns: what else the machine does in one of them does not decide."
)
_IN_FLIGHT: Final = "So many calls always wait for their answers, over one pipe, or over as many connections."
_MEMORY: Final = "Of the process (RSS), in calls one after the other."
_SIZES: Final = (
    "Whole answers as they leave the server; and the two forms in which clients show an answer to a model, some the "
    "text, some the structured content (as compact JSON); and of how many repositories each tells enough to work on: "
    "name, default branch, and the id where names repeat. "
    "The ratio is of the larger form that tells of most repositories, to that of the hosted endpoint."
)
_INSTRUCTIONS: Final = (
    "Of the process, counted by valgrind: the same on a busy machine. Ratios are of further calls. What this server "
    "loads while it answers by heart counts as well, as far as it has come by then."
)
_POLLING: Final = "On virtual time; all of it is in [polling.md](polling.md)."


def _ratio(contender: Contender, medians: Mapping[str, Any], other: str) -> str:
    """How a figure compares with another contender's on the same transport."""
    other = f"{other}-http" if contender.transport is Transport.HTTP else other
    return f"{medians[contender.name] / medians[other]:.2f}" if medians.get(other) else ""


def _share(count: int, calls: int) -> str:
    return f"{count / calls:.2f}" if count else "0"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004 - three digits
