"""The caller of a request is who the transport identified, and never the process itself by default."""

from typing import Any

import mcp_types
import pytest
from mcp import Client, MCPError

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_request_without_an_identified_caller_never_gets_the_operators_token(mode: Any) -> None:
    simulator = Simulator()
    settings = Settings(api_key=Secret(DEMO_TOKEN))
    server = create_server(settings, transport=simulator.transport(), multi_tenant=True)
    async with Client(server, mode=mode) as client:
        with pytest.raises(MCPError):
            await client.call_tool("list_repos", {})
        with pytest.raises(MCPError):
            await client.read_resource("mogplex://repos")
        with pytest.raises(MCPError):
            await client.complete(
                mcp_types.PromptReference(type="ref/prompt", name="delegate_task"), {"name": "repo", "value": ""}
            )
    assert simulator.requests == []
