"""The MCP server: the one place where settings, tools and connections are wired."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import anyio
import mcp_types
from mcp.server import Server
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext

from mogplex_mcp import __version__
from mogplex_mcp.bridge import Bridge
from mogplex_mcp.clients import client_key
from mogplex_mcp.handlers import add_handlers
from mogplex_mcp.instructions import instructions
from mogplex_mcp.offer import Offer
from mogplex_mcp.settings import Settings
from mogplex_mcp.token_source import FoundToken
from mogplex_mcp.tools.asking import Asker
from mogplex_mcp.tools.call import Call
from mogplex_mcp.tools.catalog import TOOLSETS
from mogplex_mcp.tools.consent import Consent
from mogplex_mcp.tools.dispatch import dispatch
from mogplex_mcp.tools.fitting import fitted, needs_write
from mogplex_mcp.tools.toolset import select

if TYPE_CHECKING:
    import httpx  # slow to import, and not needed before the first request

# What these answer is fixed for the life of a process.
_FIXED_LISTS: Final = ("tools/list", "prompts/list", "resources/templates/list")
_FRESH_MS: Final = 3_600_000
# Sent with each answer of the 2026 protocol: drawn with as few characters as possible.
_ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Cpath d='M1 7V1l3 3 3-3v6' fill='none' stroke='%23635bff'/%3E%3C/svg%3E"
)

Identify = Callable[[Mapping[str, str]], FoundToken | None]
"""Tells by the headers of an HTTP request whose token counts; None for the process's own."""


def create_server(
    settings: Settings,
    *,
    transport: "httpx.AsyncBaseTransport | None" = None,
    now: Callable[[], float] = time.time,
    identify: Identify | None = None,
) -> Server[Bridge]:
    """An MCP server for these settings, for any transport and both protocol eras.

    Args:
        settings: The user's choices.
        transport: What requests to Mogplex go through instead of the network.
        now: Seconds since the epoch.
        identify: Whose token counts, where callers bring their own.

    Raises:
        ValueError: The settings name tools or toolsets that do not exist; the message names the nearest.
    """
    chosen = select(
        fitted(TOOLSETS, settings),
        wanted_toolsets=settings.toolsets,
        wanted_tools=settings.tools,
        excluded_tools=settings.exclude_tools,
        read_only=settings.read_only,
    )
    tools = {tool.name: tool for tool in chosen}
    asker = Asker(allow_unasked=settings.allow_destructive, now=now)
    listed = mcp_types.ListToolsResult(tools=[tool.definition for tool in chosen])

    @asynccontextmanager
    async def lifespan(_: Server[Bridge]) -> AsyncIterator[Bridge]:
        bridge = Bridge(settings, transport=transport, now=now)
        try:
            yield bridge
        finally:
            with anyio.CancelScope(shield=True):
                await bridge.aclose()

    async def list_tools(
        _: ServerRequestContext[Bridge], _params: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListToolsResult:
        return listed

    def whose(context: ServerRequestContext[Bridge]) -> FoundToken:
        headers = context.request.headers if context.request is not None else None
        found = identify(headers) if identify and headers is not None else None
        return found or context.lifespan_context.own_token()

    def open_call(context: ServerRequestContext[Bridge]) -> Call:
        arrived, bridge = anyio.current_time(), context.lifespan_context
        client, version = _client(context)
        return Call(
            tenant=bridge.tenants.of(whose(context)),
            settings=settings,
            client=client,
            version=version,
            arrived=arrived,
            learnt=bridge.learnt,
            progress=lambda done, message: context.session.report_progress(done, message=message),
            offered=frozenset(tools),
            warnings=bridge.warnings,
            clock=now,
        )

    async def call_tool(
        context: ServerRequestContext[Bridge], params: mcp_types.CallToolRequestParams
    ) -> mcp_types.CallToolResult | mcp_types.InputRequiredResult:
        bridge = context.lifespan_context

        async def run(consent: Consent) -> mcp_types.CallToolResult:
            def call() -> Call:
                opened = replace(open_call(context), consent=consent)
                if needs_write(tools[params.name]):
                    opened.tenant.scopes.check_write()
                return opened

            async with bridge.open_calls.answering(context, client_key(*_client(context))):
                return await dispatch(tools, params.name, params.arguments or {}, call, base_url=settings.base_url)

        token = whose(context).token
        return await asker.run(run, context, params, caller=token.value if token else "")

    async def cancelled(context: ServerRequestContext[Bridge], params: mcp_types.CancelledNotificationParams) -> None:
        await context.lifespan_context.open_calls.cancelled(context, params)

    server = Server[Bridge](
        "mogplex-mcp",
        version=__version__,
        title="Mogplex",
        description="Start, follow and manage Mogplex coding-agent runs.",
        website_url="https://mogplex.com",
        icons=[mcp_types.Icon(src=_ICON, mime_type="image/svg+xml", sizes=["any"])],
        instructions=instructions(settings, tools),
        cache_hints=dict.fromkeys(_FIXED_LISTS, CacheHint(ttl_ms=_FRESH_MS, scope="private")),
        get_tool_input_schema=lambda name: tools[name].definition.input_schema if name in tools else None,
        lifespan=lifespan,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    server.add_notification_handler("notifications/cancelled", mcp_types.CancelledNotificationParams, cancelled)
    offer = Offer(settings, tools=lambda _: tools, whose=whose, open_call=open_call, now=now)
    add_handlers(server, offer, tools=frozenset(tools), has_channel=identify is None)
    return server


def _client(context: ServerRequestContext[Bridge]) -> tuple[str, str]:
    """The name and version of the client, as it gave them."""
    info = context.session.client_params.client_info if context.session.client_params else None
    return (info.name, info.version) if info else ("", "")
