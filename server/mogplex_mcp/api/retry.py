"""Retry a request: for which errors (429 among them), how often, with which backoff (mogplex-api.md, section 3)."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.responses import RUN_LIMITER_UNAVAILABLE

MAX_ATTEMPTS: Final = 3

_RETRYABLE_STATUSES: Final = (429, 502, 503, 504)
# Before the second attempt; each further pause is twice as long.
_BACKOFF_SECONDS: Final = 0.5

T = TypeVar("T")


async def retrying(
    attempt: Callable[[], Awaitable[T]],
    *,
    repeatable: bool,
    changes: bool,
    sleep: Callable[[float], Awaitable[None]],
    random: Callable[[], float],
) -> T:
    """Run an attempt, and again while its error is likely to pass.

    Args:
        attempt: Sends the request once.
        repeatable: Whether it is idempotent: twice does no more than once.
        changes: Whether it changes something.
        sleep: Waits between attempts.
        random: A number from 0 to 1, for the jitter of those waits.

    Raises:
        MogplexError: Of the last attempt.
    """
    attempts = 1
    while True:
        try:
            return await attempt()
        except MogplexError as error:
            if not repeatable or attempts == MAX_ATTEMPTS or not _is_retryable(error, changes=changes):
                raise
            pause = _backoff(error, attempts, random)
            # If the deadline comes before the next attempt, this error says more than "timed out".
            if anyio.current_time() + pause >= anyio.current_effective_deadline():
                raise
        await sleep(pause)
        attempts += 1


def _is_retryable(error: MogplexError, *, changes: bool) -> bool:
    if error.code in (ErrorCode.UNREACHABLE, ErrorCode.CONNECTION_LOST):
        return True
    if error.code is ErrorCode.TIMED_OUT:
        return not changes  # a start that hangs would only spend more of the quota of starts
    return error.status in _RETRYABLE_STATUSES and RUN_LIMITER_UNAVAILABLE not in error.message


def _backoff(error: MogplexError, attempts: int, random: Callable[[], float]) -> float:
    """Return the seconds until the next attempt, with jitter; `attempts` were made so far."""
    if error.code is ErrorCode.CONNECTION_LOST and attempts == 1:
        return 0.0  # most likely an idle connection that the server had closed: a new one works at once
    # `Retry-After: 0` is no reason to hurry: the attempts are counted, and so are the requests of a minute.
    return max(error.retry_after or 0.0, _BACKOFF_SECONDS * 2.0 ** (attempts - 1) * (0.5 + 0.5 * random()))
