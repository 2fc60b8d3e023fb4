"""Limits of concurrent requests: in total, and per caller so that no caller starves the others."""

from collections import Counter
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mogplex_mcp.server.request_scope import CALLER
from mogplex_mcp.transports.http.authentication import refuse

if TYPE_CHECKING:
    from mogplex_mcp.api.access_token import Token

RETRY_SECONDS: Final = 2


class ConcurrencyLimit:
    """ASGI middleware: a request holds a slot until its response ends; without a free slot it is refused.

    The slot is released just before the last part of the response is sent, so that the caller's next request finds it.

    Args:
        app: The app that is protected.
        most: The limit of concurrent requests.
        most_of_one: The limit of concurrent requests of one caller.
    """

    def __init__(self, app: ASGIApp, *, most: int, most_of_one: int) -> None:
        self._app = app
        self._most = most
        self._most_of_one = most_of_one
        self._held: Counter[Token | None] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 429 or 503, or pass the request on."""
        if CALLER not in scope:
            await self._app(scope, receive, send)
            return
        found = scope[CALLER]
        caller = found.token if found else None
        if self._held[caller] >= self._most_of_one:
            message = (
                f"You have {self._most_of_one} requests open here, the most that one caller may have. "
                "Wait for one of them to end, then send this one again."
            )
            await refuse(send, 429, "too_many_of_yours", message, retry_after=str(RETRY_SECONDS))
        elif self._held.total() >= self._most:
            message = "This server answers as many requests as it can. Nothing was done; send this one again."
            await refuse(send, 503, "busy", message, retry_after=str(RETRY_SECONDS))
        else:
            await self._hold_slot(caller, scope, receive, send)

    async def _hold_slot(self, caller: "Token | None", scope: Scope, receive: Receive, send: Send) -> None:
        holds_slot = True
        self._held[caller] += 1

        def release() -> None:
            nonlocal holds_slot
            if holds_slot:
                holds_slot = False
                self._held[caller] -= 1
                if not self._held[caller]:
                    del self._held[caller]

        async def send_and_release(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                release()
            await send(message)

        try:
            await self._app(scope, receive, send_and_release)
        finally:
            release()
