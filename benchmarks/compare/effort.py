"""How much is measured: rounds and calls, so that a whole run takes minutes."""

from dataclasses import dataclass
from typing import Final

MEASURES: Final = ("start", "row", "flight", "memory", "sizes", "instructions", "polling")
"""What can be measured."""


@dataclass(frozen=True)
class Effort:
    """How much of each.

    Attributes:
        measures: What is measured at all.
        starts: Of each contender.
        rounds: In how many turns the calls are made, contender after contender.
        calls_in_a_row: Of each contender, in all turns.
        slowest_seconds: After so long a turn of calls in a row ends, whoever is slow makes fewer.
        flights: How many calls are kept in flight, and how many milliseconds the upstream takes.
        flight_seconds: How long calls in flight are counted, in each turn.
        flight_warm_seconds: How long each turn waits at most before that, until every caller was answered once.
        flight_rounds: Turns of each combination.
        memory_calls: After how many calls the memory is looked at.
        memory_seconds: After so long it is looked at anyhow.
        counted_calls: Calls whose instructions are counted, beside the first.
    """

    measures: tuple[str, ...] = MEASURES
    starts: int = 5
    rounds: int = 5
    calls_in_a_row: int = 1_000
    slowest_seconds: float = 1.5
    flights: tuple[tuple[int, int], ...] = ((32, 0), (32, 20), (32, 100), (200, 0), (200, 20), (200, 100))
    flight_seconds: float = 0.7
    flight_warm_seconds: float = 1.5
    flight_rounds: int = 1
    memory_calls: int = 10_000
    memory_seconds: float = 20.0
    counted_calls: int = 10


FULL: Final = Effort()
QUICK: Final = Effort(
    measures=("start", "row", "flight", "sizes"),
    starts=3,
    rounds=2,
    calls_in_a_row=200,
    slowest_seconds=1.0,
    flights=((32, 20), (200, 100)),
    flight_seconds=0.5,
    flight_warm_seconds=1.0,
    flight_rounds=1,
    memory_calls=2_000,
    memory_seconds=6.0,
    counted_calls=4,
)
