"""Validation of ids. All are UUIDs; the API responds to any other text with a 500 or a 503, so none is sent."""

import re

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.text import is_plain

_UUID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})")


def canonical_uuid(text: str) -> str | None:
    """Return a UUID in lower case with dashes (mogplex-api.md, section 2, "Auth and paths"); None for anything else.

    Args:
        text: A UUID; upper case and forms without dashes are fine.
    """
    match = _UUID.fullmatch(text.strip().lower())
    return "-".join(match.groups()) if match else None


def not_a_uuid(text: str, kind: str) -> str:
    """Return why a text isn't an id, as the end of a sentence that begins with the name of the argument.

    Args:
        text: The text.
        kind: The kind of the id, such as "run".
    """
    return f" must be a Mogplex {kind} id (a UUID such as 75ce86aa-b59e-5f62-9d77-426c941e3c32), got {_quoted(text)}."


def check_uuid(text: str, what: str) -> str:
    """Return the canonical form of a UUID.

    Args:
        text: A UUID.
        what: The name of the argument, such as "run_id".

    Raises:
        MogplexError: `INVALID_ARGUMENT`, when it isn't a UUID.
    """
    if found := canonical_uuid(text):
        return found
    kind = what.removesuffix("_id").replace("_", " ")
    raise MogplexError(ErrorCode.INVALID_ARGUMENT, what + not_a_uuid(text, kind))


def _quoted(text: str) -> str:
    """Return the text in quotes if it is a plain name, else its length: it may be untrusted."""
    return f'"{text[:60]}"' if is_plain(text) else f"other text of {len(text)} characters"
