"""FastMCP's client, without a model: from a repository to a pull request.

pip install fastmcp
MOGPLEX_API_KEY=mog_… python fastmcp_client.py
"""

import asyncio
import os

from fastmcp import Client
from fastmcp.client.transports import ClientTransport, StdioTransport, StreamableHttpTransport


def over_stdio() -> ClientTransport:
    """The server as a process of this program."""
    return StdioTransport("uvx", ["mogplex-mcp"], env={"MOGPLEX_API_KEY": os.environ["MOGPLEX_API_KEY"]})


def over_http(url: str = "http://127.0.0.1:8765/mcp") -> ClientTransport:
    """A server that `mogplex-mcp http` runs."""
    return StreamableHttpTransport(url, headers={"Authorization": f"Bearer {os.environ['MOGPLEX_API_KEY']}"})


async def delegate(mogplex: ClientTransport, repo: str, task: str) -> str:
    """The address of the pull request that a run opened; empty if it opened none."""
    async with Client(mogplex) as client:
        started = await client.call_tool("start_run", {"repo": repo, "prompt": task})
        news = {"run_id": started.structured_content["run_id"], "cursor": ""}
        while "cursor" in news:
            position = {"run_id": news["run_id"], "cursor": news["cursor"]}
            news = (await client.call_tool("tail_run", position)).structured_content
            print(news["summary"])
        return news.get("pull_request", "")


if __name__ == "__main__":
    print(asyncio.run(delegate(over_stdio(), "acme/web", "Fix the flaky test.")))
