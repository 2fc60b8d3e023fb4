"""How this process ends: waits end at once, calls have seconds to finish, then answers have a moment to get out.

A signal cancels what the command line runs. What serves clients does not stop there: it lets the end begin, and every
block that takes time has said beforehand how long it may go on from then.
"""

import contextlib
import math
from collections.abc import AsyncIterator, Iterator
from typing import Final

import anyio

AT_ONCE: Final = 0.0
"""For waits that lose nothing: what they wait for goes on without them."""

CALL_SECONDS: Final = 3.5
"""How long a call may take to finish; then it is unknown what became of it, and that is said."""

ANSWER_SECONDS: Final = 4.0
"""When the answers must have got out. Whoever starts this process may kill it after five seconds."""


class Shutdown:
    """The end of one process, which may have begun."""

    def __init__(self) -> None:
        self._began = math.inf
        self._open: dict[anyio.CancelScope, float] = {}

    @property
    def has_begun(self) -> bool:
        """Whether nothing new may be begun."""
        return self._began < math.inf

    def begin(self) -> None:
        """Begin to end. What has begun already goes on as it was."""
        if self.has_begun:
            return
        self._began = anyio.current_time()
        for scope, seconds in self._open.items():
            scope.deadline = self._began + seconds

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[anyio.CancelScope]:
        """Cancel the block that many seconds after the end began, if it still runs; until then it may take its time."""
        with anyio.CancelScope(deadline=self._began + seconds) as scope:
            self._open[scope] = seconds
            try:
                yield scope
            finally:
                del self._open[scope]

    @contextlib.asynccontextmanager
    async def instead_of_cancelling(self) -> AsyncIterator[None]:
        """Let the end begin when the block is cancelled from outside; the block itself must then come to its end."""

        async def notice() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                self.begin()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(notice)
            with anyio.CancelScope(shield=True):
                yield
            tasks.cancel_scope.cancel()
