"""Whose turn it is to ask, when many watch and only so many requests are left."""

import contextlib
import heapq
import itertools
from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel


class Turns:
    """One turn at a time, given to whoever has gone longest without an answer.

    A queue in order of arrival would not be fair: a watch that is left and taken up again, as callers with short waits
    do, would go to its end each time.
    """

    def __init__(self) -> None:
        self._free = True
        self._waiting: list[tuple[float, int, anyio.Event]] = []
        self._count = itertools.count()

    @contextlib.asynccontextmanager
    async def turn(self, answered_at: float) -> AsyncIterator[None]:
        """Wait for the turn and hold it for the block.

        Args:
            answered_at: When the last answer came: the smallest goes first.
        """
        await self._take(answered_at)
        try:
            yield
        finally:
            self._give()

    async def _take(self, answered_at: float) -> None:
        called = anyio.Event()
        place = (answered_at, next(self._count), called)
        heapq.heappush(self._waiting, place)
        try:
            # Whoever comes at the same moment is heard before the turn is given.
            await anyio.lowlevel.checkpoint()
            self._call_next()
            await called.wait()
        except BaseException:
            if called.is_set():
                self._give()
            else:
                self._waiting.remove(place)
                heapq.heapify(self._waiting)
            raise

    def _give(self) -> None:
        self._free = True
        self._call_next()

    def _call_next(self) -> None:
        if self._free and self._waiting:
            self._free = False
            _, _, called = heapq.heappop(self._waiting)
            called.set()
