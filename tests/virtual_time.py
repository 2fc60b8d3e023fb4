"""An event loop whose time jumps to the next thing that is due, so that half an hour of waiting takes no time.

Everything that waits on the loop's clock (`anyio.sleep`, deadlines, time-outs) is real code at work; only the waiting
itself is left out. Not for tests with real sockets or threads: what comes from outside would be overtaken.
"""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

import anyio

EPOCH = 1_800_000_000.0
"""The time of day at which every such loop begins."""

_STUCK_SECONDS = 30.0


class _JumpingSelector(selectors.BaseSelector):
    """Never waits: what it would have waited is added to `time`."""

    def __init__(self) -> None:
        self.time = 0.0
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = self._real.select(_STUCK_SECONDS)
            assert ready, "nothing is due and nothing comes: the test would wait for ever"
            return ready
        self.time += max(0.0, timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.time

    def pass_by(self, seconds: float) -> None:
        """Let time pass in which this process does nothing, as when it is stopped."""
        self._jumping.time += seconds


def virtual_now() -> float:
    """The time of day inside a test on virtual time, as seconds since the epoch."""
    return EPOCH + anyio.current_time()
