"""Tools in the server: `tools/list`, `tools/call`, and what a client's cancelling tells about it."""

import mcp_types

from mogplex_mcp.operations.confirmation import Consent
from mogplex_mcp.server.request_scope import Context, RequestScope
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.dispatch import dispatch
from mogplex_mcp.toolkit.elicitation import Elicitation
from mogplex_mcp.toolkit.fitting import needs_write


class ToolHandlers:
    """Answers for tools.

    Args:
        offer: What a request may use, and whose it is.
        asker: Asks the user where a tool needs that.
    """

    def __init__(self, offer: RequestScope, asker: Elicitation) -> None:
        self._offer = offer
        self._asker = asker

    async def list(
        self, context: Context, _params: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListToolsResult:
        """All on one page: several clients read the first one only."""
        return mcp_types.ListToolsResult(tools=[tool.definition for tool in self._offer.tools(context).values()])

    async def call(
        self, context: Context, params: mcp_types.CallToolRequestParams
    ) -> mcp_types.CallToolResult | mcp_types.InputRequiredResult:
        """Run a tool, and ask the user first where it needs that."""
        tools = self._offer.tools(context)
        in_flight = context.lifespan_context.in_flight

        async def run(consent: Consent) -> mcp_types.CallToolResult:
            def open_call() -> Call:
                call = self._offer.open_call(context, consent)
                if needs_write(tools[params.name]):
                    call.tenant.scopes.check_write()
                return call

            async with in_flight.answering(context, self._offer.learnt_as(context)):
                return await dispatch(
                    tools, params.name, params.arguments or {}, open_call, base_url=self._offer.settings.base_url
                )

        token = self._offer.whose(context).token
        return await self._asker.run(run, context, params, caller=token.value if token else "")

    async def cancelled(self, context: Context, params: mcp_types.CancelledNotificationParams) -> None:
        """Learn from a client that gave up how long it waits."""
        await context.lifespan_context.in_flight.cancelled(context, params)
