"""The MCP Python SDK 1, without a model: from a repository to a pull request, with progress.

pip install 'mcp>=1.30,<2'
MOGPLEX_API_KEY=mog_… python mcp_client_v1.py
"""

import asyncio
import os
from contextlib import AbstractAsyncContextManager

from httpx import AsyncClient
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


def over_stdio() -> AbstractAsyncContextManager:
    """The server as a process of this program."""
    token = os.environ["MOGPLEX_API_KEY"]
    return stdio_client(StdioServerParameters(command="uvx", args=["mogplex-mcp"], env={"MOGPLEX_API_KEY": token}))


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> AbstractAsyncContextManager:
    """A server that `mogplex-mcp http` runs."""
    headers = {"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"}
    return streamable_http_client(url, http_client=AsyncClient(headers=headers, timeout=120))


async def show(_progress: float, _total: float | None, message: str | None) -> None:
    """Print progress while a call waits."""
    print(f"  {message}")


async def delegate(mogplex: AbstractAsyncContextManager, repo: str, task: str) -> str:
    """The address of the pull request that a run opened; empty if it opened none."""
    async with mogplex as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        started = await session.call_tool("start_run", {"repo": repo, "prompt": task})
        news = {"run_id": started.structuredContent["run_id"], "cursor": ""}
        while "cursor" in news:
            position = {"run_id": news["run_id"], "cursor": news["cursor"]}
            news = (await session.call_tool("tail_run", position, progress_callback=show)).structuredContent
            print(news["summary"])
        return news.get("pull_request", "")


if __name__ == "__main__":
    print(asyncio.run(delegate(over_stdio(), "acme/web", "Fix the flaky test.")))
