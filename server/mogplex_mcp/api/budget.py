"""Client-side rate limit: a sliding window over the requests of one token, counted before each request is sent.

Mogplex sends no rate-limit headers (mogplex-api.md, section 2, "Auth and paths"), so the only way to avoid a 429 is to
count. The counts are shared (`RequestCounts`), since several MCP clients of a user run a server each with one token.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

import anyio

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.core.metrics import NO_METRICS, Recorder

_T = TypeVar("_T")

UNITS_PER_MINUTE: Final = 60
WATCHING_UNITS_PER_MINUTE: Final = 30
# Background polling leaves the last units of a minute to the requests of a user, in any process.
RESERVED_FOR_USERS: Final = 6
# Mogplex counts a request when it arrives, this module when it is sent; the margin covers a slow connection.
WINDOW_SECONDS: Final = 62.0
LONGEST_WAIT_SECONDS: Final = 20.0
RESERVED_SECONDS: Final = 1.0
# The longest that is ever asked for: what ends later was written before the clock was set back.
LONGEST_PAUSE_SECONDS: Final = 62.0
# A file that was locked or a disk that was full may be well again.
COUNTS_TRIED_AGAIN_SECONDS: Final = 15.0


class Budget(Protocol):
    """The rate limit of one token (60 requests a minute; mogplex-api.md, section 1, "Rate limits")."""

    async def spend(self, units: int, *, watching: bool) -> None:
        """Wait until `units` requests may be sent, and count them.

        Args:
            units: The cost of the request: 1 for REST, 2 for a hosted tool call.
            watching: Whether this is background polling, which gets half of the rate limit.

        Raises:
            MogplexError: `BUDGET_EXHAUSTED` with `retry_after`, when a user's request would wait too long.
        """

    async def pause(self, seconds: float) -> None:
        """Hold all requests back for `seconds`, after a 429: others use this token too."""


@dataclass(frozen=True)
class Usage:
    """The units spent within the last minute, and where they are counted."""

    units: int
    paused_seconds: float
    shared: bool
    problem: str


class Spent(NamedTuple):
    """A request that was counted."""

    at: float
    units: int
    watching: bool


class RequestCounts(Protocol):
    """The counted requests and the pause of one token, shared by processes. Every method may raise `OSError`.

    Times are seconds since the epoch. Requests further than `window` seconds from a request, on either side, do not
    count: a clock may have been set back.
    """

    async def count_within(self, request: Spent, *, limit: int, window: float, longest_pause: float) -> bool:
        """Count a request of a user in one step if `limit` leaves room for it; return whether it did.

        Args:
            request: The request.
            limit: How many units a window may hold.
            window: Its length in seconds.
            longest_pause: A pause that ends later than this many seconds from now does not count.
        """

    async def count(self, request: Spent, *, window: float, wait: Callable[[Sequence[Spent], float], float]) -> float:
        """Count a request if `wait` returns 0, and return what it returned.

        Args:
            request: The request.
            window: How far back and ahead requests count, in seconds.
            wait: Gets the requests that count and the end of the pause (0 for none), returns the seconds to wait. What
                it gets cannot be changed by another process before this request is counted.
        """

    async def forget(self, *, oldest: float, newest: float) -> None:
        """Drop the requests up to `oldest` and after `newest`, of all tokens."""

    async def pause(self, until: float) -> None:
        """Let nothing be sent before `until`. A pause that ends later stays."""

    async def usage(self, since: float) -> tuple[int, float]:
        """Return the units that were counted after `since`, and the end of the pause, 0 for none."""


def seconds_until_allowed(spent: Sequence[Spent], units: int, *, watching: bool, now: float) -> float:
    """Return the seconds until `units` more may be spent; 0 for now.

    Args:
        spent: The counted requests, in any order.
        units: The cost of the next request.
        watching: Whether that is background polling.
        now: Seconds since the epoch.
    """
    if not watching:
        return _seconds_until_free(spent, units, UNITS_PER_MINUTE, now)
    watched = [one for one in spent if one.watching]
    return max(
        _seconds_until_free(spent, units, UNITS_PER_MINUTE - RESERVED_FOR_USERS, now),
        _seconds_until_free(watched, units, WATCHING_UNITS_PER_MINUTE, now),
        _seconds_until_even(watched, now),
    )


class SharedBudget:
    """A `Budget` that all processes of this user share.

    Where the shared counts cannot be used, the process counts for itself, `usage` says why, and they are tried again
    later.
    """

    def __init__(
        self,
        counts: RequestCounts,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        recorder: Recorder = NO_METRICS,
    ) -> None:
        self._counts = counts
        self._recorder = recorder
        self._now = now
        self._sleep = sleep
        # What this process spent is known here too, so that counts that fail in mid-minute lose nothing of it.
        self._own: list[Spent] = []
        self._own_pause = 0.0
        self._problem = ""
        self._problem_until = 0.0
        self._reserved: deque[float] = deque()
        self._swept_at = 0.0

    async def reserve(self) -> None:
        """Wait until a poll may be sent, however long, and count it; the next `spend` of a poll is free."""
        while (wait := await self._take(1, watching=True)) > 0:
            await self._sleep(wait)
        self._reserved.append(self._now())

    async def spend(self, units: int, *, watching: bool) -> None:
        """See `Budget.spend`. A watcher waits as long as it takes: its caller has a deadline of its own."""
        while watching and self._reserved:
            # A poll that was given up before it was sent has used its time.
            if self._now() - self._reserved.popleft() <= RESERVED_SECONDS:
                return
        while (wait := await self._take(units, watching=watching)) > 0:
            if wait > LONGEST_WAIT_SECONDS and not watching:
                raise MogplexError(
                    ErrorCode.BUDGET_EXHAUSTED,
                    f"the {UNITS_PER_MINUTE} requests a minute that Mogplex allows one token are used up",
                    retry_after=wait,
                )
            await self._sleep(wait)

    async def pause(self, seconds: float) -> None:
        """See `Budget.pause`. An earlier, longer pause stays."""
        until = self._now() + seconds
        self._own_pause = max(self._own_pause, until)
        await self._shared(lambda: self._counts.pause(until), otherwise=None)

    async def usage(self) -> Usage:
        """Return what this token has spent within the last minute, by all servers of this user."""
        now = self._now()
        own = sum(one.units for one in _recent(self._own, now))
        units, until = await self._shared(lambda: self._counts.usage(now - WINDOW_SECONDS), otherwise=(0, 0.0))
        paused = max(until, self._own_pause) - now
        return Usage(max(units, own), max(0.0, paused), shared=not self._problem, problem=self._problem)

    async def _take(self, units: int, *, watching: bool) -> float:
        """Count the request and return 0, or return the seconds until it is worth asking again."""
        now = self._now()
        self._own = _recent(self._own, now)
        wait = max(
            _seconds_of_pause(self._own_pause, now), seconds_until_allowed(self._own, units, watching=watching, now=now)
        )
        request = Spent(now, units, watching)
        if wait <= 0:
            wait = await self._shared(lambda: self._take_shared(request), otherwise=0.0)
        if wait <= 0:
            self._own.append(request)
            self._recorder.budget_spent(units, watching=watching)
        return wait

    async def _take_shared(self, request: Spent) -> float:
        now = request.at
        is_swept = now - WINDOW_SECONDS < self._swept_at <= now
        # Nearly all requests of users can be counted in one step.
        if (
            is_swept
            and not request.watching
            and await self._counts.count_within(
                request, limit=UNITS_PER_MINUTE, window=WINDOW_SECONDS, longest_pause=LONGEST_PAUSE_SECONDS
            )
        ):
            return 0.0
        if not is_swept:
            # Of all tokens: those that come over HTTP and never again must not leave rows behind.
            await self._counts.forget(oldest=now - WINDOW_SECONDS, newest=now + WINDOW_SECONDS)
            self._swept_at = now

        def wait(spent: Sequence[Spent], paused_until: float) -> float:
            return max(
                _seconds_of_pause(paused_until, now),
                seconds_until_allowed(spent, request.units, watching=request.watching, now=now),
            )

        return await self._counts.count(request, window=WINDOW_SECONDS, wait=wait)

    async def _shared(self, operation: Callable[[], Awaitable[_T]], *, otherwise: _T) -> _T:
        """Ask the counts that all processes share, or, while they cannot be used, take what this process knows."""
        if self._problem and self._now() < self._problem_until:
            return otherwise
        try:
            result = await operation()
        except OSError as error:
            self._problem, self._problem_until = str(error), self._now() + COUNTS_TRIED_AGAIN_SECONDS
            return otherwise
        self._problem = ""
        return result


def _seconds_until_free(spent: Sequence[Spent], units: int, limit: int, now: float) -> float:
    """Return the seconds until `units` more fit under `limit` in the sliding window."""
    used = sum(one.units for one in spent)
    if used + units <= limit:
        return 0.0
    wait = 0.0
    for one in sorted(spent):
        used -= one.units
        wait = max(0.0, one.at + WINDOW_SECONDS - now)
        if used + units <= limit:
            break
    return wait


def _seconds_until_even(watched: Sequence[Spent], now: float) -> float:
    """Return the seconds until the next poll, so that the second half of the polling share is spent evenly.

    Otherwise all pollers would send their requests at once, and then get no response for a minute.
    """
    used = sum(one.units for one in watched)
    if 2 * used < WATCHING_UNITS_PER_MINUTE:
        return 0.0
    last = max(watched)
    return max(0.0, last.at + last.units * WINDOW_SECONDS / WATCHING_UNITS_PER_MINUTE - now)


def _seconds_of_pause(until: float, now: float) -> float:
    return max(0.0, until - now) if until - now <= LONGEST_PAUSE_SECONDS else 0.0


def _recent(spent: Sequence[Spent], now: float) -> list[Spent]:
    """Return what is within the window. A clock that was set back must not block for longer than one more window."""
    return [one for one in spent if now - WINDOW_SECONDS < one.at <= now + WINDOW_SECONDS]
