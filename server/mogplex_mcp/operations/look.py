"""A look in place of a wait: what a client that comes back for news, as that of a task does, gets each time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.runs.watch import AGAIN_AFTER_ERROR_SECONDS, FINAL_ERRORS

LOOK_SECONDS: Final = 2.0
"""How long one look waits for its poll, as when the rate limit is used up; then it shows what was seen before."""

REFUSED_SECONDS: Final = 120.0
"""For how long a token may be refused in the middle of a wait before that ends the wait."""


@dataclass(frozen=True)
class Pending:
    """What is still waited for after a look.

    Attributes:
        arguments: The arguments that name it, where the caller left them out.
        message: What happens in it, in words of our own.
        next_seconds: In how many seconds another look is worth its while.
        seen_seconds: How long ago it was seen so, in seconds.
        most_seconds: How long the whole wait may take, in seconds.
    """

    arguments: Mapping[str, str]
    message: str
    next_seconds: float
    most_seconds: float
    seen_seconds: float = 0.0


@dataclass
class Look:
    """A single look in place of a wait.

    Attributes:
        waited: How long the caller has waited with earlier looks, in seconds.
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
def looking(look: Look | None, run_id: str, most_seconds: float) -> Iterator[None]:
    """Note on the look that an error in the block passes, if it does: the wait goes on without an answer.

    Args:
        look: The look; None for a call that waits.
        run_id: What is waited for.
        most_seconds: How long the whole wait may take, in seconds.
    """
    try:
        yield
    except MogplexError as error:
        passes = error.code not in (*FINAL_ERRORS, ErrorCode.UNAUTHORIZED)
        if look is not None and passes and look.waited < most_seconds:
            message = "Mogplex cannot be asked at the moment, trying again"
            pause = max(error.retry_after or 0.0, AGAIN_AFTER_ERROR_SECONDS)
            look.pending = Pending({"run_id": run_id}, message, pause, most_seconds)
        raise
