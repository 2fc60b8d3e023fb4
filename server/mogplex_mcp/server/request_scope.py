"""What a server offers and to whom: all that the handlers of MCP requests need to know of a request."""

from collections.abc import Callable, Mapping

import anyio
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.operations.confirmation import Consent
from mogplex_mcp.storage.ledger import Entry
from mogplex_mcp.storage.state_file import StateError
from mogplex_mcp.tenants.call_timeouts import client_key
from mogplex_mcp.tenants.services import Services
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.tool_selection import ToolSelection
from mogplex_mcp.toolkit.toolset import Tool

Context = ServerRequestContext[Services]

Identify = Callable[[Mapping[str, str]], FoundToken | None]
"""Tells by the headers of an HTTP request whose token counts; None for the process's own."""


class RequestScope:
    """Tells what a request may use, and whose it is.

    Args:
        settings: What the user chose.
        narrowing: The tools that are offered, and what a request leaves of them.
        identify: Whose token counts, where callers bring their own; else it is that of this process.
        now: Seconds since the epoch.

    Attributes:
        settings: What the user chose.
    """

    def __init__(
        self, settings: Settings, narrowing: ToolSelection, *, identify: Identify | None, now: Callable[[], float]
    ) -> None:
        self.settings = settings
        self._narrowing = narrowing
        self._identify = identify
        self._now = now

    def tools(self, context: Context) -> Mapping[str, Tool]:
        """The tools that a request may use, by name.

        Raises:
            MCPError: A header of the request names a tool that does not exist.
        """
        try:
            return self._narrowing.tools(_headers(context))
        except ValueError as error:
            raise MCPError(INVALID_PARAMS, f"The headers that choose tools cannot be used: {error}") from None

    def whose(self, context: Context) -> FoundToken:
        """The token that counts for a request."""
        headers = _headers(context)
        found = self._identify(headers) if self._identify and headers is not None else None
        return found or context.lifespan_context.own_token()

    def open_call(self, context: Context, consent: Consent | None = None) -> Call:
        """What a tool is given; makes the connections to Mogplex if there are none yet.

        Args:
            context: The request.
            consent: Whether the user agrees with what the call is about to do.
        """
        arrived, bridge = anyio.current_time(), context.lifespan_context
        client, version = client_of(context)
        return Call(
            tenant=bridge.tenants.of(self.whose(context)),
            settings=self.settings,
            client=client,
            version=version,
            learnt_as=self.learnt_as(context),
            arrived=arrived,
            learnt=bridge.learnt,
            progress=lambda done, message: context.session.report_progress(done, message=message),
            offered=frozenset(self.tools(context)),
            warnings=bridge.warnings,
            clock=self._now,
            consent=consent or Consent(),
            shutdown=bridge.shutdown,
        )

    def learnt_as(self, context: Context) -> str:
        """The name under which something is learnt about the client of a request.

        Where callers bring their own tokens, each has what it taught for itself: the name of a client is whatever a
        caller says, and one that hangs up on purpose must not shorten the waits of others.
        """
        client = client_key(*client_of(context))
        if self._identify is None:
            return client
        token = self.whose(context).token
        try:
            return f"{context.lifespan_context.state.tenant(token.value if token else '')}/{client}"
        except StateError:
            # Then nothing is learnt at all.
            return client

    async def known_runs(self, context: Context, most: int) -> list[Entry]:
        """The newest runs of the caller's journal; none where it cannot be read.

        Clients ask for lists as soon as they have started: this does without the connections to Mogplex, which take
        long to make.
        """
        token = self.whose(context).token
        if token is None:
            return []
        try:
            runs = await context.lifespan_context.ledger(token.value).runs(limit=most)
            return [entry for entry in runs if entry.run_id]
        except StateError:
            # What is wrong with the journal, check_connection tells; a list has no place for it.
            return []


def client_of(context: Context) -> tuple[str, str]:
    """The name and version of the client, as it gave them."""
    info = context.session.client_params.client_info if context.session.client_params else None
    return (info.name, info.version) if info else ("", "")


def _headers(context: Context) -> Mapping[str, str] | None:
    return context.request.headers if context.request is not None else None
