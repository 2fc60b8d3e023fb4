"""The time of day at Mogplex, so that the ages of its runs are measured on the clock that dated them.

The clock of this machine may be off by minutes, or be set while a call waits. `Date` says what time it is at Mogplex
(RFC 9110, section 6.6.1); the monotonic clock says how long ago that was.
"""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

import anyio

_TOLERANCE_SECONDS: Final = 5.0
"""How far a response may be behind the clock without setting it back."""

_FORWARD_SECONDS: Final = 60.0
"""How far one response alone may set the clock forward; if it is further, the next one has to agree."""


class ServerClock:
    """The time of day at Mogplex.

    Args:
        now: The time of day of this machine, in seconds since the epoch: used until a response has a `Date`.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        # Seconds by which the time at Mogplex is ahead of the clock of the event loop.
        self._ahead: float | None = None
        # The same, as the latest response said that is too far ahead to be followed alone.
        self._doubted: float | None = None

    @property
    def is_set(self) -> bool:
        """Whether a response has said what time it is at Mogplex."""
        return self._ahead is not None

    def now(self) -> float:
        """Return the time of day at Mogplex, in seconds since the epoch."""
        return self._now() if self._ahead is None else anyio.current_time() + self._ahead

    def set(self, date: str) -> None:
        """Set the clock by the `Date` of a response that has just arrived; change nothing if that isn't a date.

        Nor does a single response that is far ahead set it. By the clock of one wrong machine of many, a run at work
        would seem dead, and a start that was just made would seem old enough for another.
        """
        try:
            ahead = parsedate_to_datetime(date).timestamp() - anyio.current_time()
        except (ValueError, OverflowError):
            return
        if self._ahead is not None and ahead > self._ahead + _FORWARD_SECONDS:
            doubted, self._doubted = self._doubted, ahead
            if doubted is None or abs(ahead - doubted) > _FORWARD_SECONDS:
                return
        self._doubted = None
        # A date has whole seconds and was some time on its way, so the latest time that any of them says is the best:
        # the clock is left as it is only where this one says the same or a little less.
        if self._ahead is None or not ahead <= self._ahead <= ahead + _TOLERANCE_SECONDS:
            self._ahead = ahead
