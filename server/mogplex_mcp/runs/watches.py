"""The watches of a tenant, by run, and the cache that keeps those of all tenants."""

import random
import time
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.core.metrics import NO_METRICS, Recorder
from mogplex_mcp.runs.polling import FairQueue
from mogplex_mcp.runs.watch import OnAnswer, RunWatch, Snapshot
from mogplex_mcp.storage.looks import SharedLooks

MAX_CACHED_WATCHES: Final = 1_000
MAX_CACHED_CHARACTERS: Final = 16 * 1024 * 1024


class WatchCache:
    """A least-recently-used cache of watches, so that the next call of a client finds the snapshot of the last one.

    It is shared by all tenants and bounded by `MAX_CACHED_WATCHES` and `MAX_CACHED_CHARACTERS`. It only keeps watches
    alive: a tenant finds its own by `Watches.of`.
    """

    def __init__(self) -> None:
        self._watches: OrderedDict[int, RunWatch] = OrderedDict()

    def keep(self, watch: RunWatch) -> None:
        """Add a watch, or mark it as the most recently used; evict what is beyond the limits."""
        self._watches[id(watch)] = watch
        self._watches.move_to_end(id(watch))
        total = sum(one.characters for one in self._watches.values())
        while len(self._watches) > MAX_CACHED_WATCHES or total > MAX_CACHED_CHARACTERS:
            _, oldest = self._watches.popitem(last=False)
            total -= oldest.characters


class Watches:
    """The watches of one tenant, by run.

    Args:
        mogplex: The API client.
        reserve: Waits until the rate limit allows a poll, and counts it; None without a rate limit.
        now: Seconds since the epoch.
        jitter: A random number from 0 to 1, for the interval between polls.
        cache: Keeps watches between calls.
        looks: What replicas share of the runs; None where this process is the only one.
        recorder: Records who waits.

    Attributes:
        on_answer: Called with each new snapshot; may be set at any time.
    """

    on_answer: OnAnswer | None = None

    def __init__(
        self,
        mogplex: Mogplex,
        *,
        reserve: Callable[[], Awaitable[None]] | None = None,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        cache: WatchCache | None = None,
        looks: SharedLooks | None = None,
        recorder: Recorder = NO_METRICS,
    ) -> None:
        self._mogplex = mogplex
        self._recorder = recorder
        self._reserve_poll = reserve
        self._now = now
        self._jitter = jitter
        self._queue = FairQueue()
        self._watches: weakref.WeakValueDictionary[str, RunWatch] = weakref.WeakValueDictionary()
        self._cache = cache or WatchCache()
        self._looks = looks

    def of(self, run_id: str) -> RunWatch:
        """Return the watch of a run, which all callers share, and keep it in the cache."""
        watch = self._watches.get(run_id)
        if watch is None:
            watch = self._watches[run_id] = RunWatch(
                self._mogplex,
                run_id,
                reserve=self._reserve,
                now=self._now,
                jitter=self._jitter,
                on_answer=self._notify,
                looks=self._looks,
                recorder=self._recorder,
            )
        self._cache.keep(watch)
        return watch

    async def _reserve(self, last_response_at: float) -> None:
        """Wait until the rate limit allows a poll and it is this watch's turn."""
        if self._reserve_poll is not None:
            async with self._queue.turn(last_response_at):
                await self._reserve_poll()

    async def _notify(self, run_id: str, snapshot: Snapshot) -> None:
        # The size of the watch has changed, so the limits of the cache apply anew.
        self.of(run_id)
        if self.on_answer is not None:
            await self.on_answer(run_id, snapshot)
