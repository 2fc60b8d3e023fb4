"""Identifiers: what Mogplex accepts as one, and new ones."""

import re
import uuid

_STRICT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_POSTGRES = re.compile(r"(\{)?([0-9a-f]{4}-?){7}[0-9a-f]{4}(?(1)\})\Z", re.IGNORECASE)


def new_id() -> str:
    """Make a new random UUID."""
    return str(uuid.uuid4())


def derived_id(*parts: object) -> str:
    """Make the UUID that the same parts always give: what a script shows must not change between two looks."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(map(str, parts))))


def is_plain_uuid(text: str) -> bool:
    """Whether the text is a UUID in its usual spelling, in either case."""
    return _STRICT.match(text) is not None


def canonical(text: str) -> str | None:
    """Read a UUID as its database does: upper case, without dashes and in braces are all fine.

    Returns:
        The usual spelling, or None where the database would refuse the text (and the API answers 500).
    """
    if _POSTGRES.match(text) is None:
        return None
    return str(uuid.UUID(text.strip("{}").replace("-", "")))
