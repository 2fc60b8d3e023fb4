"""Deep Agents: an agent that plans, and delegates coding tasks to Mogplex.

pip install deepagents langchain-mcp-adapters
ANTHROPIC_API_KEY=… python deepagents_agent.py [ADDRESS]
"""

import asyncio
import os
import sys

from deepagents import create_deep_agent
from langchain_core.language_models import BaseChatModel
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from launch import COMMAND, ENVIRONMENT


def over_stdio() -> MultiServerMCPClient:
    """The server as a process of this program."""
    server = {"transport": "stdio", "command": COMMAND, "args": [], "env": ENVIRONMENT}
    return MultiServerMCPClient({"mogplex": server})


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> MultiServerMCPClient:
    """A server that `mogplex-mcp http` runs."""
    headers = {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}
    return MultiServerMCPClient({"mogplex": {"transport": "http", "url": url, "headers": headers}})


async def ask(
    mogplex: MultiServerMCPClient, task: str, model: BaseChatModel | str = "anthropic:claude-sonnet-4-6"
) -> str:
    """What the agent answers when it is done with the task.

    One session for all calls: `mogplex.get_tools()` would start the server anew for each of them.
    """
    async with mogplex.session("mogplex") as session:
        tools = await load_mcp_tools(session)
        agent = create_deep_agent(model, tools, system_prompt="Delegate coding tasks to Mogplex.")
        result = await agent.ainvoke({"messages": [{"role": "user", "content": task}]})
        return str(result["messages"][-1].text)


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(ask(server, "Fix the flaky test in acme/web and give me the pull request.")))
