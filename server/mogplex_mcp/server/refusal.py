"""A server whose settings are invalid: it is there, says why in every call, and runs nothing.

If it exited instead, clients would show "Connection closed" and not the reason.
"""

from collections.abc import Sequence

import mcp_types

from mogplex_mcp.operations.task_poll import TaskPoll
from mogplex_mcp.server.request_scope import RequestScope
from mogplex_mcp.server.tool_handlers import ToolHandlers
from mogplex_mcp.toolkit.elicitation import Elicitation
from mogplex_mcp.toolkit.errors import ToolError
from mogplex_mcp.toolkit.toolset import Tool

_FOLLOWING = (
    "Ask the user to correct the setting in this server's entry in the client's configuration (or in the environment) "
    "and to restart the server there; `mogplex-mcp doctor` checks it"
)


class RefusingHandlers(ToolHandlers):
    """Answers every call with the reason why no tool runs.

    Args:
        elicitation: As of `ToolHandlers`.
        reasons: What is wrong with the settings, in sentences.
        listed: The tool that is listed, so that a model can ask for the reason.
    """

    def __init__(self, elicitation: Elicitation, reasons: Sequence[str], listed: Tool) -> None:
        super().__init__(elicitation)
        self._listed = listed
        self._text = ToolError("Nothing was done", " ".join(reasons), _FOLLOWING, "invalid_setting").text

    async def list(
        self, _scope: RequestScope, _params: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListToolsResult:
        """Return the one tool that says what is wrong."""
        return mcp_types.ListToolsResult(tools=[self._listed.definition])

    async def call(
        self, _scope: RequestScope, _params: mcp_types.CallToolRequestParams, _poll: TaskPoll | None = None
    ) -> mcp_types.CallToolResult:
        """Return the reason, whatever tool is called."""
        return mcp_types.CallToolResult(content=[mcp_types.TextContent(type="text", text=self._text)], is_error=True)
