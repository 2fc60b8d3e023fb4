"""fast-agent: an agent that delegates coding tasks to Mogplex.

pip install fast-agent-mcp        # Python 3.12 or newer
OPENAI_API_KEY=… python fast_agent_app.py [ADDRESS]
"""

import asyncio
import os
import sys

from fast_agent import Core, LoggerSettings, McpAgent, MCPServerSettings, MCPSettings, Settings
from fast_agent.agents.agent_types import AgentConfig
from fast_agent.llm.model_factory import ModelFactory
from launch import COMMAND, ENVIRONMENT


def over_stdio() -> MCPServerSettings:
    """The server as a process of this program."""
    return MCPServerSettings(command=COMMAND, args=[], env=ENVIRONMENT)


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> MCPServerSettings:
    """A server that `mogplex-mcp http` runs."""
    headers = {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}
    return MCPServerSettings(transport="http", url=url, headers=headers)


async def ask(mogplex: MCPServerSettings, task: str, model: str = "openai.gpt-5") -> str:
    """What the agent answers when it is done with the task."""
    quiet = LoggerSettings(type="none", progress_display=False, show_chat=False, show_tools=False)
    settings = Settings(mcp=MCPSettings(servers={"mogplex": mogplex}), logger=quiet)
    config = AgentConfig("delegate", "Delegate coding tasks to Mogplex.\n{{serverInstructions}}", servers=["mogplex"])
    async with Core(settings=settings).run() as core, McpAgent(config, context=core.context) as agent:
        await agent.attach_llm(ModelFactory.create_factory(model))
        return await agent.send(task)


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(ask(server, "Fix the flaky test in acme/web and give me the pull request.")))
