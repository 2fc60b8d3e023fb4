"""What was measured, by the names of contenders."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.compare.traffic import Traffic


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
class Memory:
    """What a process held, in bytes: before any call, after a tenth of the calls, after all of them."""

    start: int
    after_tenth: int
    after_all: int
    calls: int


@dataclass(frozen=True)
class Sizes:
    """Bytes of whole answers, and of what in them reaches a model.

    Attributes:
        tools_list: The whole answer.
        answer: The whole answer to list_repos.
        text: Of it, the text; what clients show that look at the text.
        structured: Of it, the structured content as compact JSON; 0 for none.
        told_in_text: Of how many repositories the text tells enough to work on them.
        told_in_structured: The same of the structured content.
    """

    tools_list: int
    answer: int
    text: int
    structured: int
    told_in_text: int
    told_in_structured: int

    @property
    def reaching(self) -> int:
        """What reaches a model: the larger form, among those that tell of most repositories."""
        forms = (self.told_in_text, self.text), (self.told_in_structured, self.structured)
        return max(forms)[1]

    @property
    def told(self) -> int:
        """Of how many repositories a model learns in any client: in the poorer form that tells of any."""
        return min((told for told in (self.told_in_text, self.told_in_structured) if told), default=0)


@dataclass(frozen=True)
class Instructions:
    """Instructions executed.

    Attributes:
        listed: From the start until tools/list was answered.
        whole: From the start through tools/list to the end of the process, without any call.
        first_call: Of the first call.
        call: Of each further one.
    """

    listed: int
    whole: int
    first_call: int
    call: int


@dataclass
class Results:
    """Everything that was measured in one run.

    Attributes:
        start_up: In the protocol of 2025.
        start_up_2026: In that of 2026.
        in_a_row: Milliseconds of each call, one after the other.
        traffic: Upstream, of the calls in a row.
        processor: Seconds of processor time that the contender spent on them.
        in_flight: By contender, calls in flight and milliseconds of the upstream.
        failures: What could not be measured and why, by contender and measure.
    """

    start_up: dict[str, StartUp] = field(default_factory=dict)
    start_up_2026: dict[str, StartUp] = field(default_factory=dict)
    in_a_row: dict[str, list[float]] = field(default_factory=dict)
    traffic: dict[str, Traffic] = field(default_factory=dict)
    processor: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    in_flight: dict[tuple[str, int, int], Flight] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    sizes: dict[str, Sizes] = field(default_factory=dict)
    instructions: dict[str, Instructions] = field(default_factory=dict)
    polling: str = ""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
