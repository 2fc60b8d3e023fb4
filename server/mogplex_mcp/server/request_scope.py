"""The scope of one MCP request: its caller, the tools that it may use, its client, its journal."""

import itertools
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Final, TypeVar

import anyio
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, RequestId

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import redacting
from mogplex_mcp.credentials.sources import FoundToken, SourceKind
from mogplex_mcp.operations.confirmation import Consent
from mogplex_mcp.operations.task_poll import TaskPoll
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.ledger import Entry
from mogplex_mcp.tenants.call_timeouts import client_key
from mogplex_mcp.tenants.in_flight import CallKey
from mogplex_mcp.tenants.services import Services
from mogplex_mcp.tenants.tenant import Tenant
from mogplex_mcp.toolkit.call import Call, Progress
from mogplex_mcp.toolkit.tool_selection import ToolSelection
from mogplex_mcp.toolkit.toolset import Tool
from mogplex_mcp.ui import run_card

CALLER: Final = "mogplex_mcp.caller"
"""Key in the ASGI scope of the request's `FoundToken`, or of None for the token of this process."""

_SESSION_HEADER: Final = "mcp-session-id"

Context = ServerRequestContext[Services]
_ParamsT = TypeVar("_ParamsT")
_ResultT = TypeVar("_ResultT")


