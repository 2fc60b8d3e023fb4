"""MCP servers that the user connected to Mogplex."""

from collections.abc import Sequence

from mogplex_mcp.api.models import McpServer
from mogplex_mcp.operations.context import OperationContext


async def list_mcp_servers(context: OperationContext) -> Sequence[McpServer]:
    """List the MCP servers that Mogplex's agents can use, without the secrets of their configuration.

    Raises:
        MogplexError: Mogplex could not be asked, or refused.
    """
    return await context.tenant.mogplex.list_mcp_servers()
