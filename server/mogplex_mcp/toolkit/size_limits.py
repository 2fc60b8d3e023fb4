"""Limits of the size of a call's arguments, checked before anything is done with each of them.

A caller is unknown until Mogplex has answered, and one event loop serves all: what a call may cost must not grow with
what it carries. No sensible call comes near these limits.
"""

from collections.abc import Mapping
from typing import Any, Final

from mogplex_mcp.operations.errors import InvalidArgumentError

MOST_ARGUMENTS: Final = 64
MOST_VALUES: Final = 10_000
"""In one argument, however deep."""

MOST_CHARACTERS: Final = 200_000
"""In one argument, names of fields included."""

DEEPEST: Final = 60
_MOST_BITS: Final = 1_024
"""Of a whole number: the range of a double."""


def check_size(name: str, value: Any) -> None:
    """Refuse a value that is too large, too deep or too long; stop at the first excess.

    Args:
        name: The name of the argument.
        value: Its value, as it was parsed from JSON.

    Raises:
        InvalidArgumentError: It is over a limit.
    """
    values = characters = depth = 0
    level = [value]
    while level:
        values += len(level)
        depth += 1
        _refuse(name, values > MOST_VALUES, f"holds more than {MOST_VALUES} values")
        _refuse(name, depth > DEEPEST, f"is nested more than {DEEPEST} levels deep")
        below: list[Any] = []
        for one in level:
            if isinstance(one, str):
                characters += len(one)
            elif isinstance(one, int):
                _refuse(name, one.bit_length() > _MOST_BITS, "holds a number that is too large")
            elif isinstance(one, (list, Mapping)):
                _refuse(name, values + len(below) + len(one) > MOST_VALUES, f"holds more than {MOST_VALUES} values")
                below.extend(one.values() if isinstance(one, Mapping) else one)
                characters += sum(map(len, one)) if isinstance(one, Mapping) else 0
        _refuse(name, characters > MOST_CHARACTERS, f"holds more than {MOST_CHARACTERS} characters")
        level = below


def _refuse(name: str, over: bool, problem: str) -> None:
    if over:
        raise InvalidArgumentError(f"{name} {problem}; send less")
