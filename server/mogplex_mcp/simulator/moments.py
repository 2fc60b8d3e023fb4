"""Points in time as Mogplex writes them."""

from datetime import UTC, datetime


def iso(at: float) -> str:
    """Write epoch seconds the way the API does: 0 to 6 fraction digits and `+00:00` (observed, section 2)."""
    moment = datetime.fromtimestamp(round(at, 6), tz=UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{text}.{fraction}+00:00" if fraction else f"{text}+00:00"


def iso_or_none(at: float | None) -> str | None:
    """Write epoch seconds like `iso`, or null for a moment that has not come."""
    return None if at is None else iso(at)


def epoch(text: str) -> float:
    """Read an ISO 8601 moment with an offset as epoch seconds.

    Raises:
        ValueError: the text is no such moment.
    """
    return datetime.fromisoformat(text).timestamp()
