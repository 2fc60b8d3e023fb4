"""The figures of a load test as they are stored, and the page and the plot that are made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import TypeAdapter

from benchmarks.markdown import folded

PAGE: Final = Path(__file__).parents[1] / "docs" / "soak.md"
RESULTS: Final = Path(__file__).parent / "results" / "soak.json"
_MEGABYTE: Final = 1_000_000
_UNITS: Final = 60
_INTRODUCTION: Final = """\
# Load test

{calls:,} calls, of a thousand callers and in a row: {lost} responses lost, {over_budget} requests over the limit of a
token, and {growth:.1%} growth of the memory of a warm process at most. Measured with version {version} on {date}.

![Memory of the server during the load](plots/soak-memory.svg)

{table}

## Run it

```sh
.venv/bin/python -m benchmarks.soak          # about four minutes
.venv/bin/python -m benchmarks.soak --short  # about ten seconds; a test runs the same
.venv/bin/python -m benchmarks.soak --write  # the first, which also writes figures, plot and this page
```

from the root of a checkout. It starts real processes on this machine only, stops by itself, and exits with status 1 if
one of these does not hold:

- **HTTP**: 1,000 callers of 50 tenants follow 200 runs concurrently, from the start of a run to its end. Each receives
  every event exactly once, the pull request and the end.
- **stdio**: 10,000 calls in a row; of those that need a request to Mogplex, as many as one token may make.
- No response is lost, no token exceeds its 60 requests a minute (the simulated Mogplex counts), and the memory of a
  warm process stays within 5 %.

A machine that is too slow for the load responds late, or with an error once a response is late by a tenth of the wait.
The callers call again and lose nothing, but the test counts each as lost.

The figures were measured on two cores, which the simulated Mogplex and the thousand callers shared with the server.
"""


@dataclass(frozen=True)
class Sample:
    """Memory at a time: seconds since the first sample, and bytes."""

    seconds: float
    held: int


@dataclass(frozen=True)
class Load:
    """The figures of one kind of load.

    Attributes:
        least_waiting: The least number of calls in flight; None where there is always one.
        requests: To Mogplex.
        over_budget: Those of them that it refused.
        busiest_minute: The most units of one token in a minute.
        start: Bytes of memory before the first call.
        samples: Memory since the process was warm.
        kept: Whether all limits were kept.
    """

    name: str
    calls: int
    lost: int
    least_waiting: int | None
    seconds: float
    requests: int
    over_budget: int
    busiest_minute: int
    start: int
    samples: list[Sample]
    kept: bool

    @property
    def growth(self) -> float:
        """Return by how much the highest sample exceeds the first, as a fraction."""
        return max(sample.held for sample in self.samples) / self.samples[0].held - 1


@dataclass(frozen=True)
class SoakFigures:
    """All figures of a load test: of which version, when, and of each kind of load."""

    version: str
    date: str
    loads: list[Load]

    @classmethod
    def read(cls) -> Self:
        """Read the stored figures."""
        return TypeAdapter(cls).validate_json(RESULTS.read_bytes())

    def write(self) -> None:
        """Store them, as JSON, and write plot and page."""
        from benchmarks import soak_plot  # noqa: PLC0415 - Matplotlib takes a second to load

        RESULTS.write_bytes(TypeAdapter(type(self)).dump_json(self, indent=1) + b"\n")
        soak_plot.draw(self.loads, RESULTS)
        PAGE.write_text(page(self), encoding="utf-8")


def page(figures: SoakFigures) -> str:
    """Return the page as Markdown."""
    return _INTRODUCTION.format(
        calls=sum(load.calls for load in figures.loads),
        lost=sum(load.lost for load in figures.loads),
        over_budget=sum(load.over_budget for load in figures.loads),
        growth=max(load.growth for load in figures.loads),
        version=figures.version,
        date=figures.date,
        table=folded("All figures", table(figures.loads)),
    )


def table(loads: Sequence[Load]) -> str:
    """Return the figures as a table in Markdown."""
    rows: list[tuple[str, Callable[[Load], str]]] = [
        ("Calls answered", lambda one: f"{one.calls:,}"),
        ("Responses lost", lambda one: f"{one.lost}"),
        ("Calls in flight, at least", lambda one: "1" if one.least_waiting is None else f"{one.least_waiting:,}"),
        ("Seconds", lambda one: f"{one.seconds:.0f}"),
        ("Calls a second", lambda one: f"{one.calls / one.seconds:.0f}"),
        ("Requests to Mogplex", lambda one: f"{one.requests:,}"),
        ("Requests over the budget", lambda one: f"{one.over_budget}"),
        ("Most units of one token in a minute", lambda one: f"{one.busiest_minute} of {_UNITS}"),
        ("Memory before the first call", lambda one: _megabytes(one.start)),
        ("Memory when warm", lambda one: _megabytes(one.samples[0].held)),
        ("Memory at the end", lambda one: _megabytes(one.samples[-1].held)),
        ("Highest growth since warm", lambda one: f"{one.growth:.1%}"),
        ("All limits kept", lambda one: "yes" if one.kept else "NO"),
    ]
    lines = ["| | " + " | ".join(one.name for one in loads) + " |", "|---|" + "---:|" * len(loads)]
    lines += [f"| {name} | " + " | ".join(map(cell, loads)) + " |" for name, cell in rows]
    return "\n".join(lines)


def _megabytes(count: int) -> str:
    return f"{count / _MEGABYTE:.1f} MB"
