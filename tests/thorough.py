"""A share of large tables in each run of the suite; all of them with MOGPLEX_TEST_THOROUGH=1."""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")
U = TypeVar("U")

THOROUGH: Final = os.environ.get("MOGPLEX_TEST_THOROUGH", "") not in {"", "0"}


def share(values: Sequence[T], at: int, of: int = 4) -> Sequence[T]:
    """One in `of` of the values, beginning with the one at `at`, so that all are in the shares of `of` neighbours."""
    return values if THOROUGH else values[at % of :: of]


def crossed(first: Sequence[T], second: Sequence[U], of: int = 4) -> list[tuple[T, U]]:
    """Pairs of two tables: each value of the first with a share of the second, and so the other way round."""
    return [(one, other) for at, one in enumerate(first) for other in share(second, at, of)]
