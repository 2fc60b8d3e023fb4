"""What is tried again, how often and after which pause (mogplex-api.md, section 3, point 3)."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

from mogplex_mcp.api.answers import RUN_LIMITER_UNAVAILABLE
from mogplex_mcp.api.errors import ErrorCode, MogplexError

MAX_TRIES: Final = 3

_PASSING_STATUSES: Final = (429, 502, 503, 504)
# Before the second try; each further pause is twice as long.
_FIRST_PAUSE_SECONDS: Final = 0.5

T = TypeVar("T")


async def retrying(
    attempt: Callable[[], Awaitable[T]],
    *,
    repeatable: bool,
    changes: bool,
    sleep: Callable[[float], Awaitable[None]],
    random: Callable[[], float],
) -> T:
    """Try something again while its error says that this can help.

    Args:
        attempt: What is tried.
        repeatable: Whether doing it twice does no more than doing it once.
        changes: Whether it changes something.
        sleep: Waits between tries.
        random: A number from 0 to 1, for the jitter of those waits.

    Raises:
        MogplexError: The last one.
    """
    tries = 1
    while True:
        try:
            return await attempt()
        except MogplexError as error:
            if not repeatable or tries == MAX_TRIES or not _may_pass(error, changes=changes):
                raise
            pause = _pause(error, tries, random)
            # When the deadline comes before the next try, this error says more than "timed out" would.
            if anyio.current_time() + pause >= anyio.current_effective_deadline():
                raise
        await sleep(pause)
        tries += 1


def _may_pass(error: MogplexError, *, changes: bool) -> bool:
    if error.code in (ErrorCode.UNREACHABLE, ErrorCode.CONNECTION_LOST):
        return True
    if error.code is ErrorCode.TIMED_OUT:
        return not changes  # a start that hangs would only spend more of the quota of starts
    return error.status in _PASSING_STATUSES and RUN_LIMITER_UNAVAILABLE not in error.message


def _pause(error: MogplexError, tries: int, random: Callable[[], float]) -> float:
    """Seconds until the next try, after so many."""
    if error.retry_after is not None:
        return error.retry_after
    if error.code is ErrorCode.CONNECTION_LOST and tries == 1:
        return 0.0  # an idle connection that the server had closed: a fresh one works at once
    return _FIRST_PAUSE_SECONDS * 2.0 ** (tries - 1) * (0.5 + 0.5 * random())
