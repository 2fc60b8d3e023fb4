"""The names nearest to a mistyped one."""

from collections.abc import Sequence
from typing import Final

_MOST: Final = 3
_SIMILAR: Final = 0.6
# Comparing takes time that grows with the square of the length.
_LONGEST: Final = 64


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return "did you mean a or b?" with up to three similar names; if none is, "the nearest are a, b, c"."""
    return did_you_mean(name, known) or f"the nearest are {', '.join(one for _, one in _ranked(name, known))}"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return "did you mean a or b?" with up to three similar names; "" if none is."""
    near = similar(name, known)
    return f"did you mean {' or '.join(near)}?" if near else ""


def similar(name: str, known: Sequence[str]) -> list[str]:
    """Return up to three known names that are similar, the most similar first; none if none is."""
    return [one for rank, one in _ranked(name, known) if rank >= _SIMILAR]


def _ranked(name: str, known: Sequence[str]) -> list[tuple[float, str]]:
    from difflib import SequenceMatcher  # noqa: PLC0415 - --help imports this, and rarely needs it

    wanted = name.strip().lower()[:_LONGEST]

    def likeness(one: str) -> float:
        begins = len(wanted) > 1 and (one.startswith(wanted) or wanted.startswith(one))
        return begins + SequenceMatcher(None, one, wanted).ratio()

    return sorted(((likeness(one), one) for one in known), key=lambda pair: -pair[0])[:_MOST]
