"""Tool calls in flight: which ones the client gave up, as opposed to those that end because this server does.

Only the first kind says how long the client waits for an answer.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio

from mogplex_mcp.tenants.call_timeouts import LearntCaps

CallKey = tuple[str, str, str]
"""The caller's token, its session and the id of its request."""


class InFlightCalls:
    """The calls that are being answered.

    On stdio, and over HTTP with a session, a client sends `notifications/cancelled`; the SDK cancels the call first
    and hands the notification on afterwards. A client of the 2026 protocol closes its HTTP request instead.

    Args:
        learnt: Where to remember how long a client waited.
    """

    def __init__(self, learnt: LearntCaps) -> None:
        self._learnt = learnt
        # The client, and when its call arrived.
        self._calls: dict[CallKey, tuple[str, float]] = {}

    @contextlib.asynccontextmanager
    async def answering(
        self, key: CallKey | None, client: str, is_disconnected: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[None]:
        """Track a call while the block runs.

        Args:
            key: What tells the call from others; None where only a closed request can end it.
            client: The name and version of the client.
            is_disconnected: Whether the client has closed its request.
        """
        arrived = anyio.current_time()
        if key is not None:
            self._calls[key] = client, arrived
        try:
            yield
        except anyio.get_cancelled_exc_class():
            if await is_disconnected():
                self._forget(key)
                self._learnt.gave_up(client, anyio.current_time() - arrived)
            # Otherwise the notification that explains the cancellation may still come.
            raise
        except BaseException:
            self._forget(key)
            raise
        self._forget(key)

    def cancelled(self, key: CallKey | None) -> None:
        """Learn from a `notifications/cancelled` of this call how long its client waited."""
        call = None if key is None else self._calls.pop(key, None)
        if call is not None:
            client, arrived = call
            self._learnt.gave_up(client, anyio.current_time() - arrived)

    def _forget(self, key: CallKey | None) -> None:
        if key is not None:
            self._calls.pop(key, None)
