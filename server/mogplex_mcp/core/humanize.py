"""Durations, times and counts as text for people and models."""

from datetime import datetime
from typing import Final

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def duration(seconds: float) -> str:
    """Format seconds as "42 s", "3 min", "2 h" or "5 d"."""
    seconds = max(0.0, seconds)
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def ago(time: datetime | None, now: datetime) -> str:
    """Format a time as "2026-11-22T10:42Z (3 min ago)"; "" if it is not known."""
    if time is None:
        return ""
    return f"{time:%Y-%m-%dT%H:%MZ} ({duration((now - time).total_seconds())} ago)"


def counted(number: int, one: str, many: str = "") -> str:
    """Format a number of things, such as "1 run", "3 runs" or "No runs"."""
    return f"1 {one}" if number == 1 else f"{number or 'No'} {many or one + 's'}"
