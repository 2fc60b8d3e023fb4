"""The MCP Python SDK 2, without a model: from a repository to a pull request, with progress.

pip install 'mcp>=2.3'
python mcp_client.py [ADDRESS]
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(delegate(server, "acme/web", "Fix the flaky test.")))
