"""The goals of this server, and whether a run reached them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.compare.contenders import MCP_PROXY, THIS, TUTORIAL
from benchmarks.compare.distance import PAUSE_SECONDS, ROUND_TRIP_MS
from benchmarks.compare.results import Results, Spread
from benchmarks.compare.terminal import COMMAND

NAMED: Final = frozenset({THIS, MCP_PROXY, TUTORIAL})
"""Whose numbers the goals are about."""

_MEBIBYTE: Final = 1_024 * 1_024
_MOST_ROUND_TRIPS: Final = 1.1
_MOST_COMMAND_MS: Final = 350
_MOST_MEMORY: Final = 80
_MOST_GROWTH: Final = 0.03


@dataclass(frozen=True)
class Goal:
    """A goal in numbers.

    Attributes:
        what: Is measured.
        wanted: In words.
        measured: In words.
        reached: None where it was not measured.
        other: The contender to compare with; empty for a goal in absolute numbers.
        limit: The ratio to it, or the number.
    """

    what: str
    wanted: str
    measured: str
    reached: bool | None
    other: str = ""
    limit: float | None = None


def goals(results: Results) -> list[Goal]:
    """All goals, in order."""
    listed, called = _start_up(results, "listed"), _start_up(results, "called")
    return [
        _at_most("start → tools/list answered", listed, MCP_PROXY, 0.2),
        _at_most("start → first call answered", called, TUTORIAL, 0.95),
        _at_most("list_repos, p50", _in_a_row(results, "median"), MCP_PROXY, 0.6),
        _at_least("calls a second, 32 in flight at 20 ms", _in_flight(results, 32, 20), MCP_PROXY, 2.4),
        _at_least("calls a second, 200 in flight at 100 ms", _in_flight(results, 200, 100), MCP_PROXY, 2.4),
        _distance(results),
        _terminal(results),
        *_memory(results),
        _requests(results),
    ]


Figures = dict[str, float]


def _start_up(results: Results, moment: str) -> Figures:
    return {name: statistics.median(getattr(times, moment)) for name, times in results.start_up.items()}


def _in_a_row(results: Results, figure: str) -> Figures:
    return {name: getattr(Spread.of_turns(turns), figure) for name, turns in results.in_a_row.items()}


def _in_flight(results: Results, count: int, latency: int) -> Figures:
    flights = results.in_flight.get((count, latency), {})
    return {name: statistics.median(flight.rates) for name, flight in flights.items()}


def _at_most(what: str, figures: Figures, other: str, limit: float) -> Goal:
    ratio = _ratio(figures, other)
    reached = None if ratio is None else ratio <= limit
    return Goal(what, f"≤ {limit:g}x of {other}", _times(ratio), reached, other, limit)


def _at_least(what: str, figures: Figures, other: str, limit: float) -> Goal:
    ratio = _ratio(figures, other)
    reached = None if ratio is None else ratio >= limit
    return Goal(what, f"≥ {limit:g}x of {other}", _times(ratio), reached, other, limit)


def _ratio(figures: Figures, other: str) -> float | None:
    return figures[THIS] / figures[other] if THIS in figures and other in figures else None


def _times(ratio: float | None) -> str:
    return "not measured" if ratio is None else f"{ratio:.2f}x"


def _distance(results: Results) -> Goal:
    what = f"a call {PAUSE_SECONDS:g} s after the last one, over TLS at {ROUND_TRIP_MS} ms"
    wanted = f"≤ {_MOST_ROUND_TRIPS:g}x of the round trip"
    if THIS not in results.distance:
        return Goal(what, wanted, "not measured", None)
    ratio = statistics.median(results.distance[THIS]) / ROUND_TRIP_MS
    return Goal(what, wanted, _times(ratio), ratio <= _MOST_ROUND_TRIPS)


def _terminal(results: Results) -> Goal:
    what, wanted = f"`{' '.join(COMMAND)}` in a terminal, processor time", f"≤ {_MOST_COMMAND_MS} ms"
    if THIS not in results.terminal:
        return Goal(what, wanted, "not measured", None)
    worked = statistics.median(results.terminal[THIS].worked)
    return Goal(what, wanted, f"{worked:.0f} ms", worked <= _MOST_COMMAND_MS)


def _memory(results: Results) -> Sequence[Goal]:
    memory = results.memory.get(THIS)
    wanted = f"≤ {_MOST_MEMORY} MiB", f"≤ {_MOST_GROWTH:.0%}"
    if memory is None or memory.growth is None:
        made = "not measured" if memory is None else f"only {memory.calls:,} of {memory.wanted:,} calls made"
        what = "memory after all calls", "its growth since a tenth of them"
        return [Goal(name, most, made, None) for name, most in zip(what, wanted, strict=True)]
    held = memory.after_all / _MEBIBYTE
    return [
        Goal(f"memory after {memory.calls:,} calls", wanted[0], f"{held:.1f} MiB", held <= _MOST_MEMORY),
        Goal(
            f"its growth since the first {memory.wanted // 10:,}",
            wanted[1],
            f"{memory.growth:.1%}",
            memory.growth <= _MOST_GROWTH,
        ),
    ]


def _requests(results: Results) -> Goal:
    what, wanted = "upstream requests of a call", "1"
    traffic, calls = results.traffic.get(THIS), results.calls_in_a_row(THIS)
    if traffic is None or not calls:
        return Goal(what, wanted, "not measured", None)
    return Goal(what, wanted, f"{traffic.requests / calls:.2f}", traffic.requests == calls)
