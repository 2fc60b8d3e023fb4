"""How much is measured: rounds and calls, so that a whole run takes minutes."""

from dataclasses import dataclass, replace
from typing import Final

MEASURES: Final = ("start", "row", "flight", "distance", "terminal", "memory", "sizes", "instructions", "polling")
"""What can be measured."""


@dataclass(frozen=True)
class Crowd:
    """Calls that are kept in flight.

    Attributes:
        count: How many.
        latency: How many milliseconds the upstream takes.
        turns: How often each contender has its turn.
    """

    count: int
    latency: int
    turns: int

    @property
    def measure(self) -> str:
        """What is measured with it."""
        return f"{self.count} in flight at {self.latency} ms"


@dataclass(frozen=True)
class Effort:
    """How much of each.

    Attributes:
        measures: What is measured at all.
        starts: Of each contender that the goals name.
        starts_of_others: Of each of the others.
        rounds: In how many turns the calls in a row are made, contender after contender.
        calls_in_a_row: Of each contender, in all turns.
        slowest_seconds: Longest turn of sequential calls; slow contenders make fewer.
        crowds: Calls in flight.
        flight_seconds: How long calls in flight are counted, in each turn.
        flight_warm_seconds: How long each turn waits at most before that, until as many were answered as are in flight.
        flight_rest_seconds: How long it waits at most after that for what is still in flight.
        pauses: Calls far away, each after a pause.
        memory_calls: After how many calls the memory is looked at.
        memory_seconds: Contenders that would take longer for them stop before.
        memory_trial_seconds: After so long it shows who that is.
        counted_calls: Calls whose instructions are counted, in addition to the first.
    """

    measures: tuple[str, ...] = MEASURES
    starts: int = 15
    starts_of_others: int = 5
    rounds: int = 10
    calls_in_a_row: int = 1_000
    slowest_seconds: float = 1.5
    # More turns where a goal is judged.
    crowds: tuple[Crowd, ...] = (
        Crowd(32, 0, 1),
        Crowd(32, 20, 3),
        Crowd(32, 100, 1),
        Crowd(200, 0, 1),
        Crowd(200, 20, 1),
        Crowd(200, 100, 3),
    )
    flight_seconds: float = 2.0
    flight_warm_seconds: float = 2.5
    flight_rest_seconds: float = 2.5
    pauses: int = 5
    memory_calls: int = 10_000
    memory_seconds: float = 150.0
    memory_trial_seconds: float = 10.0
    counted_calls: int = 10

    @property
    def text(self) -> str:
        """How often what was measured, as a sentence."""
        crowds = ", ".join(f"{crowd.measure} in {crowd.turns}" for crowd in self.crowds)
        return (
            f"{self.starts} starts of each contender that the goals name, {self.starts_of_others} of the others; "
            f"calls in a row in {self.rounds} turns; {crowds}."
        )

    def in_turns(self, turns: int) -> "Effort":
        """The same with so many starts, and so many turns of calls."""
        crowds = tuple(replace(crowd, turns=turns) for crowd in self.crowds)
        return replace(self, starts=turns, starts_of_others=turns, rounds=turns, crowds=crowds)


FULL: Final = Effort()
QUICK: Final = Effort(
    measures=("start", "row", "flight", "sizes"),
    starts=3,
    starts_of_others=3,
    rounds=2,
    calls_in_a_row=200,
    slowest_seconds=1.0,
    crowds=(Crowd(32, 20, 1), Crowd(200, 100, 1)),
    flight_seconds=1.0,
    flight_warm_seconds=2.0,
    memory_calls=2_000,
    memory_seconds=30.0,
    memory_trial_seconds=3.0,
    counted_calls=4,
)
