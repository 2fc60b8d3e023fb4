"""Registration of the handlers for resources, subscriptions, prompts and completions; capabilities follow from them."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import mcp_types
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS

from mogplex_mcp.server.identity import MogplexServer
from mogplex_mcp.server.prompts import PROMPTS, get_prompt, list_prompts
from mogplex_mcp.server.request_scope import Context, RequestScope, RequestScopes
from mogplex_mcp.server.resources import RESOURCES, list_resources, list_templates, read_resource
from mogplex_mcp.server.subscriptions import PUSHED, Subscriptions
from mogplex_mcp.server.tasks import TASK_TOOLS, TASKS, TaskParams, Tasks

if TYPE_CHECKING:
    from mogplex_mcp.server.completions import Completions

Complete = Callable[[RequestScope, mcp_types.CompleteRequestParams], Awaitable[mcp_types.CompleteResult]]


def add_handlers(
    server: MogplexServer, scopes: RequestScopes, tasks: Tasks, *, tools: frozenset[str], has_channel: bool
) -> None:
    """Register the handlers of everything except tools.

    Args:
        server: The server, with its tools.
        scopes: Opens the scope of each request.
        tasks: Answers for tasks.
        tools: The names of all tools that any request may use.
        has_channel: Whether notifications can be sent to connections of the 2025 protocol outside of a response: not
            over stateless HTTP.
    """
    has_resources = any(kind.tool in tools for kind in RESOURCES)
    has_prompts = any(prompt.needs <= tools for prompt in PROMPTS)

    def add(method: str, params: type[Any], handle: Callable[[RequestScope, Any], Awaitable[Any]]) -> None:
        server.add_request_handler(method, params, scopes.handler(handle))

    if has_resources:
        add("resources/list", mcp_types.PaginatedRequestParams, list_resources)
        add("resources/templates/list", mcp_types.PaginatedRequestParams, list_templates)
        add("resources/read", mcp_types.ReadResourceRequestParams, read_resource)
    if has_prompts:
        add("prompts/list", mcp_types.PaginatedRequestParams, list_prompts)
        add("prompts/get", mcp_types.GetPromptRequestParams, get_prompt)
    if has_resources or has_prompts:
        add("completion/complete", mcp_types.CompleteRequestParams, _completer())
    if any(kind.tool in tools for kind in PUSHED):
        subscriptions = Subscriptions(tasks)
        add("subscriptions/listen", mcp_types.SubscriptionsListenRequestParams, subscriptions.listen)
        if has_channel:
            add("resources/subscribe", mcp_types.SubscribeRequestParams, subscriptions.subscribe)
            add("resources/unsubscribe", mcp_types.UnsubscribeRequestParams, subscriptions.unsubscribe)

    of_this_era: dict[str, dict[str, Any]] = {}
    if TASK_TOOLS & tools:
        add("tasks/get", TaskParams, tasks.get)
        add("tasks/update", TaskParams, tasks.update)
        add("tasks/cancel", TaskParams, tasks.cancel)
        # Not in the answer to `initialize`: a client of the 2025 protocol can't be sent a task.
        of_this_era[TASKS] = {}

    async def discover(context: Context, _: mcp_types.RequestParams) -> mcp_types.DiscoverResult:
        return mcp_types.DiscoverResult(
            supported_versions=list(reversed(KNOWN_PROTOCOL_VERSIONS)),
            capabilities=_without_list_changes(
                server.get_capabilities(
                    extensions={**server.extensions, **of_this_era} or None, protocol_version=context.protocol_version
                )
            ),
            instructions=server.instructions,
            _meta=server.whole_server_info(),
        )

    server.add_request_handler("server/discover", mcp_types.RequestParams, discover)


def _completer() -> Complete:
    """Return the handler of completions, which loads their module at the first request: few clients ever send one."""

    @cache
    def completions() -> "Completions":
        from mogplex_mcp.server.completions import Completions  # noqa: PLC0415 - see above

        return Completions()

    async def complete(scope: RequestScope, params: mcp_types.CompleteRequestParams) -> mcp_types.CompleteResult:
        return await completions().complete(scope, params)

    return complete


def _without_list_changes(capabilities: mcp_types.ServerCapabilities) -> mcp_types.ServerCapabilities:
    """Return the capabilities without `listChanged`, which the SDK declares with `subscriptions/listen`."""
    for one in (capabilities.tools, capabilities.prompts, capabilities.resources):
        if one is not None:
            one.list_changed = False
    return capabilities
