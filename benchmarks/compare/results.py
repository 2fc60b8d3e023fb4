"""What was measured, by the names of contenders."""

import contextlib
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.compare.client import reason
from benchmarks.compare.traffic import Traffic
from benchmarks.polling import Row

ALL_CONTENDERS = "all contenders"
"""Stands for all contenders where a failure is not one's own."""


@dataclass(frozen=True)
class Spread:
    """Some measurements of one thing, in its unit."""

    median: float
    p99: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[round(0.99 * (len(ordered) - 1))], ordered[0], ordered[-1])

    @classmethod
    def of_turns(cls, turns: Sequence[Sequence[float]]) -> "Spread":
        """The spread of all values of several turns; its p99 is the median of those of the turns."""
        whole = cls.of([value for turn in turns for value in turn])
        return replace(whole, p99=statistics.median(cls.of(turn).p99 for turn in turns))


@dataclass
class StartUp:
    """Milliseconds from the start of a process until it had answered, one item for each start."""

    first: list[float] = field(default_factory=list)
    listed: list[float] = field(default_factory=list)
    called: list[float] = field(default_factory=list)


@dataclass
class Flight:
    """Many calls at the same time: calls a second, one item for each turn; milliseconds of each call."""

    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Command:
    """A command in a terminal: milliseconds until it ended, and of processor time, one item for each time."""

    took: list[float]
    worked: list[float]


@dataclass(frozen=True)
class Memory:
    """What a process held, in bytes.

    Attributes:
        start: Before any call.
        after_tenth: After a tenth of the calls that were meant to be made; None when there were not as many.
        after_all: After all that were made.
        calls: How many that were.
        wanted: How many were planned; slow contenders make fewer.
    """

    start: int
    after_tenth: int | None
    after_all: int
    calls: int
    wanted: int

    @property
    def growth(self) -> float | None:
        """As a share of what was held after the tenth, once all calls were made."""
        whole = self.calls == self.wanted
        return self.after_all / self.after_tenth - 1 if whole and self.after_tenth is not None else None


@dataclass(frozen=True)
class Sizes:
    """Bytes of whole answers, and of what in them reaches a model.

    Attributes:
        tools_list: The whole answer.
        answer: The whole answer to list_repos.
        text: Of it, the text; what clients show that look at the text.
        structured: Of it, the structured content as compact JSON; 0 for none.
        reported_in_text: Of how many repositories the text tells enough to work on them.
        reported_in_structured: The same of the structured content.
    """

    tools_list: int
    answer: int
    text: int
    structured: int
    reported_in_text: int
    reported_in_structured: int

    @property
    def reaching(self) -> int:
        """What reaches a model: the larger form, among those that tell of most repositories."""
        forms = (self.reported_in_text, self.text), (self.reported_in_structured, self.structured)
        return max(forms)[1]

    @property
    def reported(self) -> int:
        """Return the number of repositories that a model sees in any client: those in the shorter form that has any."""
        return min(
            (reported for reported in (self.reported_in_text, self.reported_in_structured) if reported), default=0
        )


@dataclass(frozen=True)
class Instructions:
    """Instructions executed.

    Attributes:
        listed: All from the start until tools/list was answered.
        called: From the start through that until a first call was answered.
        call: Of each further one.
    """

    listed: int
    called: int
    call: int


@dataclass
class Results:
    """Everything that was measured in one run.

    Attributes:
        start_up: In the protocol of 2025.
        start_up_2026: In that of 2026.
        in_a_row: Milliseconds of each call, one after the other; turn by turn.
        traffic: Upstream, of the calls in a row.
        processor: Seconds of processor time that the contender spent on them.
        in_flight: By how many calls and by milliseconds of the upstream; of each contender.
        distance: Milliseconds of each call that was made far away, some seconds after the last one.
        terminal: A command that makes one request.
        versions: What is installed, by environment.
        failures: What could not be measured and why, by contender and measure.
    """

    start_up: dict[str, StartUp] = field(default_factory=dict)
    start_up_2026: dict[str, StartUp] = field(default_factory=dict)
    in_a_row: dict[str, list[list[float]]] = field(default_factory=dict)
    traffic: dict[str, Traffic] = field(default_factory=dict)
    processor: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    in_flight: dict[tuple[int, int], dict[str, Flight]] = field(default_factory=dict)
    distance: dict[str, list[float]] = field(default_factory=dict)
    terminal: dict[str, Command] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    sizes: dict[str, Sizes] = field(default_factory=dict)
    instructions: dict[str, Instructions] = field(default_factory=dict)
    polling: list[Row] = field(default_factory=list)
    versions: dict[str, Mapping[str, str]] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)

    def calls_in_a_row(self, name: str) -> int:
        """How many calls one after the other a contender has answered."""
        return sum(map(len, self.in_a_row.get(name, ())))

    def leave_out_failed(self, measure: str, *tables: dict[str, Any]) -> None:
        """Take who failed in a measure out of its tables, by name: it is not judged by what it did before."""
        for name, failed_in in self.failures:
            if failed_in == measure:
                for table in tables:
                    table.pop(name, None)

    @contextlib.contextmanager
    def noting(self, name: str, measure: str) -> Iterator[None]:
        """Record a failure in the block, and continue.

        Args:
            name: Of the contender, or `ALL_CONTENDERS`.
            measure: What is measured in the block.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a contender may fail in any way, and the others' numbers would be lost
            self.failures[name, measure] = reason(error)
