"""When a run is polled: the interval between polls, and a fair queue for the requests that many pollers share."""

import contextlib
import heapq
import itertools
from collections.abc import AsyncIterator
from typing import Final

import anyio
import anyio.lowlevel

from mogplex_mcp.api.errors import MogplexError

JITTER: Final = 0.08
"""The share by which an interval varies, so that pollers that began together spread out."""

# Seconds between polls, by the age of the run in seconds. Frequent while a person is likely to be watching and failures
# are likely; later rare enough that a ten-minute run costs less than eighty requests, and frequent enough that half of
# all events are seen within five seconds.
_INTERVALS: Final = ((6.0, 2.0), (60.0, 5.5))
_LONGEST_INTERVAL: Final = 8.6

# The limit of reads is over after a minute (mogplex-api.md, section 1). A proxy, or a clock that is wrong, can say a
# year, and a run would not be looked at again in the lifetime of this process.
_LONGEST_PAUSE_SECONDS: Final = 300.0


def poll_interval(age: float, random: float) -> float:
    """Return the seconds until the next poll of a run.

    Args:
        age: Seconds since the run was created.
        random: A number from 0 to 1, for the jitter.
    """
    seconds = next((interval for limit, interval in _INTERVALS if age < limit), _LONGEST_INTERVAL)
    return seconds * (1 + JITTER * (2 * random - 1))


def pause_after(error: MogplexError, least: float) -> float:
    """Return the seconds until the next poll after one that failed.

    Args:
        error: Its error, whose `Retry-After` is followed for five minutes at most.
        least: The least seconds.
    """
    return max(min(error.retry_after or 0.0, _LONGEST_PAUSE_SECONDS), least)


class FairQueue:
    """A lock that goes to the poller whose last response is the oldest.

    A first-in, first-out lock would be unfair: callers with short waits leave the queue and come back at its end.
    """

    def __init__(self) -> None:
        self._is_free = True
        self._waiting: list[tuple[float, int, anyio.Event]] = []
        self._sequence = itertools.count()

    @contextlib.asynccontextmanager
    async def turn(self, last_response_at: float) -> AsyncIterator[None]:
        """Wait for the lock and hold it for the block.

        Args:
            last_response_at: When the last response came; the smallest goes first.
        """
        await self._acquire(last_response_at)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, last_response_at: float) -> None:
        acquired = anyio.Event()
        waiter = (last_response_at, next(self._sequence), acquired)
        heapq.heappush(self._waiting, waiter)
        try:
            # Let the others that became due at this moment join the queue before the lock is given away.
            await anyio.lowlevel.checkpoint()
            self._wake_next()
            await acquired.wait()
        except BaseException:
            if acquired.is_set():
                self._release()
            else:
                self._waiting.remove(waiter)
                heapq.heapify(self._waiting)
            raise

    def _release(self) -> None:
        self._is_free = True
        self._wake_next()

    def _wake_next(self) -> None:
        if self._is_free and self._waiting:
            self._is_free = False
            _, _, acquired = heapq.heappop(self._waiting)
            acquired.set()
