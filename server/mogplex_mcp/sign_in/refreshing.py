"""Refresh the grant of `login`: once for all requests of this process, and once for all processes of the user.

The order of things is what keeps a grant: take the lock, read the store again (another process may have been faster),
ask Mogplex, store the response durably, and only then use it or let go of the lock. A process that is killed before it
has asked has lost nothing, and one that is killed after it has stored has lost nothing either.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.grant import Grant
from mogplex_mcp.credentials.sources import FoundToken, find_token
from mogplex_mcp.credentials.storing import locked_stores
from mogplex_mcp.credentials.token_store import StoreError, address_of
from mogplex_mcp.sign_in.errors import SignInEndedError

if TYPE_CHECKING:
    import httpx2

    from mogplex_mcp.api.access_token import Token

CLOSE_SECONDS: Final = 2.0
"""How long a refresh that is under way may take to be stored when the process ends."""

PAUSE_SECONDS: Final = 30.0
"""How long after a refresh the next one is not tried: while Mogplex is down, every token gets a 401."""

_REQUEST_SECONDS: Final = 30.0

logger = logging.getLogger(__name__)


class Refresher:
    """Refreshes the grant of this process.

    Args:
        settings: The settings.
        transport: Returns what sends requests to Mogplex.
        now: Seconds since the epoch.
    """

    def __init__(
        self, settings: Settings, transport: "Callable[[], httpx2.AsyncBaseTransport]", now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._now = now
        self._task: asyncio.Task[FoundToken] | None = None
        self._tried_at = float("-inf")
        self._failure: MogplexError | None = None
        # A keyring that takes no new text, or a full disk: the grant is kept here, since the stored one may be void.
        self._unstored: FoundToken | None = None
        self._ended: Token | None = None

    def can_refresh(self, found: FoundToken) -> bool:
        """Return whether a token can be refreshed at all."""
        return found.grant is not None and found.grant.is_refreshable(self._settings.base_url)

    def current(self, found: FoundToken) -> FoundToken:
        """Return what counts in place of what was found in the store.

        A grant that Mogplex has ended is no token any more, unless its access token has not expired yet. One that could
        not be stored is the newest.
        """
        newer = self._unstored
        if newer is not None and newer.grant and found.grant and newer.identity == found.identity:
            found = newer if newer.grant.issued_at > found.grant.issued_at else found
        if found.token is not None and found.token == self._ended and found.grant and found.grant.is_due(self._now()):
            return replace(found, token=None, grant=None, problem=SignInEndedError())
        return found

    async def refresh(self, found: FoundToken) -> FoundToken:
        """Return the token that is current after a refresh, by this process or by another one.

        Within `PAUSE_SECONDS` of the last one nothing is sent, and its outcome counts.

        A cancelled caller does not cancel the refresh, since the response may be the only copy of the new token.

        Raises:
            SignInEndedError: The person has to sign in again.
            MogplexError: It is not possible now.
        """
        task = self._task
        if task is None or task.done():
            if anyio.current_time() - self._tried_at < PAUSE_SECONDS:
                if self._failure is not None:
                    raise self._failure.with_traceback(None)
                return found
            self._tried_at = anyio.current_time()
            self._task = task = asyncio.create_task(self._refresh(found))
            # All callers may be gone by then.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Give a refresh that is under way a moment to be stored."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
            self._task.cancel()

    async def _refresh(self, found: FoundToken) -> FoundToken:
        self._failure = None
        try:
            async with locked_stores(self._settings):
                stored = await anyio.to_thread.run_sync(find_token, self._settings)
                latest = self.current(replace(stored, personal=found.personal))
                if latest.token != found.token or latest.grant is None:
                    return latest
                return await self._store(latest, await self._ask(latest, latest.grant))
        except MogplexError as error:
            self._failure = error
            raise

    async def _ask(self, found: FoundToken, grant: Grant) -> Grant:
        from mogplex_mcp.sign_in.token_endpoint import refresh  # noqa: PLC0415 - imports the MCP SDK, which is slow

        try:
            with anyio.fail_after(_REQUEST_SECONDS):
                return await refresh(grant, self._transport(), self._now)
        except SignInEndedError:
            self._ended = found.token
            raise
        except TimeoutError:
            raise MogplexError(ErrorCode.TIMED_OUT, "The sign-in could not be refreshed in time.") from None

    async def _store(self, found: FoundToken, renewed: Grant) -> FoundToken:
        result = replace(found, token=renewed.access_token, grant=renewed)
        self._unstored = None
        try:
            if found.store:
                await anyio.to_thread.run_sync(found.store.put, address_of(self._settings), renewed.text)
        except StoreError as error:
            logger.warning("The refreshed sign-in could not be stored; this process goes on with it. %s", error)
            self._unstored = result
        return result
