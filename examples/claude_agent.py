"""Claude Agent SDK: an agent that delegates coding tasks to Mogplex.

pip install claude-agent-sdk
ANTHROPIC_API_KEY=… python claude_agent.py [ADDRESS]
"""

import asyncio
import os
import sys

from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, query
from claude_agent_sdk.types import McpServerConfig
from launch import COMMAND, ENVIRONMENT


def over_stdio() -> McpServerConfig:
    """The server as a process of Claude Code, which the SDK brings and starts."""
    return {"command": COMMAND, "env": ENVIRONMENT}


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> McpServerConfig:
    """A server that `mogplex-mcp http` runs."""
    return {"type": "http", "url": url, "headers": {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}}


async def ask(mogplex: McpServerConfig, task: str, model: str | None = None) -> str:
    """What the agent answers when it is done with the task."""
    options = ClaudeAgentOptions(
        mcp_servers={"mogplex": mogplex},
        tools=[],  # none of Claude Code's own
        allowed_tools=["mcp__mogplex"],  # all of the server's, which are denied otherwise
        setting_sources=[],  # no settings and servers of the person who runs this
        system_prompt="Delegate coding tasks to Mogplex.",
        model=model,
    )
    answer = ""
    async for message in query(prompt=task, options=options):
        if isinstance(message, ResultMessage):
            answer = message.result or ""
    return answer


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(ask(server, "Fix the flaky test in acme/web and give me the pull request.")))
