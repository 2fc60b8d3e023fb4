"""The page about a comparison, made of its figures alone."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any, Final

from benchmarks import polling
from benchmarks.compare.contenders import HOSTED, MCP_PROXY, TUTORIAL, Transport
from benchmarks.compare.distance import PAUSE_SECONDS, ROUND_TRIP_MS
from benchmarks.compare.figures import MOMENTS, EachCall, Figures, Named, Rates
from benchmarks.compare.results import Instructions, Memory, Sizes, Spread
from benchmarks.compare.terminal import COMMAND
from benchmarks.markdown import folded

_MEBIBYTE: Final = 1_024 * 1_024
_MILLION: Final = 1_000_000

_METHOD: Final = """\
## How it is measured

All contenders use the same simulated Mogplex on this machine and the same minimal client, in turn, so that other load
on the machine affects all alike. **Read the ratios**: the times depend on the machine and the day. Each contender has
its own environment; this server is installed there as a wheel, as users have it. The measured call is `list_repos`
with 100 repositories.

Mogplex allows a token sixty requests a minute, and this server keeps to it. Where more are measured, a program of the
benchmark (`benchmarks/contenders/this_server.py`) raises its limit, which users can't do; requests are counted as
always. The simulated Mogplex does not limit these tokens. It caches its responses, so that it needs little of the
machine itself.

