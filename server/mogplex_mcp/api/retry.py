"""What is tried again, how often and after which pause (mogplex-api.md, section 3, point 3)."""

from collections.abc import Awaitable, Callable

import anyio
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential

from mogplex_mcp.api.answers import RUN_LIMITER_UNAVAILABLE
from mogplex_mcp.api.errors import ErrorCode, MogplexError

MAX_TRIES = 3

_PASSING_STATUSES = (429, 502, 503, 504)
_growing = wait_exponential(multiplier=0.5, max=4)
_enough = stop_after_attempt(MAX_TRIES)


def retrying(
    *,
    repeatable: bool,
    changes: bool,
    sleep: Callable[[float], Awaitable[None]],
    random: Callable[[], float],
) -> AsyncRetrying:
    """Calls a function again while its `MogplexError` says that this can help; the last error is raised.

    Args:
        repeatable: Whether doing it twice does no more than doing it once.
        changes: Whether it changes something.
        sleep: Waits between tries.
        random: A number from 0 to 1, for the jitter of those waits.
    """

    def is_worth_it(error: BaseException) -> bool:
        if not repeatable or not isinstance(error, MogplexError):
            return False
        if error.code in (ErrorCode.UNREACHABLE, ErrorCode.CONNECTION_LOST):
            return True
        if error.code is ErrorCode.TIMED_OUT:
            return not changes  # a start that hangs would only spend more of the quota of starts
        return error.status in _PASSING_STATUSES and RUN_LIMITER_UNAVAILABLE not in error.message

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, MogplexError):
            if error.retry_after is not None:
                return error.retry_after
            if error.code is ErrorCode.CONNECTION_LOST and state.attempt_number == 1:
                return 0.0  # an idle connection that the server had closed: a fresh one works at once
        return _growing(state) * (0.5 + 0.5 * random())

    return AsyncRetrying(
        retry=retry_if_exception(is_worth_it),
        wait=pause,
        stop=lambda state: _enough(state) or _is_too_late(state),
        sleep=sleep,
        reraise=True,
    )


def _is_too_late(state: RetryCallState) -> bool:
    """Whether the deadline comes before the next try: then the last error says more than "timed out" would."""
    return anyio.current_time() + state.upcoming_sleep >= anyio.current_effective_deadline()
