"""The services of one process: connections, state file, tenants, token."""

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import anyio.to_thread

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.transport import create_transport
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.metrics import NO_METRICS, Recorder
from mogplex_mcp.core.shutdown import AT_ONCE, Shutdown
from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.credentials.sources import FoundToken, file_stamps, find_token
from mogplex_mcp.sign_in.background import BackgroundSignIn
from mogplex_mcp.sign_in.errors import SignInEndedError
from mogplex_mcp.sign_in.refreshing import Refresher
from mogplex_mcp.storage.ledger import Ledger
from mogplex_mcp.tenants.call_timeouts import LearntCaps
from mogplex_mcp.tenants.in_flight import InFlightCalls
from mogplex_mcp.tenants.opening import open_store, state_path
from mogplex_mcp.tenants.tenant import Tenants, open_ledger

if TYPE_CHECKING:
    import httpx2  # slow to import, and not needed before the first request
    from anyio.abc import TaskGroup


logger = logging.getLogger(__name__)


class Services:
    """The services that all requests share.

    Args:
        settings: The user's choices.
        transport: The transport for requests to Mogplex, in place of the network, for tests.
        now: Seconds since the epoch.
        shutdown: The graceful shutdown of this process.
        known: What Mogplex has shown of tokens, shared with the HTTP server.
        recorder: Records what is measured.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: "httpx2.AsyncBaseTransport | None" = None,
        now: Callable[[], float] = time.time,
        shutdown: Shutdown | None = None,
        known: KnownTokens | None = None,
        recorder: Recorder = NO_METRICS,
    ) -> None:
        self.settings = settings
        self.now = now
        self.shutdown = shutdown or Shutdown()
        self.recorder = recorder
        self.store = open_store(settings, now)
        self.learnt = LearntCaps(self.store.wait_limits, now=now)
        self.in_flight = InFlightCalls(self.learnt)
        # What goes on when no request is open; None where there is no server.
        self.background: TaskGroup | None = None
        self._transport = transport
        self._known = known or KnownTokens(now=now)
        self._found: FoundToken | None = None
        self._stamps: Sequence[tuple[int, int]] = ()
        self._is_closed = False
        self._refresher = Refresher(settings, lambda: self.tenants.transport, now)
        self.sign_in = BackgroundSignIn(settings, lambda: self.tenants.transport, now)

    @cached_property
    def tenants(self) -> Tenants:
        """The tenants, created at the first call: reading the certificates takes longer than all that comes before."""
        if self._is_closed:
            raise MogplexError(ErrorCode.SHUTTING_DOWN, "The connections to Mogplex are closed; nothing was sent.")
        transport = self._transport
        if transport is None and self.settings.demo:
            transport = self._simulated()
        transport = transport or create_transport(self.settings.base_url)
        if self.recorder is not NO_METRICS:
            from mogplex_mcp.api.measured_transport import MeasuredTransport  # noqa: PLC0415 - imports httpx2

            transport = MeasuredTransport(transport, self.settings.base_url, self.recorder)
        own = None if self.settings.demo else self
        return Tenants(self.settings.base_url, transport, self.store, self.now, self._known, own, self.recorder)

    def own_token(self) -> FoundToken:
        """Return the token of this process; look for it again as long as there is none, and when a file has changed."""
        if self.settings.demo:
            return self._demo_token
        stamps = file_stamps(self.settings)
        if self._found is None or self._found.token is None or stamps != self._stamps:
            self._found, self._stamps = replace(find_token(self.settings), personal=True), stamps
        return self._refresher.current(self._found)

    def lacks_write(self, found: FoundToken) -> bool:
        """Return whether a token is known to lack the scope `write`."""
        return found.token is not None and self._known.lacks_write(found.token)

    async def try_token(self, found: FoundToken) -> None:
        """Make a request that changes nothing and needs no scope, whose response shows whether a token is accepted."""
        with contextlib.suppress(MogplexError):
            await self.tenants.of(found).mogplex.list_repos(limit=1)

    async def reread_token(self) -> FoundToken:
        """Look for the token of this process again, in a thread: a keyring may take seconds to answer."""
        if not self.settings.demo:
            self._stamps = file_stamps(self.settings)
            self._found = replace(await anyio.to_thread.run_sync(find_token, self.settings), personal=True)
        return self.own_token()

    async def current(self, last: FoundToken) -> FoundToken:
        """See `OwnTokens.current`."""
        found = self._refresher.current(self._found or last)
        if found.grant is None or not found.grant.is_due(self.now()) or not self._refresher.can_refresh(found):
            return found
        try:
            self._found = await self._refresher.refresh(found)
        except MogplexError as error:
            # The clock of this machine may be wrong: whether the token has expired is for Mogplex to say.
            logger.info("%s", error.message)
            return found
        return self._found

    async def renew(self, refused: Token) -> FoundToken | None:
        """See `OwnTokens.renew`.

        Raises:
            MogplexError: The refused token has expired, and can't be refreshed.
        """
        if self._found is None or self._found.token == refused:
            await self.reread_token()
        found = self.own_token()
        if found.token == refused and self._refresher.can_refresh(found):
            found = self._found = await self._refresher.refresh(found)
        if isinstance(found.problem, SignInEndedError):
            raise found.problem.with_traceback(None)
        return found if found.token is not None and found.token != refused else None

    def ledger(self, found: FoundToken) -> Ledger:
        """Return the ledger of a token, without the connections to Mogplex, which take long to make."""
        return open_ledger(self.store, self.settings.base_url, found)

    def identity(self, found: FoundToken) -> str:
        """Return to whom belongs what a client keeps for longer: to the person of this machine, or to the caller.

        As for the ledger (`open_ledger`), a person stays the same with a new token, except where a database is shared.
        """
        if found.personal and not self.settings.database_url:
            return f"person at {self.settings.base_url}"
        return found.identity

    def warnings(self) -> list[str]:
        """Return warnings about the settings and the state file, for the user."""
        return [*self.settings.warnings, *self.store.warnings()]

    def run_in_background(self, function: Callable[[], Awaitable[None]]) -> None:
        """Run a function that goes on when no request is open, until the server ends. Its failure ends nothing else."""

        async def run() -> None:
            try:
                with self.shutdown.within(AT_ONCE):
                    await function()
            except Exception:
                logger.exception("A background task has failed")

        if self.background is not None:
            self.background.start_soon(run)

    async def aclose(self) -> None:
        """Close connections and files."""
        await self.sign_in.aclose()
        await self._refresher.aclose()
        self._is_closed = True
        if "tenants" in self.__dict__:
            await self.tenants.transport.aclose()
        await self.store.aclose()

    def _simulated(self) -> "httpx2.AsyncBaseTransport":
        """Return a simulated Mogplex, which knows the runs of earlier processes where there is a state folder."""
        from mogplex_mcp.simulator.shared import SharedSimulator  # noqa: PLC0415 - only a demo needs it

        path = state_path(self.settings)
        return SharedSimulator(path and path.with_name("demo-world.sqlite3"), self.now, self.settings.demo_seconds)

    @cached_property
    def _demo_token(self) -> FoundToken:
        from mogplex_mcp.simulator import DEMO_TOKEN  # noqa: PLC0415 - only a demo needs it

        return FoundToken(Token.parse(DEMO_TOKEN), "the demo", personal=True)
