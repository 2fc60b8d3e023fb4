"""Client-side rate limit: a sliding window over the requests of one token, counted before each request is sent.

Mogplex sends no rate-limit headers (mogplex-api.md, section 2, "Auth and paths"), so the only way not to be refused is
to count. The count is kept in the user's state file: several clients of one user run several bridges with one token.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

import anyio

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.storage.state_file import StateError, StateFile

_T = TypeVar("_T")

# Counts a request if there is room for it and no pause.
_COUNT: Final = """
INSERT INTO requests SELECT :tenant, :now, :units, 0
WHERE :units + (
    SELECT coalesce(sum(units), 0) FROM requests WHERE tenant = :tenant AND at > :oldest AND at <= :newest
) <= :limit
AND NOT EXISTS (SELECT 1 FROM pauses WHERE tenant = :tenant AND until > :now AND until <= :longest_pause)
"""

UNITS_PER_MINUTE: Final = 60
WATCHING_UNITS_PER_MINUTE: Final = 30
# Background polling leaves the last units of a minute to the requests of a user, in any process.
KEPT_FOR_USERS: Final = 6
# Mogplex counts a request when it arrives, this module when it is sent; the margin covers a slow connection.
WINDOW_SECONDS: Final = 62.0
LONGEST_WAIT_SECONDS: Final = 20.0
RESERVED_SECONDS: Final = 1.0
# The longest that is ever asked for: what ends later was written before the clock was set back.
LONGEST_PAUSE_SECONDS: Final = 62.0
# A file that was locked or a disk that was full may be well again.
FILE_TRIED_AGAIN_SECONDS: Final = 15.0


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

    def pause(self, seconds: float) -> None:
        """Send nothing for `seconds`: Mogplex said 429, so others use this token too."""


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
        _seconds_until_free(spent, units, UNITS_PER_MINUTE - KEPT_FOR_USERS, now),
        _seconds_until_free(watched, units, WATCHING_UNITS_PER_MINUTE, now),
        _seconds_until_even(watched, now),
    )


class SharedBudget:
    """A `Budget` that all processes of this user share through the state file.

    Where the file cannot be used, the process counts for itself, `usage` says why, and the file is tried again later.
    """

    def __init__(
        self,
        state: StateFile,
        token: str,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._state = state
        self._token = token
        self._now = now
        self._sleep = sleep
        # What this process spent is known here too, so that a file that fails in mid-minute loses nothing of it.
        self._own: list[Spent] = []
        self._own_pause = 0.0
        self._problem = ""
        self._problem_until = 0.0
        self._reserved: deque[float] = deque()
        self._swept_at = 0.0

    async def reserve(self) -> None:
        """Wait until a poll may be sent, as long as that takes, and count it: the next poll is this one."""
        while (wait := self._take(1, watching=True)) > 0:
            await self._sleep(wait)
        self._reserved.append(self._now())

    async def spend(self, units: int, *, watching: bool) -> None:
        """See `Budget.spend`. A watcher waits as long as it takes: its caller has a deadline of its own."""
        while watching and self._reserved:
            # A poll that was given up before it was sent has used its time.
            if self._now() - self._reserved.popleft() <= RESERVED_SECONDS:
                return
        while (wait := self._take(units, watching=watching)) > 0:
            if wait > LONGEST_WAIT_SECONDS and not watching:
                raise MogplexError(
                    ErrorCode.BUDGET_EXHAUSTED,
                    f"the {UNITS_PER_MINUTE} requests a minute that Mogplex allows one token are used up",
                    retry_after=wait,
                )
            await self._sleep(wait)

    def pause(self, seconds: float) -> None:
        """See `Budget.pause`. An earlier, longer pause stays."""
        until = self._now() + seconds

        def write() -> None:
            tenant = self._state.tenant(self._token)
            with self._state.transaction() as rows:
                rows.execute(
                    "INSERT INTO pauses VALUES (?, ?) ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
                    (tenant, until),
                )

        self._own_pause = max(self._own_pause, until)
        self._shared(write, otherwise=None)

    def usage(self) -> Usage:
        """What this token has spent within the last minute, by all bridges of this user."""
        now = self._now()

        def read() -> tuple[int, float]:
            tenant = self._state.tenant(self._token)
            with self._state.reading() as rows:
                (units,) = rows.execute(
                    "SELECT coalesce(sum(units), 0) FROM requests WHERE tenant = ? AND at > ?",
                    (tenant, now - WINDOW_SECONDS),
                ).fetchone()
                until = rows.execute("SELECT until FROM pauses WHERE tenant = ?", (tenant,)).fetchone()
            return units, until[0] if until else 0.0

        own = sum(one.units for one in _recent(self._own, now))
        units, until = self._shared(read, otherwise=(0, 0.0))
        paused = max(until, self._own_pause) - now
        return Usage(max(units, own), max(0.0, paused), shared=not self._problem, problem=self._problem)

    def _take(self, units: int, *, watching: bool) -> float:
        """Count the request and return 0, or return the seconds until it is worth asking again."""
        now = self._now()
        self._own = _recent(self._own, now)
        wait = max(
            _seconds_of_pause(self._own_pause, now), seconds_until_allowed(self._own, units, watching=watching, now=now)
        )
        if wait <= 0:
            wait = self._shared(lambda: self._take_shared(units, watching=watching, now=now), otherwise=0.0)
        if wait <= 0:
            self._own.append(Spent(now, units, watching))
        return wait

    def _take_shared(self, units: int, *, watching: bool, now: float) -> float:
        tenant = self._state.tenant(self._token)
        window = now - WINDOW_SECONDS, now + WINDOW_SECONDS
        is_swept = window[0] < self._swept_at <= now
        if is_swept and not watching and self._is_counted(tenant, units, window, now):
            return 0.0
        with self._state.transaction() as rows:
            if not is_swept:
                # For everybody: tokens that come over HTTP and never again must not leave rows behind.
                rows.execute("DELETE FROM requests WHERE at <= ? OR at > ?", window)
                self._swept_at = now
            until = rows.execute("SELECT until FROM pauses WHERE tenant = ?", (tenant,)).fetchone()
            wait = _seconds_of_pause(until[0], now) if until else 0.0
            if wait <= 0:
                question = "SELECT at, units, watching FROM requests WHERE tenant = ? AND at > ? AND at <= ?"
                spent = [Spent(*row) for row in rows.execute(question, (tenant, *window))]
                wait = seconds_until_allowed(spent, units, watching=watching, now=now)
            if wait <= 0:
                rows.execute("INSERT INTO requests VALUES (?, ?, ?, ?)", (tenant, now, units, int(watching)))
        return wait

    def _is_counted(self, tenant: str, units: int, window: tuple[float, float], now: float) -> bool:
        """Count a user's request in one step, as nearly all can be; False where there is more to look at."""
        values: dict[str, str | float] = {
            "tenant": tenant,
            "now": now,
            "units": units,
            "oldest": window[0],
            "newest": window[1],
            "limit": UNITS_PER_MINUTE,
            "longest_pause": now + LONGEST_PAUSE_SECONDS,
        }
        return self._state.change(_COUNT, values) == 1

    def _shared(self, operation: Callable[[], _T], *, otherwise: _T) -> _T:
        """Do it in the file that all processes share, or, while that cannot be used, take what this one knows."""
        if self._problem and self._now() < self._problem_until:
            return otherwise
        try:
            result = operation()
        except StateError as error:
            self._problem, self._problem_until = str(error), self._now() + FILE_TRIED_AGAIN_SECONDS
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
