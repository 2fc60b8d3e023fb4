"""LlamaIndex: an agent that delegates coding tasks to Mogplex.

pip install llama-index-core llama-index-tools-mcp llama-index-llms-openai
OPENAI_API_KEY=… python llama_index_agent.py [ADDRESS]
"""

import asyncio
import os
import sys

from launch import COMMAND, ENVIRONMENT
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

CALL_SECONDS = 120  # a tool call ends after 30 seconds unless the client says otherwise
WAIT_SECONDS = "100"  # tells the server, which can't see how long this program waits


def over_stdio() -> BasicMCPClient:
    """The server as a process of this program. LlamaIndex starts it anew for every call."""
    env = ENVIRONMENT | {"MOGPLEX_MCP_MAX_WAIT": WAIT_SECONDS}
    return BasicMCPClient(COMMAND, env=env, timeout=CALL_SECONDS)


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> BasicMCPClient:
    """A server that `mogplex-mcp http` runs."""
    headers = {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}
    return BasicMCPClient(url, headers=headers, timeout=CALL_SECONDS)


async def ask(mogplex: BasicMCPClient, task: str, model: FunctionCallingLLM | None = None) -> str:
    """What the agent answers when it is done with the task."""
    if model is None:
        from llama_index.llms.openai import OpenAI  # noqa: PLC0415 - any model with tools will do

        model = OpenAI("gpt-5")
    tools = await McpToolSpec(client=mogplex).to_tool_list_async()
    agent = FunctionAgent(tools=tools, llm=model, system_prompt="Delegate coding tasks to Mogplex.")
    return str(await agent.run(task))


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(ask(server, "Fix the flaky test in acme/web and give me the pull request.")))
