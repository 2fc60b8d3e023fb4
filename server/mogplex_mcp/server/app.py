"""Assembly of the MCP server from settings, tools and services."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio
import mcp_types
from mcp.server import Server
from mcp.server.caching import CacheHint

from mogplex_mcp import __version__
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.metrics import NO_METRICS, Recorder
from mogplex_mcp.core.readiness import Readiness
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.credentials.verification import TokenVerification
from mogplex_mcp.server.handlers import add_handlers
from mogplex_mcp.server.identity import ICON, MogplexServer
from mogplex_mcp.server.instructions import instructions
from mogplex_mcp.server.prompts import PROMPTS
from mogplex_mcp.server.refusal import RefusingHandlers
from mogplex_mcp.server.request_params import normalize_params
from mogplex_mcp.server.request_scope import RequestScopes
from mogplex_mcp.server.tasks import Tasks
from mogplex_mcp.server.tool_handlers import ToolHandlers
from mogplex_mcp.server.tracing import redact_spans
from mogplex_mcp.tenants.opening import check_store
from mogplex_mcp.tenants.services import Services
from mogplex_mcp.toolkit.elicitation import Elicitation
from mogplex_mcp.toolkit.tool_selection import ToolSelection, offered_tools
from mogplex_mcp.toolkit.toolset import Tool, Toolset, adapt_toolsets, needs_write
from mogplex_mcp.tools.catalog import TOOLSETS
from mogplex_mcp.ui import run_card

if TYPE_CHECKING:
    import httpx2  # slow to import, and not needed before the first request

# Their results are fixed for the life of a process.
_FIXED_LISTS: Final = ("tools/list", "prompts/list", "resources/templates/list")
_FRESH_MS: Final = 3_600_000


def create_server(
    settings: Settings,
    *,
    transport: "httpx2.AsyncBaseTransport | None" = None,
    now: Callable[[], float] = time.time,
    multi_tenant: bool = False,
    shutdown: Shutdown | None = None,
    known: KnownTokens | None = None,
    recorder: Recorder = NO_METRICS,
    readiness: Readiness | None = None,
    verification: TokenVerification | None = None,
) -> Server[Services]:
    """Return an MCP server for these settings, for any transport and both protocol eras.

    Args:
        settings: The user's choices.
        transport: The transport for requests to Mogplex, in place of the network.
        now: Seconds since the epoch.
        multi_tenant: Whether each HTTP request has a caller of its own (see `RequestScopes`).
        shutdown: The graceful shutdown of this process.
        known: What Mogplex has shown of tokens, shared with the transport.
        recorder: Records what is measured.
        readiness: Learns how to check the state.
        verification: Learns how to ask Mogplex about a token.

    Raises:
        SettingsError: The settings name tools or toolsets that do not exist (the message names the nearest), or a
            database whose address or driver is unusable.
    """
    check_store(settings)
    toolsets, offered = _tools(settings)
    scopes = RequestScopes(settings, ToolSelection(toolsets, offered), multi_tenant=multi_tenant)
    elicitation = Elicitation(allow_unasked=settings.allow_destructive)
    handlers = ToolHandlers(elicitation)
    if settings.refusals:
        # The first tool is check_connection, which a model calls to learn what is wrong.
        handlers = RefusingHandlers(elicitation, settings.refusals, toolsets[0].tools[0])
    tools = {tool.name: tool for tool in offered}
    names = frozenset(tools)

    @asynccontextmanager
    async def lifespan(_: Server[Services]) -> AsyncIterator[Services]:
        services = Services(settings, transport=transport, now=now, shutdown=shutdown, known=known, recorder=recorder)
        if readiness is not None:
            readiness.depend_on(services.store.check, logs=not settings.database_url)
        if verification is not None:
            verification.ask_by(services.try_token)
        try:
            await elicitation.share_key(services.store)
            async with anyio.create_task_group() as services.background:
                yield services
                services.background.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await services.aclose()

    server = MogplexServer(
        "mogplex-mcp",
        version=__version__,
        title="Mogplex",
        description="Start, follow and manage Mogplex coding-agent runs.",
        website_url="https://mogplex.com",
        icons=[mcp_types.Icon(src=ICON, mime_type="image/svg+xml", sizes=["any"])],
        instructions=instructions(settings, names),
        cache_hints=dict.fromkeys(_FIXED_LISTS, CacheHint(ttl_ms=_FRESH_MS, scope="private")),
        # Definitions are built on demand: that takes as long as all of the above, and some clients only call tools.
        get_tool_input_schema=lambda name: tools[name].definition.input_schema if name in tools else None,
        lifespan=lifespan,
        on_list_tools=scopes.handler(handlers.list),
    )
    tasks = Tasks(handlers)
    server.add_request_handler("tools/call", mcp_types.CallToolRequestParams, scopes.handler(tasks.call))
    server.add_notification_handler(
        "notifications/cancelled", mcp_types.CancelledNotificationParams, scopes.handler(handlers.cancelled)
    )
    if any(tool.card for tool in offered):
        server.extensions[run_card.EXTENSION] = {}
    add_handlers(server, scopes, tasks, tools=names, has_channel=not multi_tenant)
    # First: a confirmation is bound to the arguments as they are understood.
    server.middleware.append(normalize_params)
    server.middleware.append(elicitation.boundary("mogplex-mcp", lambda context: scopes.open(context).identity))
    redact_spans(server, names | {prompt.name for prompt in PROMPTS})
    return server


def writing_tools(settings: Settings) -> frozenset[str]:
    """Return the names of the offered tools that always need the scope `write`.

    Raises:
        SettingsError: As `create_server`.
    """
    return frozenset(tool.name for tool in _tools(settings)[1] if needs_write(tool))


def tool_names(settings: Settings) -> frozenset[str]:
    """Return the names of the offered tools.

    Raises:
        SettingsError: As `create_server`.
    """
    return frozenset(tool.name for tool in _tools(settings)[1])


def _tools(settings: Settings) -> tuple[Sequence[Toolset], list[Tool]]:
    """Return all toolsets as the settings adapt them, and the tools that the settings select."""
    return adapt_toolsets(TOOLSETS, settings), offered_tools(TOOLSETS, settings)
