"""Verification of access tokens: Mogplex is asked before a caller is served with one that may have expired.

A client that signs in renews its token by itself when it gets a 401. Over HTTP that has to be the status of the
response: a tool error, which is all that a call under way can end in, renews nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.credentials.sources import FoundToken

FRESH_SECONDS: Final = 60.0
"""How long an acceptance counts. Each response to a call renews it, so only the first call after a pause costs more."""

ASK_SECONDS: Final = 5.0
"""Clients give up on `initialize` soon, some of them after ten seconds."""


class TokenVerification:
    """Asks Mogplex about access tokens.

    Args:
        known: What Mogplex has shown of tokens. It learns from the answers.
    """

    def __init__(self, known: KnownTokens) -> None:
        self._known = known
        self._ask: Callable[[FoundToken], Awaitable[None]] | None = None
        self._asking: dict[str, anyio.Event] = {}

    def ask_by(self, ask: Callable[[FoundToken], Awaitable[None]]) -> None:
        """Ask in this way from now on.

        Args:
            ask: Makes a request with a token that changes nothing, and raises nothing if that fails.
        """
        self._ask = ask

    async def verify(self, found: FoundToken) -> None:
        """Ask Mogplex about an access token that it hasn't accepted lately; concurrent callers ask once.

        If Mogplex does not answer in time, nothing is learnt.
        """
        token = found.token
        if token is None or not token.is_oauth or self._ask is None:
            return
        if token.value in self._asking:
            await self._asking[token.value].wait()
        elif not self._known.is_accepted(token, within_seconds=FRESH_SECONDS):
            self._asking[token.value] = anyio.Event()
            try:
                with anyio.move_on_after(ASK_SECONDS):
                    await self._ask(found)
            finally:
                # Also if this caller went away: the others are served as if nothing had been asked.
                self._asking.pop(token.value).set()
