"""MCP servers that the user connected to Mogplex. Their configuration holds secrets, of which only names are told."""

from collections.abc import Sequence

from pydantic import BaseModel

from mogplex_mcp.api.models import McpServer
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.reply.untrusted import clean_line, name, word
from mogplex_mcp.tools.call import Call
from mogplex_mcp.tools.toolset import Hints, Toolset
from mogplex_mcp.tools.wording import counted

toolset = Toolset("connections", "MCP servers connected to Mogplex.", by_default=False)


class ConnectionRow(BaseModel):
    """One MCP server."""

    server: str
    enabled: bool
    transport: str = ""
    host: str = ""
    headers: Sequence[str] = ()
    variables: Sequence[str] = ()


class ConnectionList(Reply):
    """MCP servers."""

    servers: Sequence[ConnectionRow] = ()


@toolset.tool("List connected MCP servers", Hints())
async def list_mcp_servers(call: Call) -> ConnectionList:
    """List the MCP servers that Mogplex's agents can use: transport, host, names of headers and variables."""
    found = await call.tenant.mogplex.list_mcp_servers()
    odd = [clean_line(one.name, 100) for one in found if not name(one.name)]
    return ConnectionList(
        summary=f"{counted(len(found), 'MCP server')} connected to Mogplex.",
        servers=[_row(one) for one in found],
        notes=["They are changed on the Mogplex web page."],
        untrusted={"unusual_names": odd} if odd else {},
    )


def _row(one: McpServer) -> ConnectionRow:
    return ConnectionRow(
        server=name(one.name, "(unusual name)"),
        enabled=one.enabled,
        transport=word(one.transport, ""),
        host=name(one.host or ""),
        headers=[word(header, "(unusual name)") for header in one.header_names],
        variables=[word(variable, "(unusual name)") for variable in one.variable_names],
    )
