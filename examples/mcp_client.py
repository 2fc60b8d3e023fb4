"""The MCP Python SDK 2, without a model: from a repository to a pull request, with progress.

pip install 'mcp>=2.3'
MOGPLEX_API_KEY=mog_… python mcp_client.py
"""

import asyncio
import os

from httpx2 import AsyncClient
from mcp import Client, StdioServerParameters
from mcp.client import Transport
from mcp.client.streamable_http import streamable_http_client


def over_stdio() -> StdioServerParameters:
    """The server as a process of this program."""
    token = os.environ["MOGPLEX_API_KEY"]
    return StdioServerParameters(command="uvx", args=["mogplex-mcp"], env={"MOGPLEX_API_KEY": token})


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> Transport:
    """A server that `mogplex-mcp http` runs."""
    headers = {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}
    return streamable_http_client(url, http_client=AsyncClient(headers=headers, timeout=120))


async def show(_progress: float, _total: float | None, message: str | None) -> None:
    """Print progress while a call waits."""
    print(f"  {message}")


async def delegate(mogplex: StdioServerParameters | Transport, repo: str, task: str) -> str:
    """The address of the pull request that a run opened; empty if it opened none."""
    async with Client(mogplex) as client:
        started = await client.call_tool("start_run", {"repo": repo, "prompt": task})
        news = {"run_id": started.structured_content["run_id"], "cursor": ""}
        while "cursor" in news:
            position = {"run_id": news["run_id"], "cursor": news["cursor"]}
            answer = await client.call_tool("tail_run", position, progress_callback=show)
            news = answer.structured_content
            print(news["summary"])
        return news.get("pull_request", "")


if __name__ == "__main__":
    print(asyncio.run(delegate(over_stdio(), "acme/web", "Fix the flaky test.")))
