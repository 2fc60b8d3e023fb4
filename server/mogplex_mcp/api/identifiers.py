"""Ids of Mogplex are UUIDs: checked before sending, since the API answers anything else with a 500 or a 503."""

import re

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.text import one_line

_UUID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})")


def check_uuid(text: str, what: str) -> str:
    """The canonical form of a UUID: lower case, with dashes (mogplex-api.md, section 2, "Auth and paths").

    Args:
        text: A UUID; upper case and forms without dashes are fine.
        what: The argument's name, such as "run_id".

    Raises:
        MogplexError: `INVALID_ARGUMENT`, when it is no UUID.
    """
    match = _UUID.fullmatch(text.strip().lower())
    if match:
        return "-".join(match.groups())
    kind = what.removesuffix("_id").replace("_", " ")
    raise MogplexError(
        ErrorCode.INVALID_ARGUMENT,
        f"{what} must be a Mogplex {kind} id (a UUID such as 75ce86aa-b59e-5f62-9d77-426c941e3c32), "
        f'got "{one_line(text, 60)}".',
    )
