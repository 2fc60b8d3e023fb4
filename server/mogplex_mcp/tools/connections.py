"""MCP servers that the user connected to Mogplex: only names in their configuration, since the values are secrets."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from mogplex_mcp.api.models import McpServer
from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.operations import account
from mogplex_mcp.reply.model import ListReply
from mogplex_mcp.reply.schema import texts
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset

toolset = Toolset("connections", "MCP servers connected to Mogplex.", by_default=False)


class ConnectionRow(BaseModel):
    """One MCP server."""

    server: str = Field(description="Name of the MCP server.")
    enabled: bool = Field(description="Agents can use it.")
    transport: str = Field("", description="How it is reached.")
    host: str = Field("", description="Host that it runs on.")
    headers: Sequence[str] = Field((), description="Names of its headers.")
    variables: Sequence[str] = Field((), description="Names of its environment variables.")


class ConnectionList(ListReply):
    """MCP servers."""

    untrusted_schema: ClassVar[Mapping[str, Any]] = {"unusual_names": texts("Names that could be more than names.")}
    servers: Sequence[ConnectionRow] = Field(description="The MCP servers, without secrets.")


@toolset.tool("List connected MCP servers", Hints())
async def list_mcp_servers(call: Call) -> ConnectionList:
    """List the MCP servers that Mogplex's agents can use: transport, host, names of headers and variables.

    Their secrets can't be read. Costs one request.
    """
    found = await account.list_mcp_servers(call)
    odd = [clean_line(one.name, 100) for one in found if not sanitize_name(one.name)]
    return ConnectionList(
        summary=f"{counted(len(found), 'MCP server')} connected to Mogplex.",
        servers=[_row(one) for one in found],
        notes=["They are changed on the Mogplex web page."],
        untrusted={"unusual_names": odd} if odd else {},
    )


def _row(one: McpServer) -> ConnectionRow:
    return ConnectionRow(
        server=sanitize_name(one.name, "(unusual name)"),
        enabled=one.enabled,
        transport=sanitize_word(one.transport, ""),
        host=sanitize_name(one.host or ""),
        headers=[sanitize_word(header, "(unusual name)") for header in one.header_names],
        variables=[sanitize_word(variable, "(unusual name)") for variable in one.variable_names],
    )