`python -m benchmarks.compare --write`, from the root of a checkout with the project installed, measures all of it, and
writes the figures (`benchmarks/results/performance.json`), the plots and this page. `--redraw` writes plots and page
again from the stored figures."""


class Page:
    """The parts of the page."""

    def __init__(self, figures: Figures, plots: Sequence[str] = ()) -> None:
        self._figures = figures
        self._plots = plots

    def text(self) -> str:
        """The whole page, as Markdown."""
        figures = self._figures
        parts: list[Iterable[str]] = [
            self._beginning(),
            self._goals(),
            self._start_up("Start", figures.start_up, _STARTS, "start-up"),
            self._start_up("Start in the 2026 protocol", figures.start_up_2026, _STARTS_2026, ""),
            self._in_a_row(),
            self._in_flight(),
            self._distance(),
            self._terminal(),
            self._traffic(),
            self._memory(),
            self._sizes(),
            self._instructions(),
            ["## Following a run of ten minutes", "", _POLLING, "", polling.table(figures.polling)]
            if figures.polling
            else [],
            [_METHOD],
            self._failures(),
            self._conditions(),
        ]
        blocks = ["\n".join(lines) for lines in map(list, parts) if lines]
        return "\n\n".join(blocks) + "\n"

    def _beginning(self) -> Iterator[str]:
        figures = self._figures
        judged = [goal.reached for goal in figures.goals if goal.reached is not None]
        yield from ("# Performance compared with alternatives", "")
        yield f"Version {figures.version} reached {sum(judged)} of {len(judged)} goals on {figures.date}."

    def _goals(self) -> Iterator[str]:
        verdicts = {True: "reached", False: "**missed**", None: ""}
        yield from ("## Goals", "", "| What | Goal | Measured | |", "|---|---|---:|---|")
        for goal in self._figures.goals:
            yield f"| {goal.what} | {goal.wanted} | {goal.measured} | {verdicts[goal.reached]} |"
        if self._figures.notes:
            yield from ("", "## About these figures")
            for note in self._figures.notes:
                yield from ("", note)

    def _plot(self, name: str, text: str) -> Iterator[str]:
        if name in self._plots:
            yield from (f"![{text}](plots/{name}.svg)", "")

    def _start_up(
        self, title: str, measured: Mapping[str, Mapping[str, Spread]], about: str, plot: str
    ) -> Iterator[str]:
        if not measured:
            return
        yield from (f"## {title}", "", *self._plot(plot, "Start-up of each contender, with the goals"), about)
        for moment, name in MOMENTS.items():
            rows = {who: those[moment] for who, those in measured.items() if moment in those}
            yield from ("", _folded(f"Start → {name}, ms", self._spreads(rows)))

    def _in_a_row(self) -> Iterator[str]:
        if self._figures.in_a_row:
            yield from ("## Calls in a row", "", *self._plot("calls", "Time of a call of each contender"), _IN_A_ROW)
            yield from ("", _folded("A call, ms", self._spreads(self._figures.in_a_row)))
            yield from ("", _folded("Processor time of each, ms", self._processor()))

    def _processor(self) -> Iterator[str]:
        spent = self._figures.processor
        yield from self._table(("ms",), lambda one: [_number(spent[one.name])], spent)

    def _spreads(self, spreads: Mapping[str, Spread]) -> Iterator[str]:
        figures = ("median", "p99", "least", "most")

        def cells(contender: Named) -> list[str]:
            return [_number(getattr(spreads[contender.name], figure)) for figure in figures]

        medians = {name: spread.median for name, spread in spreads.items()}
        yield from self._table(("median", "p99", "minimum", "maximum"), cells, medians)

    def _in_flight(self) -> Iterator[str]:
        if not self._figures.in_flight:
            return
        yield from ("## Calls in flight", "", *self._plot("in-flight", "Calls a second of each contender"), _IN_FLIGHT)
        for crowd in self._figures.in_flight:
            yield from ("", _folded(f"Calls a second, {crowd.title}", self._rates(crowd.measured)))

    def _rates(self, measured: Mapping[str, Rates]) -> Iterator[str]:
        def cells(contender: Named) -> list[str]:
            one = measured[contender.name]
            return [_number(each) for each in (one.rates.median, one.rates.least, one.rates.most, one.median, one.p99)]

        head = ("calls/s", "minimum", "maximum", "a call, ms", "its p99")
        yield from self._table(head, cells, {name: one.rates.median for name, one in measured.items()})

    def _distance(self) -> Iterator[str]:
        if self._figures.distance:
            yield from ("## Calls far away", "", _DISTANCE, "")
            yield _folded("A call, ms", self._spreads(self._figures.distance))

    def _terminal(self) -> Iterator[str]:
        if self._figures.terminal:
            yield from (
                "## In a terminal",
                "",
                _TERMINAL,
                "",
                "| | median | minimum | maximum |",
                "|---|---:|---:|---:|",
            )
            for worked, took in self._figures.terminal.values():
                for name, spread in (("processor time, ms", worked), ("until it has ended, ms", took)):
                    cells = map(_number, (spread.median, spread.least, spread.most))
                    yield f"| {name} | {' | '.join(cells)} |"

    def _traffic(self) -> Iterator[str]:
        traffic = self._figures.traffic

        def cells(contender: Named) -> list[str]:
            one: EachCall = traffic[contender.name]
            shares = (one.requests, one.units, one.connections)
            return [*map(_share, shares), f"{one.bytes_up:,.0f}", f"{one.bytes_down:,.0f}"]

        head = ("requests", "of the minute's budget", "new connections", "bytes sent", "bytes received")
        if traffic:
            yield from ("## Upstream, of each call in a row", "", _TRAFFIC, "")
            yield _folded("All figures", self._table(head, cells, traffic))

    def _memory(self) -> Iterator[str]:
        def cells(contender: Named) -> list[str]:
            memory: Memory = self._figures.memory[contender.name]
            held = [memory.start, memory.after_tenth, memory.after_all]
            growth = "" if memory.growth is None else f"{memory.growth:+.1%}"
            stopped = "" if memory.calls == memory.wanted else ", too slow for more"
            return [
                *("" if count is None else f"{count / _MEBIBYTE:.1f}" for count in held),
                growth,
                f"{memory.calls:,}{stopped}",
            ]

        tenth = f"{self._figures.memory_calls // 10:,}"
        head = ("at its start", f"after {tenth} calls", "after the last", "growth between", "calls")
        if self._figures.memory:
            yield from ("## Memory", "", *self._plot("memory", "Memory of each contender"), _MEMORY, "")
            yield _folded("MiB", self._table(head, cells, self._figures.memory))

    def _sizes(self) -> Iterator[str]:
        sizes = self._figures.sizes

        def cells(contender: Named) -> list[str]:
            one: Sizes = sizes[contender.name]
            ratio = f"{one.reaching / sizes[HOSTED].reaching:.2f}" if HOSTED in sizes else ""
            counts = (
                one.tools_list,
                one.answer,
                one.text,
                one.reported_in_text,
                one.structured,
                one.reported_in_structured,
            )
            return [*(f"{count:,}" for count in counts), ratio]

        head = ("tools/list", "list_repos", "its text", "tells of", "its JSON", "tells of", "to hosted")
        if sizes:
            yield from ("## Bytes of answers", "", _SIZES, "", _folded("Bytes", self._table(head, cells, sizes)))

    def _instructions(self) -> Iterator[str]:
        def cells(contender: Named) -> list[str]:
            one: Instructions = self._figures.instructions[contender.name]
            return [f"{count / _MILLION:,.1f}" for count in (one.listed, one.called, one.call)]

        head = ("start → tools/list", "start → first call", "each further call")
        if self._figures.instructions:
            calls = {name: one.call for name, one in self._figures.instructions.items()}
            yield from ("## Instructions", "", _INSTRUCTIONS, "", _folded("Millions", self._table(head, cells, calls)))

    def _table(
        self, head: Sequence[str], cells: Callable[[Named], list[str]], medians: Mapping[str, Any]
    ) -> Iterator[str]:
        """A row for each contender that was measured, with ratios of its figure where figures are numbers."""
        numbers = all(isinstance(value, int | float) for value in medians.values())
        ratios = [f"to {name}" for name in (MCP_PROXY, TUTORIAL)] if numbers else []
        yield "| " + " | ".join(["", "", *head, *ratios]) + " |"
        yield "|---|---|" + "---:|" * (len(head) + len(ratios))
        for contender in self._figures.contenders:
            if contender.name in medians:
                more = [_ratio(contender, medians, name) for name in (MCP_PROXY, TUTORIAL)] if numbers else []
                row = [contender.title, contender.transport, *cells(contender), *more]
                yield "| " + " | ".join(row) + " |"

    def _failures(self) -> Iterator[str]:
        if self._figures.failures:
            yield from ("## What could not be measured", "", "| | What | Why |", "|---|---|---|")
            for name, measure, why in map(astuple, self._figures.failures):
                yield f"| {name} | {measure} | {' '.join(why.split()).replace('|', chr(92) + '|')[:300]} |"

    def _conditions(self) -> Iterator[str]:
        yield from ("## Conditions", "", f"{self._figures.date}, {self._figures.machine}.", self._figures.effort)
        yield from ("", "| Environment | Versions |", "|---|---|")
        for name, those in self._figures.versions.items():
            yield f"| {name} | {', '.join(f'{package} {version}' for package, version in those.items())} |"


_STARTS: Final = (
    "From the start of a process until it has answered `initialize`, then `tools/list`, then a first call. Each was "
    "started once before, which does not count. While it loads, this server sends responses that are built in; "
    "*nothing built in* is without them, as in a checkout."
)
_STARTS_2026: Final = "The same with `server/discover` instead of `initialize`, for those who answer it."
_IN_A_ROW: Final = (
    "Milliseconds of a call; one after the other, nothing else happens. The contenders take turns, and p99 is the "
    "median of those of the turns: what else the machine does in one of them does not decide."
)
_IN_FLIGHT: Final = "So many calls always wait for their answers, over one pipe, or over as many connections."
_DISTANCE: Final = (
    f"Over TLS, with a round trip of {ROUND_TRIP_MS} ms, each call {PAUSE_SECONDS:g} s after the last one: a "
    "connection that was not kept is opened again."
)
_TERMINAL: Final = f"`mogplex-mcp {' '.join(COMMAND)}`, which makes one request."
_TRAFFIC: Final = "What a call costs at Mogplex."
_MEMORY: Final = "Of the process (RSS), in calls one after the other."
_SIZES: Final = (
    "Whole answers as they leave the server; and the two forms in which clients show an answer to a model, some the "
    "text, some the structured content (as compact JSON); and of how many repositories each tells enough to work on: "
    "name, default branch, and the id where names repeat. "
    "The ratio is of the larger form that tells of most repositories, to that of the hosted endpoint."
)
_INSTRUCTIONS: Final = (
    "Of the process, counted by valgrind: the same on a busy machine. Ratios are of further calls. What this server "
    "loads while it sends built-in responses counts as well, as far as it has come by then."
)
_POLLING: Final = "On virtual time; all of it is in [polling.md](polling.md)."


def _ratio(contender: Named, medians: Mapping[str, Any], other: str) -> str:
    """How a figure compares with another contender's on the same transport."""
    other = f"{other}-http" if contender.transport == Transport.HTTP.value else other
    return f"{medians[contender.name] / medians[other]:.2f}" if medians.get(other) else ""


def _share(count: float) -> str:
    return f"{count:.2f}" if count else "0"


def _folded(summary: str, lines: Iterable[str]) -> str:
    return folded(summary, "\n".join(lines))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004 - three digits
