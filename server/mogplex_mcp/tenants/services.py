"""The services of one process: connections, state file, tenants, token."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.transport import create_transport
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.credentials.sources import FoundToken, find_token
from mogplex_mcp.storage.ledger import Ledger
from mogplex_mcp.storage.sqlite_ledger import SqliteLedger
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.wait_limits import SqliteWaitLimits
from mogplex_mcp.tenants.call_timeouts import LearntCaps
from mogplex_mcp.tenants.in_flight import InFlightCalls
from mogplex_mcp.tenants.tenant import Tenants

if TYPE_CHECKING:
    import httpx2  # slow to import, and not needed before the first request


class Services:
    """The services that all requests share.

    Args:
        settings: The user's choices.
        transport: The transport for requests to Mogplex, in place of the network, for tests.
        now: Seconds since the epoch.
        shutdown: The graceful shutdown of this process.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: "httpx2.AsyncBaseTransport | None" = None,
        now: Callable[[], float] = time.time,
        shutdown: Shutdown | None = None,
    ) -> None:
        self.settings = settings
        self.now = now
        self.shutdown = shutdown or Shutdown()
        self.state = StateFile(None if settings.without_journal else settings.state_file)
        self.learnt = LearntCaps(SqliteWaitLimits(self.state), now=now)
        self.in_flight = InFlightCalls(self.learnt)
        self._transport = transport
        self._found: FoundToken | None = None
        self._is_closed = False

    @cached_property
    def tenants(self) -> Tenants:
        """The tenants, created at the first call: reading the certificates takes longer than all that comes before."""
        if self._is_closed:
            raise MogplexError(ErrorCode.ENDING, "The connections to Mogplex are closed; nothing was sent.")
        transport = self._transport
        if transport is None and self.settings.demo:
            from mogplex_mcp.simulator import Simulator  # noqa: PLC0415 - only a demo needs it

            transport = Simulator(now=self.now, run_seconds=self.settings.demo_seconds).transport()
        transport = transport or create_transport(self.settings.base_url)
        return Tenants(self.settings.base_url, transport, self.state, self.now)

    def own_token(self) -> FoundToken:
        """Return the token of this process; look for it again as long as there is none."""
        if self._found is None or self._found.token is None:
            self._found = self._demo_token() if self.settings.demo else find_token(self.settings)
        return self._found

    def ledger(self, token: str) -> Ledger:
        """Return the ledger of a token, without the connections to Mogplex, which take long to make."""
        return SqliteLedger(self.state, token, now=self.now)

    def warnings(self) -> list[str]:
        """Return warnings about the state file, for the user."""
        return [self.state.warning] if self.state.warning else []

    async def aclose(self) -> None:
        """Close connections and files."""
        self._is_closed = True
        if "tenants" in self.__dict__:
            await self.tenants.transport.aclose()
        self.state.close()

    @staticmethod
    def _demo_token() -> FoundToken:
        from mogplex_mcp.simulator import DEMO_TOKEN  # noqa: PLC0415 - only a demo needs it

        return FoundToken(Token.parse(DEMO_TOKEN), "the demo")
