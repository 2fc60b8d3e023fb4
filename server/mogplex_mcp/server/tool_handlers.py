"""Handlers of `tools/list` and `tools/call`, and of the cancellation of a call."""

from collections.abc import Mapping
from typing import Any, Final

import mcp_types
from mcp.shared.exceptions import MCPError

from mogplex_mcp.operations.confirmation import Consent
from mogplex_mcp.operations.task_poll import TaskPoll
from mogplex_mcp.server.request_params import check_cursor
from mogplex_mcp.server.request_scope import RequestScope
from mogplex_mcp.server.resources import RUN
from mogplex_mcp.server.sign_in_elicitation import SignInElicitation
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.dispatch import dispatch
from mogplex_mcp.toolkit.elicitation import Elicitation
from mogplex_mcp.toolkit.toolset import Tool, needs_write

# A version of the protocol; they are dates, and sort as text.
_FIRST_WITH_LINKS: Final = "2025-06-18"


class ToolHandlers:
    """Answers requests for tools.

    Args:
        elicitation: Asks the user where a tool needs a confirmation.
    """

    def __init__(self, elicitation: Elicitation) -> None:
        self._elicitation = elicitation
        self._sign_in = SignInElicitation()

    async def list(
        self, scope: RequestScope, params: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListToolsResult:
        """Return all tools on one page: several clients read the first one only.

        Raises:
            MCPError: There is no such cursor.
        """
        check_cursor(params)
        return mcp_types.ListToolsResult(tools=[tool.definition for tool in scope.tools.values()])

    async def call(
        self, scope: RequestScope, params: mcp_types.CallToolRequestParams, poll: TaskPoll | None = None
    ) -> mcp_types.CallToolResult | mcp_types.InputRequiredResult:
        """Run a tool, with a sign-in and a confirmation by the user where it needs them.

        Args:
            scope: The request.
            params: The call.
            poll: Set if the call is one poll of a task, in which a tool that waits returns at once.

        Raises:
            MCPError: `INVALID_PARAMS`, there is no such tool (MCP specification, "Tools", "Error Handling").
        """
        tool = scope.tools.get(params.name)
        if tool is None:
            scope.services.recorder.tool_called("other", "unknown_tool", 0.0)
            raise MCPError(mcp_types.INVALID_PARAMS, f"Unknown tool: {scope.missing_tool(params.name)}")
        if (answer := await self._sign_in.ensure(scope, tool, params)) is not None:
            return answer
        # What another replica has learnt of this client counts for this call, too.
        await scope.services.learnt.share()
        key = scope.call_key(scope.context.request_id)
        if needs_write(tool):
            await scope.reread_token_without_write()

        async def run(consent: Consent) -> mcp_types.CallToolResult:
            async with scope.services.in_flight.answering(key, scope.learnt_as, scope.is_disconnected):
                return await self.run(scope, tool, params.arguments or {}, consent, poll)

        return await self._elicitation.run(run, scope.context, params, scope.progress)

    async def run(
        self, scope: RequestScope, tool: Tool, arguments: Mapping[str, Any], consent: Consent, poll: TaskPoll | None
    ) -> mcp_types.CallToolResult:
        """Run a tool; whatever goes wrong is in its result."""

        def open_call() -> Call:
            call = scope.open_call(consent, poll)
            if needs_write(tool):
                call.tenant.scopes.check_write()
            return call

        return await dispatch(
            scope.tools,
            tool,
            arguments,
            open_call,
            base_url=scope.settings.base_url,
            token_from=scope.token_from,
            recorder=scope.services.recorder,
            links=RUN.tool in scope.tools and scope.context.protocol_version >= _FIRST_WITH_LINKS,
        )

    async def cancelled(self, scope: RequestScope, params: mcp_types.CancelledNotificationParams) -> None:
        """Learn from a cancelled call how long its client waits."""
        scope.services.in_flight.cancelled(scope.call_key(params.request_id))
