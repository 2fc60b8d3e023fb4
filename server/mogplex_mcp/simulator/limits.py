"""Rate limits: 60 units a minute per token, and quotas for run starts."""

from collections import defaultdict, deque
from collections.abc import Callable

UNITS_PER_MINUTE = 60
MINUTE = 60.0
RETRY_AFTER = 60
"""`Retry-After` in seconds, which does not depend on when the window opens (observed)."""

_HOUR = 3_600.0
_DAY = 86_400.0
# Window in seconds, starts allowed, and the observed `Retry-After`: 60 s, half an hour, 14 hours.
_QUOTAS = ((MINUTE, 10, 60), (_HOUR, 30, 1_800), (_DAY, 150, 50_400))


class RateLimit:
    """A sliding window of 60 units in 60 seconds per token.

    Args:
        now: epoch seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._spent: dict[str, deque[float]] = defaultdict(deque)

    def spend(self, token: str) -> bool:
        """Spend one unit of a token; False if none is left (a rejected request costs nothing)."""
        timestamps = self._spent[token]
        now = self._now()
        while timestamps and timestamps[0] <= now - MINUTE:
            timestamps.popleft()
        if len(timestamps) >= UNITS_PER_MINUTE:
            return False
        timestamps.append(now)
        return True

    def forget(self) -> None:
        """Reset the window of every token."""
        self._spent.clear()


class StartQuotas:
    """Run starts per token: 10 a minute, 30 an hour, 150 a day.

    Args:
        now: epoch seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._starts: dict[str, list[float]] = defaultdict(list)

    def fill(self, token: str, count: int, *, age: float) -> None:
        """Record `count` starts `age` seconds ago, for tests."""
        self._starts[token].extend([self._now() - age] * count)

    def spend(self, token: str) -> int | None:
        """Spend one start.

        Returns:
            None if the quota allowed it, else the seconds for `Retry-After`.
        """
        now = self._now()
        starts = self._starts[token] = [at for at in self._starts[token] if at > now - _DAY]
        waits = [wait for window, most, wait in _QUOTAS if sum(at > now - window for at in starts) >= most]
        if waits:
            return max(waits)
        starts.append(now)
        return None
