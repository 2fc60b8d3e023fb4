"""The MCP Python SDK 1, without a model: from a repository to a pull request, with progress.

pip install 'mcp>=1.30,<2'
python mcp_client_v1.py [ADDRESS]
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from httpx import AsyncClient
from launch import COMMAND, ENVIRONMENT
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


def over_stdio() -> AbstractAsyncContextManager:
    """The server as a process of this program."""
    return stdio_client(StdioServerParameters(command=COMMAND, env=ENVIRONMENT))


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
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(delegate(server, "acme/web", "Fix the flaky test.")))
