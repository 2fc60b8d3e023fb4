"""A poll of a task: what the client that comes back for news gets each time, in place of a wait."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.runs.polling import pause_after
from mogplex_mcp.runs.progress import with_fault
from mogplex_mcp.runs.watch import AGAIN_AFTER_ERROR_SECONDS, FINAL_ERRORS

POLL_SECONDS: Final = 2.0
"""How long a poll waits for Mogplex, as when the rate limit is used up; then it shows what was seen before."""

REFUSED_SECONDS: Final = 120.0
"""For how long a token may be refused in the middle of a wait before that ends the wait."""


@dataclass(frozen=True, kw_only=True)
class Pending:
    """What is still waited for after a poll.

    Attributes:
        arguments: The arguments that name it, where the caller left them out.
        message: What happens in it, in words of our own.
        next_seconds: In how many seconds another poll is worth its while.
        seen_seconds: How long ago it was seen so, in seconds.
        most_seconds: How long the whole wait may take, in seconds.
    """

    arguments: Mapping[str, Any]
    message: str
    next_seconds: float
    most_seconds: float
    seen_seconds: float = 0.0


@dataclass
class TaskPoll:
    """One poll of a task.

    Attributes:
        waited: How long the caller has waited with earlier polls, in seconds.
        pending: Set by an operation that would go on waiting; None if its result is final.
    """

    waited: float = 0.0
    pending: Pending | None = field(default=None, init=False)

    def go_on(self, pending: Pending, *, fault: MogplexError | None) -> None:
        """Note that the wait would go on, unless its time is up.

        Args:
            pending: What is waited for.
            fault: Why the latest poll failed; None if it did not fail.
        """
        # While Mogplex's database is unavailable, every token is refused; one that was revoked is refused for longer.
        refused = fault is not None and fault.code is ErrorCode.UNAUTHORIZED
        if self.waited < pending.most_seconds and not (refused and pending.seen_seconds > REFUSED_SECONDS):
            self.pending = pending


@contextmanager
def noting_faults(poll: TaskPoll | None, arguments: Mapping[str, Any], most_seconds: float) -> Iterator[None]:
    """Note on the poll that an error in the block passes, if it does: the wait goes on without an answer.

    Args:
        poll: The poll; None for a call that waits.
        arguments: The arguments that name what is waited for.
        most_seconds: How long the whole wait may take, in seconds.
    """
    try:
        yield
    except MogplexError as error:
        passes = error.code not in (*FINAL_ERRORS, ErrorCode.UNAUTHORIZED)
        if poll is not None and passes and poll.waited < most_seconds:
            pending = Pending(
                arguments=arguments,
                message=with_fault("", error),
                next_seconds=pause_after(error, AGAIN_AFTER_ERROR_SECONDS),
                most_seconds=most_seconds,
            )
            poll.pending = pending
        raise
