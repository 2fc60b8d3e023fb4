"""Limits of concurrent requests: in total, per caller, and a smaller share for callers who may be anyone.

A token is made up in no time. Until Mogplex has accepted it, its requests share a quarter of the slots, and those of
one address an eighth. When that share is full, the oldest request in it whose body is still arriving makes room: an
honest body arrives in a moment, and a flood of slow ones only displaces itself.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.server.request_scope import CALLER
from mogplex_mcp.transports.http.refusals import REFUSED, Refusal, refuse

RETRY_SECONDS: Final = 2
_SHARE_OF_UNVERIFIED: Final = 4
_SHARE_OF_ADDRESS: Final = 8
_LEAST_SHARE: Final = 16
# A made-up token gets its 401 sooner; what is held for longer, such as a subscription, makes room as slow bodies do.
_ANSWER_SECONDS: Final = 30.0


@dataclass(eq=False)
class _Slot:
    """What one request holds.

    Attributes:
        caller: The caller's token; None for the token of this process.
        address: The address of the client.
        arrived: When it began, on the clock of the event loop.
        scope: Ends the request.
        has_body: Whether its body has arrived.
        is_displaced: Whether it had to make room.
    """

    caller: Token | None
    address: str
    arrived: float
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    has_body: bool = False
    is_displaced: bool = False


class ConcurrencyLimit:
    """ASGI middleware: a request holds a slot until its response ends; without a free slot it is refused.

    The slot is released just before the last part of the response is sent, so that the caller's next request finds it.

    Args:
        app: The app that is protected.
        most: The limit of concurrent requests.
        most_of_one: The limit of concurrent requests of one caller.
        is_verified: Whether Mogplex has accepted a token.
    """

    def __init__(
        self, app: ASGIApp, *, most: int, most_of_one: int, is_verified: Callable[[Token], bool] = lambda _: True
    ) -> None:
        self._app = app
        self._most = most
        self._most_of_one = most_of_one
        self._most_unverified = max(_LEAST_SHARE, most // _SHARE_OF_UNVERIFIED)
        self._most_of_address = max(_LEAST_SHARE, most // _SHARE_OF_ADDRESS)
        self._is_verified = is_verified
        self._held: Counter[Token | None] = Counter()
        self._total = 0
        # By arrival.
        self._unverified: dict[_Slot, None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 429 or 503, or pass the request on."""
        if CALLER not in scope:
            await self._app(scope, receive, send)
            return
        found = scope[CALLER]
        slot = _Slot(found.token if found else None, (scope.get("client") or ("",))[0], anyio.current_time())
        if refusal := self._take(slot):
            await refuse(scope, send, refusal)
        else:
            await self._hold(slot, scope, receive, send)

    def _take(self, slot: _Slot) -> Refusal | None:
        """Take a slot, or return why there is none."""
        if self._held[slot.caller] >= self._most_of_one:
            message = (
                f"You have {self._most_of_one} requests open here, the most that one caller may have. "
                "Wait for one of them to end, then send this one again."
            )
            return Refusal(429, "too_many_of_yours", message, {"retry-after": str(RETRY_SECONDS)}, REFUSED)
        is_unverified = slot.caller is not None and not self._is_verified(slot.caller)
        if not self._make_room(slot.address if is_unverified else None):
            message = "This server answers as many requests as it can. Nothing was done; send this one again."
            return Refusal(503, "busy", message, {"retry-after": str(RETRY_SECONDS)}, REFUSED)
        self._held[slot.caller] += 1
        self._total += 1
        if is_unverified:
            self._unverified[slot] = None
        return None

    def _make_room(self, address: str | None) -> bool:
        """Return whether there is room for another request, after displacing one if needed.

        Args:
            address: The address of an unverified caller; None for a verified one.
        """
        rivals, is_full = list(self._unverified), self._total >= self._most
        if address is not None:
            own = [slot for slot in rivals if slot.address == address]
            if len(own) >= self._most_of_address:
                rivals, is_full = own, True
            is_full = is_full or len(rivals) >= self._most_unverified
        return not is_full or self._displace(rivals)

    def _displace(self, rivals: Sequence[_Slot]) -> bool:
        """End the oldest of these requests that may be ended; return whether there was one."""
        now = anyio.current_time()
        for slot in rivals:
            if slot.caller is not None and self._is_verified(slot.caller):
                del self._unverified[slot]  # it was verified in the meantime
            elif not slot.has_body or now - slot.arrived >= _ANSWER_SECONDS:
                slot.is_displaced = True
                slot.scope.cancel()
                self._release(slot)
                return True
        return False

    def _release(self, slot: _Slot) -> None:
        self._unverified.pop(slot, None)
        self._total -= 1
        self._held[slot.caller] -= 1
        if not self._held[slot.caller]:
            del self._held[slot.caller]

    async def _hold(self, slot: _Slot, scope: Scope, receive: Receive, send: Send) -> None:
        holds_slot, has_begun, has_ended = True, False, False

        def release() -> None:
            nonlocal holds_slot
            if holds_slot and not slot.is_displaced:
                self._release(slot)
            holds_slot = False

        async def receive_and_notice() -> Message:
            message = await receive()
            slot.has_body = slot.has_body or not message.get("more_body", False)
            return message

        async def send_and_release(message: Message) -> None:
            nonlocal has_begun, has_ended
            has_begun = True
            if message["type"] == "http.response.body" and not message.get("more_body"):
                has_ended = True
                release()
            await send(message)

        try:
            with slot.scope:
                await self._app(scope, receive_and_notice, send_and_release)
        finally:
            release()
        if slot.is_displaced and not has_ended:
            await self._end_displaced(scope, send, has_begun=has_begun)

    @staticmethod
    async def _end_displaced(scope: Scope, send: Send, *, has_begun: bool) -> None:
        if has_begun:
            await send({"type": "http.response.body", "body": b""})
            return
        message = "This request took long, and others had to be served. Nothing was done; send it again, at once."
        headers = {"retry-after": str(RETRY_SECONDS), "connection": "close"}
        await refuse(scope, send, Refusal(503, "busy", message, headers, REFUSED))
