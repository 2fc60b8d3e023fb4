"""OpenAI Agents SDK: an agent that delegates coding tasks to Mogplex.

pip install openai-agents
OPENAI_API_KEY=… python openai_agents.py [ADDRESS]
"""

import asyncio
import os
import sys

from agents import Agent, Model, Runner
from agents.mcp import MCPServer, MCPServerStdio, MCPServerStreamableHttp
from launch import COMMAND, ENVIRONMENT

CALL_SECONDS = 120  # a tool call ends after 5 seconds unless the server entry says otherwise
WAIT_SECONDS = "100"  # tells the server, which can't see how long this program waits


def over_stdio() -> MCPServer:
    """The server as a process of this program."""
    env = ENVIRONMENT | {"MOGPLEX_MCP_MAX_WAIT": WAIT_SECONDS}
    return MCPServerStdio(
        params={"command": COMMAND, "env": env},
        client_session_timeout_seconds=CALL_SECONDS,
        cache_tools_list=True,
    )


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> MCPServer:
    """A server that `mogplex-mcp http` runs."""
    return MCPServerStreamableHttp(
        params={"url": url, "headers": {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}},
        client_session_timeout_seconds=CALL_SECONDS,
        cache_tools_list=True,
    )


async def ask(mogplex: MCPServer, task: str, model: Model | str | None = None) -> str:
    """What the agent answers when it is done with the task."""
    async with mogplex:
        agent = Agent(
            name="Delegate", instructions="Delegate coding tasks to Mogplex.", mcp_servers=[mogplex], model=model
        )
        result = await Runner.run(agent, task, max_turns=40)
        return str(result.final_output)


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(ask(server, "Fix the flaky test in acme/web and give me the pull request.")))
