"""Write and read identifiers and timestamps the way the Mogplex API does."""

import re
import uuid
from datetime import UTC, datetime

_STRICT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_POSTGRES = re.compile(r"(\{)?([0-9a-f]{4}-?){7}[0-9a-f]{4}(?(1)\})\Z", re.IGNORECASE)


def new_id() -> str:
    """Return a new random UUID."""
    return str(uuid.uuid4())


def derived_id(*parts: object) -> str:
    """Return a UUID derived from the parts, so that two reads of a scripted run show the same ids."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(map(str, parts))))


def is_plain_uuid(text: str) -> bool:
    """Whether the text is a UUID in its usual spelling, in either case."""
    return _STRICT.match(text) is not None


def canonical(text: str) -> str | None:
    """Parse a UUID as PostgreSQL does: upper case, without dashes and in braces are all valid.

    Returns:
        The usual spelling, or None if the database would reject the text (the API then responds with 500).
    """
    if _POSTGRES.match(text) is None:
        return None
    return str(uuid.UUID(text.strip("{}").replace("-", "")))


def iso(at: float) -> str:
    """Format epoch seconds as the API does: 0 to 6 fraction digits and `+00:00` (observed)."""
    moment = datetime.fromtimestamp(round(at, 6), tz=UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{text}.{fraction}+00:00" if fraction else f"{text}+00:00"


def iso_or_none(at: float | None) -> str | None:
    """Format epoch seconds like `iso`; None stays None."""
    return None if at is None else iso(at)


def epoch(text: str) -> float:
    """Parse an ISO 8601 time with an offset into epoch seconds.

    Raises:
        ValueError: the text isn't such a time.
    """
    return datetime.fromisoformat(text).timestamp()
