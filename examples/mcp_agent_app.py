"""mcp-agent: an agent that delegates coding tasks to Mogplex.

pip install 'mcp-agent[openai]' 'mcp<2'
OPENAI_API_KEY=… python mcp_agent_app.py [ADDRESS]
"""

import asyncio
import os
import sys
from collections.abc import Callable

from launch import COMMAND, ENVIRONMENT
from mcp_agent.agents.agent import Agent
from mcp_agent.app import MCPApp
from mcp_agent.config import LoggerSettings, MCPServerSettings, MCPSettings, Settings
from mcp_agent.workflows.llm.augmented_llm import AugmentedLLM, RequestParams


def over_stdio() -> MCPServerSettings:
    """The server as a process of this program."""
    return MCPServerSettings(command=COMMAND, env=ENVIRONMENT)


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> MCPServerSettings:
    """A server that `mogplex-mcp http` runs."""
    headers = {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}
    return MCPServerSettings(transport="streamable_http", url=url, headers=headers)


async def ask(mogplex: MCPServerSettings, task: str, model: Callable[..., AugmentedLLM] | None = None) -> str:
    """What the agent answers when it is done with the task."""
    if model is None:
        from mcp_agent.workflows.llm.augmented_llm_openai import OpenAIAugmentedLLM  # noqa: PLC0415 - or another maker's

        model = OpenAIAugmentedLLM
    # By default, it logs to the standard output.
    settings = Settings(mcp=MCPSettings(servers={"mogplex": mogplex}), logger=LoggerSettings(type="none"))
    async with (
        MCPApp("delegate", settings=settings).run(),
        Agent(name="delegate", instruction="Delegate coding tasks to Mogplex.", server_names=["mogplex"]) as agent,
    ):
        llm = await agent.attach_llm(model)
        return await llm.generate_str(task, RequestParams(max_iterations=40))


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(ask(server, "Fix the flaky test in acme/web and give me the pull request.")))
