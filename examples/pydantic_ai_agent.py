"""Pydantic AI: an agent that delegates coding tasks to Mogplex.

pip install 'pydantic-ai-slim[mcp,openai]'
OPENAI_API_KEY=… python pydantic_ai_agent.py [ADDRESS]
"""

import asyncio
import os
import sys

from fastmcp.client.transports import StdioTransport
from launch import COMMAND, ENVIRONMENT
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models import Model


def over_stdio() -> MCPToolset:
    """The server as a process of this program."""
    return MCPToolset(StdioTransport(COMMAND, [], env=ENVIRONMENT), include_instructions=True)


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> MCPToolset:
    """A server that `mogplex-mcp http` runs."""
    headers = {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}
    return MCPToolset(url, headers=headers, include_instructions=True)


async def ask(mogplex: MCPToolset, task: str, model: Model | str = "openai:gpt-5") -> str:
    """What the agent answers when it is done with the task."""
    agent = Agent(model, toolsets=[mogplex], instructions="Delegate coding tasks to Mogplex.")
    async with agent:
        result = await agent.run(task)
    return result.output


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(ask(server, "Fix the flaky test in acme/web and give me the pull request.")))
