"""The names nearest to a mistyped one."""

from collections.abc import Sequence
from typing import Final

_MOST: Final = 3
_SIMILAR: Final = 0.6
# Comparing takes time that grows with the square of the length.
_LONGEST: Final = 64


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """Return up to three known names that are similar, the most similar first; if none is, the nearest three."""
    from difflib import SequenceMatcher  # noqa: PLC0415 - --help imports this, and rarely needs it

    wanted = name.strip().lower()[:_LONGEST]

    def likeness(one: str) -> float:
        begins = len(wanted) > 1 and (one.startswith(wanted) or wanted.startswith(one))
        return begins + SequenceMatcher(None, one, wanted).ratio()

    ranked = sorted(((likeness(one), one) for one in known), key=lambda pair: -pair[0])[:_MOST]
    return [one for rank, one in ranked if rank >= _SIMILAR] or [one for _, one in ranked]
