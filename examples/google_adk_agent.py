"""Google Agent Development Kit: an agent that delegates coding tasks to Mogplex.

pip install google-adk mcp
GOOGLE_API_KEY=… python google_adk_agent.py [ADDRESS]
"""

import asyncio
import os
import sys

from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm
from google.adk.runners import InMemoryRunner
from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams, StreamableHTTPConnectionParams
from google.genai import types
from launch import COMMAND, ENVIRONMENT
from mcp import StdioServerParameters

CALL_SECONDS = 120  # a tool call ends after 5 seconds unless the connection says otherwise
WAIT_SECONDS = "100"  # tells the server, which takes every ADK program for one that waits 5 seconds


def over_stdio() -> McpToolset:
    """The server as a process of this program."""
    server = StdioServerParameters(command=COMMAND, env=ENVIRONMENT | {"MOGPLEX_MCP_MAX_WAIT": WAIT_SECONDS})
    return McpToolset(connection_params=StdioConnectionParams(server_params=server, timeout=CALL_SECONDS))


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> McpToolset:
    """A server that `mogplex-mcp http` runs: with `--max-wait`, or it finds out within some calls."""
    headers = {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}
    return McpToolset(connection_params=StreamableHTTPConnectionParams(url=url, headers=headers, timeout=CALL_SECONDS))


async def ask(mogplex: McpToolset, task: str, model: BaseLlm | str = "gemini-flash-latest") -> str:
    """What the agent answers when it is done with the task."""
    agent = LlmAgent(name="delegate", model=model, instruction="Delegate coding tasks to Mogplex.", tools=[mogplex])
    async with InMemoryRunner(agent=agent, app_name="delegate") as runner:
        session = await runner.session_service.create_session(app_name="delegate", user_id="me")
        message = types.Content(role="user", parts=[types.Part(text=task)])
        answer = ""
        async for event in runner.run_async(user_id="me", session_id=session.id, new_message=message):
            if event.is_final_response() and event.content and event.content.parts:
                answer = "".join(part.text or "" for part in event.content.parts)
        return answer


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(ask(server, "Fix the flaky test in acme/web and give me the pull request.")))
