"""DSPy: a ReAct agent that delegates coding tasks to Mogplex.

pip install 'dspy[mcp]' 'mcp>=2.3'
OPENAI_API_KEY=… python dspy_agent.py [ADDRESS]
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dspy
from httpx2 import AsyncClient
from launch import COMMAND, ENVIRONMENT
from mcp import Client, StdioServerParameters
from mcp.client import Transport
from mcp.client.streamable_http import streamable_http_client


def over_stdio() -> StdioServerParameters:
    """The server as a process of this program."""
    return StdioServerParameters(command=COMMAND, env=ENVIRONMENT)


@asynccontextmanager
async def over_http(url: str = "http://127.0.0.1:8765/mcp") -> AsyncIterator[tuple]:
    """A server that `mogplex-mcp http` runs."""
    headers = {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}
    async with (
        AsyncClient(headers=headers, timeout=120) as http,
        streamable_http_client(url, http_client=http) as streams,
    ):
        yield streams


class Delegate(dspy.Signature):
    """Delegate coding tasks to Mogplex."""

    task: str = dspy.InputField()
    answer: str = dspy.OutputField()


async def ask(mogplex: StdioServerParameters | Transport, task: str, model: dspy.LM | None = None) -> str:
    """What the agent answers when it is done with the task."""
    async with Client(mogplex) as client:
        tools = [dspy.Tool.from_mcp_tool(client, tool) for tool in (await client.list_tools()).tools]
        agent = dspy.ReAct(Delegate, tools=tools, max_iters=40)
        with dspy.context(lm=model or dspy.LM("openai/gpt-5")):
            result = await agent.acall(task=task)
    return result.answer


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(ask(server, "Fix the flaky test in acme/web and give me the pull request.")))
