"""What a token may do, found out by requests that change nothing and start nothing."""

from collections.abc import Awaitable
from typing import Final

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError

NO_RUN: Final = "00000000-0000-4000-8000-000000000000"
"""No run has this id: cancelling it changes nothing, and what comes back tells whether the token may write."""


async def scopes_of(mogplex: Mogplex) -> list[str]:
    """The scopes of a token, for two requests.

    Raises:
        MogplexError: It cannot be known; `UNAUTHORIZED` if the token is none.
    """
    return [
        *(["read"] if await _is_allowed(mogplex.list_agents()) else []),
        *(["write"] if await _is_allowed(mogplex.cancel_run(NO_RUN)) else []),
    ]


async def _is_allowed(request: Awaitable[object]) -> bool:
    try:
        await request
    except MogplexError as error:
        if error.code is ErrorCode.FORBIDDEN:
            return False
        if error.code is not ErrorCode.NOT_FOUND:
            raise
    return True