class RequestScope:
    """The caller, tools, client and journal of one request.

    Args:
        context: The request, as the SDK hands it over.
        settings: The user's choices.
        selection: The tools that are offered, and what the request's headers leave of them.
        multi_tenant: Whether the transport has put the caller into the ASGI scope.

    Attributes:
        context: The request.
        settings: The user's choices.
        services: What all requests of this process share.
    """

    def __init__(
        self,
        context: Context,
        settings: Settings,
        selection: ToolSelection,
        *,
        multi_tenant: bool,
    ) -> None:
        self.context = context
        self.settings = settings
        self.services = context.lifespan_context
        self._selection = selection
        self._multi_tenant = multi_tenant

    @cached_property
    def tools(self) -> Mapping[str, Tool]:
        """The tools that the request may use, by name.

        Raises:
            MCPError: A header of the request names a tool that does not exist.
        """
        request = self.context.request
        try:
            return self._selection.tools(None if request is None else request.headers)
        except ValueError as error:
            raise MCPError(INVALID_PARAMS, f"The headers that choose tools cannot be used: {error}") from None

    def missing_tool(self, name: str) -> str:
        """Return why the request can't call a tool of this name, and what to call or set instead."""
        return self._selection.missing(name, self.tools, self.settings)

    @cached_property
    def caller(self) -> FoundToken:
        """The token that the request is served with.

        Raises:
            RuntimeError: The transport has not identified the caller, who must never get the token of this process.
        """
        if not self._multi_tenant:
            return self.services.own_token()
        if self.context.request is None or CALLER not in self.context.request.scope:
            raise RuntimeError("the request has no identified caller")
        identified: FoundToken | None = self.context.request.scope[CALLER]
        return identified or self.services.own_token()

    @property
    def is_own(self) -> bool:
        """Whether the process serves one person, with the token of that person."""
        return not self._multi_tenant

    @property
    def token_from(self) -> str:
        """Where the caller's token came from: the kind of its source, "operator" if an HTTP caller uses ours.

        It is "sign_in" if the client of an HTTP caller has signed in.
        """
        kind = self.caller.kind
        if kind is SourceKind.REQUEST and self.caller.token is not None and self.caller.token.is_oauth:
            return "sign_in"
        return "operator" if self._multi_tenant and kind is not SourceKind.REQUEST else kind

    @property
    def identity(self) -> str:
        """What the caller is known by, see `FoundToken.identity`; "" without a token."""
        return self.caller.identity

    @property
    def secret(self) -> str:
        """The OAuth token of an HTTP caller, which no pattern redacts; the tokens of this process are known."""
        found = self.context.request.scope.get(CALLER) if self._multi_tenant and self.context.request else None
        return found.token.value if found and found.token and found.token.is_oauth else ""

    async def reread_token_without_write(self) -> None:
        """Look for the token of this process again if the one in use is known to lack the scope `write`."""
        if self.caller.kind is not SourceKind.REQUEST and self.services.lacks_write(self.caller):
            self.caller = await self.services.reread_token()

    @property
    def tenant(self) -> Tenant:
        """The caller's client, budget and journal; opens the connections to Mogplex if there are none yet."""
        return self.services.tenants.of(self.caller)

    @cached_property
    def client(self) -> tuple[str, str]:
        """The name and version of the client, as it gave them."""
        params = self.context.session.client_params
        return (params.client_info.name, params.client_info.version) if params else ("", "")

    @property
    def session(self) -> str | None:
        """The session among those of the caller; None if the client is not known.

        Over HTTP, a client without a session goes by its name, which it gives with each request since 2026-07-28.
        """
        if self.context.request is None:
            return ""
        return self.context.request.headers.get(_SESSION_HEADER) or " ".join(filter(None, self.client)) or None

    @cached_property
    def learnt_as(self) -> str:
        """The key under which the call timeout of this client is learnt.

        Where callers have their own tokens, the key contains the tenant: the name of a client is what a caller claims,
        and one that hangs up on purpose must not shorten the waits of others.
        """
        client = client_key(*self.client)
        if not self._multi_tenant:
            return client
        try:
            return f"{self.services.store.tenant(self.identity)}/{client}"
        except StateError:
            # Nothing is learnt without a state file.
            return client

    @property
    def shows_cards(self) -> bool:
        """Whether the client shows run cards (MCP Apps), as far as that is known.

        A client of the 2025 protocol declares its extensions once, which stateless HTTP has forgotten by now.
        """
        declared = self.context.session.client_capabilities
        return declared is None or run_card.EXTENSION in (declared.extensions or {})

    def open_call(self, consent: Consent | None = None, poll: TaskPoll | None = None) -> Call:
        """Return what a tool gets in addition to its arguments. The time of the call begins now.

        Args:
            consent: Whether the user agrees with what the call is about to do.
            poll: Set if the call is one poll of a task, which returns at once where others wait.
        """
        client, version = self.client
        return Call(
            tenant=self.tenant,
            settings=self.settings,
            client=client,
            version=version,
            learnt_as=self.learnt_as,
            token_from=self.token_from,
            arrived=anyio.current_time(),
            learnt=self.services.learnt,
            progress=self.progress,
            offered=frozenset(self.tools),
            shows_cards=self.shows_cards,
            warnings=self.services.warnings,
            clock=self.services.store.now,
            consent=consent or Consent(),
            shutdown=self.services.shutdown,
            session=self.session,
            task_poll=poll,
        )

    @cached_property
    def progress(self) -> Progress:
        """Reports the progress of the request to the client.

        Progress must rise with each message (MCP specification, "Progress"), also where nothing has changed.
        """
        numbers = itertools.count(1.0)

        async def report(message: str) -> None:
            await self.context.session.report_progress(next(numbers), message=message)

        return report

    def call_key(self, request_id: RequestId | None) -> CallKey | None:
        """Return the key of a call among the calls in flight; None where request ids of several clients can collide.

        Over HTTP only a session tells clients apart. The token is part of the key: a caller can name the session of
        another one, but not present its token.
        """
        if self.context.request is None:
            return "", "", str(request_id)
        session = self.context.request.headers.get(_SESSION_HEADER)
        return None if session is None else (self.identity, session, str(request_id))

    async def is_disconnected(self) -> bool:
        """Return whether the client has closed its HTTP request."""
        request = self.context.request
        return request is not None and await request.is_disconnected()

    async def known_runs(self, most: int) -> list[Entry]:
        """Return the newest runs of the caller's journal; none where it cannot be read.

        Opens no connections to Mogplex, which takes long: clients ask for lists as soon as they have started.
        """
        if not self.identity:
            return []
        try:
            runs = await self.services.ledger(self.caller).runs(limit=most)
            return [entry for entry in runs if entry.run_id]
        except StateError:
            # check_connection reports what is wrong with the journal; a list cannot.
            return []


class RequestScopes:
    """Opens the scope of each request, once.

    Args:
        settings: The user's choices.
        selection: The tools that are offered, and what a request's headers leave of them.
        multi_tenant: Whether each HTTP request has a caller of its own, whom the transport has identified and put into
            the ASGI scope under `CALLER`; otherwise every request is served with the token of this process.
    """

    def __init__(self, settings: Settings, selection: ToolSelection, *, multi_tenant: bool) -> None:
        self._settings = settings
        self._selection = selection
        self._multi_tenant = multi_tenant

    def open(self, context: Context) -> RequestScope:
        """Return the scope of a request."""
        return RequestScope(context, self._settings, self._selection, multi_tenant=self._multi_tenant)

    def handler(
        self, handle: Callable[[RequestScope, _ParamsT], Awaitable[_ResultT]]
    ) -> Callable[[Context, _ParamsT], Awaitable[_ResultT]]:
        """Return a handler for the SDK that opens the scope of each request and hands it on."""

        async def handle_in_scope(context: Context, params: _ParamsT) -> _ResultT:
            scope = self.open(context)
            with redacting(scope.secret):
                return await handle(scope, params)

        return handle_in_scope
