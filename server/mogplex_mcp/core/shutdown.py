"""Graceful shutdown: waits end at once, calls have a few seconds to finish, then responses have a moment to be sent.

A signal cancels the command. A server begins its shutdown then instead of stopping, and every block that takes time has
declared beforehand how long it may continue.
"""

import contextlib
import math
from collections.abc import AsyncIterator, Iterator
from typing import Final

import anyio

AT_ONCE: Final = 0.0
"""For waits that lose nothing: a run continues without them."""

CALL_SECONDS: Final = 3.5
"""How long a call may take to finish; after that its outcome is unknown, and the error says so."""

ANSWER_SECONDS: Final = 4.0
"""When the responses must have been sent. Some parent processes send SIGKILL five seconds after SIGTERM."""


class Shutdown:
    """The graceful shutdown of one process.

    Args:
        drain_seconds: How long after a signal everything is still served, so that balancers can notice first.
    """

    def __init__(self, drain_seconds: float = 0.0) -> None:
        self._drain_seconds = drain_seconds
        self._is_draining = False
        self._began = math.inf
        self._open: dict[anyio.CancelScope, float] = {}

    @property
    def is_draining(self) -> bool:
        """Whether a signal has come, so that balancers should send no more requests here."""
        return self._is_draining or self.has_begun

    @property
    def has_begun(self) -> bool:
        """Whether the shutdown has begun, so that nothing new may be started."""
        return self._began < math.inf

    def begin(self) -> None:
        """Begin the shutdown; set the deadline of every open block. Again, it changes nothing."""
        if self.has_begun:
            return
        self._began = anyio.current_time()
        for scope, seconds in self._open.items():
            scope.deadline = self._began + seconds

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[anyio.CancelScope]:
        """Cancel the block if it still runs so many seconds after the shutdown began; it has no deadline before."""
        with anyio.CancelScope(deadline=self._began + seconds) as scope:
            self._open[scope] = seconds
            try:
                yield scope
            finally:
                del self._open[scope]

    @contextlib.asynccontextmanager
    async def instead_of_cancelling(self) -> AsyncIterator[None]:
        """Begin the shutdown when the block is cancelled from outside, once `drain_seconds` are over.

        The block is shielded, and must end itself.
        """
        drain = anyio.CancelScope(shield=True)

        async def notice() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                self._is_draining = True
                if self._drain_seconds:
                    with drain:
                        await anyio.sleep(self._drain_seconds)
                self.begin()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(notice)
            with anyio.CancelScope(shield=True):
                yield
            drain.cancel()
            tasks.cancel_scope.cancel()
