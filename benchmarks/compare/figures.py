"""The figures of a comparison, as they are stored: page and plots are made of them alone, at any later time."""

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self

from pydantic import TypeAdapter

from benchmarks.compare.contenders import Contender
from benchmarks.compare.effort import Effort
from benchmarks.compare.goals import Goal, goals
from benchmarks.compare.machine import cores, processor
from benchmarks.compare.results import Instructions, Memory, Results, Sizes, Spread, StartUp
from benchmarks.polling import Row
from mogplex_mcp import __version__

MOMENTS: Final = {"first": "first answer", "listed": "tools/list", "called": "first call"}
"""Of a start, by their names in the results."""


@dataclass(frozen=True)
class Named:
    """A contender, as tables and plots name it."""

    name: str
    title: str
    transport: str


@dataclass(frozen=True)
class Rates:
    """Calls in flight of one contender: calls a second, and milliseconds of a call."""

    rates: Spread
    median: float
    p99: float


@dataclass(frozen=True)
class InFlight:
    """A number of calls in flight, with an upstream that takes so many milliseconds; by contender."""

    count: int
    latency: int
    measured: dict[str, Rates]

    @property
    def title(self) -> str:
        """What is measured."""
        return f"{self.count} in flight, upstream at {self.latency} ms"


@dataclass(frozen=True)
class EachCall:
    """What a call in a row costs upstream: requests, units of the budget, connections, bytes."""

    requests: float
    units: float
    connections: float
    bytes_up: float
    bytes_down: float


@dataclass(frozen=True)
class Failure:
    """What could not be measured, of which contender, and why."""

    name: str
    measure: str
    why: str


@dataclass(frozen=True)
class Figures:
    """All figures of one comparison.

    Attributes:
        version: Of this server.
        date: When it was measured.
        machine: On what.
        effort: How often.
        notes: What else to know of these figures, as paragraphs of Markdown.
        start_up: Milliseconds by contender and moment, in the protocol of 2025.
        start_up_2026: In that of 2026.
        in_a_row: Milliseconds of a call.
        processor: Milliseconds of processor time of a call.
        distance: Milliseconds of a call far away, some seconds after the last one.
        terminal: Milliseconds of processor time of a command that makes one request, and until it has ended.
        polling: Following a run of ten minutes.
    """

    version: str
    date: str
    machine: str
    effort: str
    contenders: list[Named]
    memory_calls: int
    notes: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    start_up: dict[str, dict[str, Spread]] = field(default_factory=dict)
    start_up_2026: dict[str, dict[str, Spread]] = field(default_factory=dict)
    in_a_row: dict[str, Spread] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    in_flight: list[InFlight] = field(default_factory=list)
    traffic: dict[str, EachCall] = field(default_factory=dict)
    distance: dict[str, Spread] = field(default_factory=dict)
    terminal: dict[str, tuple[Spread, Spread]] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    sizes: dict[str, Sizes] = field(default_factory=dict)
    instructions: dict[str, Instructions] = field(default_factory=dict)
    polling: list[Row] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    @classmethod
    def of(cls, results: Results, contenders: Sequence[Contender], effort: Effort) -> Self:
        """Return the figures of what was measured now."""
        return cls(
            version=__version__,
            date=time.strftime("%Y-%m-%d", time.gmtime()),
            machine=f"{processor()}, {cores()} cores, {platform.system()}, Python {platform.python_version()}",
            effort=effort.text,
            contenders=[Named(one.name, one.title, one.transport.value) for one in contenders],
            memory_calls=effort.memory_calls,
            goals=goals(results),
            start_up=_moments(results.start_up),
            start_up_2026=_moments(results.start_up_2026),
            in_a_row={name: Spread.of_turns(turns) for name, turns in results.in_a_row.items()},
            processor={
                name: seconds * 1_000 / results.calls_in_a_row(name)
                for name, seconds in results.processor.items()
                if seconds
            },
            in_flight=_in_flight(results),
            traffic=_each_call(results),
            distance={name: Spread.of(times) for name, times in results.distance.items()},
            terminal={name: (Spread.of(one.worked), Spread.of(one.took)) for name, one in results.terminal.items()},
            memory=results.memory,
            sizes=results.sizes,
            instructions=results.instructions,
            polling=results.polling,
            versions={name: dict(those) for name, those in results.versions.items()},
            failures=[Failure(name, measure, why) for (name, measure), why in results.failures.items()],
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read stored figures."""
        return TypeAdapter(cls).validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Store them, as JSON."""
        path.write_bytes(TypeAdapter(type(self)).dump_json(self, indent=1) + b"\n")


def _moments(measured: Mapping[str, StartUp]) -> dict[str, dict[str, Spread]]:
    return {
        name: {moment: Spread.of(getattr(times, moment)) for moment in MOMENTS if getattr(times, moment)}
        for name, times in measured.items()
    }


def _in_flight(results: Results) -> list[InFlight]:
    found = []
    for (count, latency), flights in results.in_flight.items():
        measured = {}
        for name, flight in flights.items():
            times = Spread.of(flight.times)
            measured[name] = Rates(Spread.of(flight.rates), times.median, times.p99)
        found.append(InFlight(count, latency, measured))
    return found


def _each_call(results: Results) -> dict[str, EachCall]:
    return {
        name: EachCall(**{each: count / results.calls_in_a_row(name) for each, count in asdict(traffic).items()})
        for name, traffic in results.traffic.items()
    }
