"""How many requests are answered at the same time: in all, and of one caller, so that nobody starves the others."""

from collections import Counter
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mogplex_mcp.transports.http.authentication import CALLER
from mogplex_mcp.transports.http.refusals import refuse

if TYPE_CHECKING:
    from mogplex_mcp.api.access_token import Token

RETRY_SECONDS: Final = 2


class ConcurrencyLimit:
    """ASGI middleware: a request of a caller takes a place until its answer is at its end; without one it is refused.

    The place is free just before the last part of the answer goes out: who asks again upon that finds it.

    Args:
        app: What is protected.
        most: How many requests there may be at the same time.
        most_of_one: How many of them may be of one caller.
    """

    def __init__(self, app: ASGIApp, *, most: int, most_of_one: int) -> None:
        self._app = app
        self._most = most
        self._most_of_one = most_of_one
        self._taken: Counter[Token | None] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 429 or 503, or let the request through."""
        if CALLER not in scope:
            await self._app(scope, receive, send)
            return
        caller = scope[CALLER]
        if self._taken[caller] >= self._most_of_one:
            message = (
                f"You have {self._most_of_one} requests open here, the most that one caller may have. "
                "Wait for one of them to end, then send this one again."
            )
            await refuse(send, 429, "too_many_of_yours", message, retry_after=str(RETRY_SECONDS))
        elif self._taken.total() >= self._most:
            message = "This server answers as many requests as it can. Nothing was done; send this one again."
            await refuse(send, 503, "busy", message, retry_after=str(RETRY_SECONDS))
        else:
            await self._in_a_place(caller, scope, receive, send)

    async def _in_a_place(self, caller: "Token | None", scope: Scope, receive: Receive, send: Send) -> None:
        has_place = True
        self._taken[caller] += 1

        def leave() -> None:
            nonlocal has_place
            if has_place:
                has_place = False
                self._taken[caller] -= 1
                if not self._taken[caller]:
                    del self._taken[caller]

        async def send_and_leave(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                leave()
            await send(message)

        try:
            await self._app(scope, receive, send_and_leave)
        finally:
            leave()
