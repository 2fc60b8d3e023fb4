"""Which calls a client gave up, told from those that end because this server does: only the first say what it bears."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import anyio
import mcp_types
from mcp.server.context import ServerRequestContext

from mogplex_mcp.tenants.call_timeouts import LearntCaps

_SESSION_HEADER: Final = "mcp-session-id"


class InFlightCalls:
    """The calls that are being answered.

    On stdio, and over HTTP with a session, a client says `notifications/cancelled`; the SDK ends the call first and
    hands the notification on afterwards. A client of the 2026 protocol closes its HTTP request instead.

    Args:
        learnt: Where to remember how long a client waited.
    """

    def __init__(self, learnt: LearntCaps) -> None:
        self._learnt = learnt
        # By session and request: which client, and since when.
        self._open: dict[tuple[str, str], tuple[str, float]] = {}

    @contextlib.asynccontextmanager
    async def answering(self, context: ServerRequestContext[Any, Any], client: str) -> AsyncIterator[None]:
        """Note that a call of this client (name and version) is being answered, for as long as the block runs."""
        arrived = anyio.current_time()
        session = _session(context)
        place = (session or "", str(context.request_id))
        # Without a session, ids of several clients meet: only a closed request says then that it was given up.
        if session is not None:
            self._open[place] = client, arrived
        try:
            yield
        except anyio.get_cancelled_exc_class():
            if context.request is not None and await context.request.is_disconnected():
                self._open.pop(place, None)
                self._learnt.gave_up(client, anyio.current_time() - arrived)
            raise
        except BaseException:
            self._open.pop(place, None)
            raise
        self._open.pop(place, None)

    async def cancelled(
        self, context: ServerRequestContext[Any, Any], params: mcp_types.CancelledNotificationParams
    ) -> None:
        """Take a `notifications/cancelled`."""
        session = _session(context)
        known = None if session is None else self._open.pop((session, str(params.request_id)), None)
        if known is not None:
            client, arrived = known
            self._learnt.gave_up(client, anyio.current_time() - arrived)


def _session(context: ServerRequestContext[Any, Any]) -> str | None:
    """What tells one client's request ids from another's: "" on stdio, where there is one client."""
    if context.request is None:
        return ""
    headers = context.request.headers
    session: str | None = headers.get(_SESSION_HEADER)
    # A caller can name the session of another one, but not show its token.
    return None if session is None else f"{headers.get('authorization', '')} {session}"
