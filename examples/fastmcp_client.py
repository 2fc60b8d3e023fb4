"""FastMCP's client, without a model: from a repository to a pull request.

pip install fastmcp
python fastmcp_client.py [ADDRESS]
"""

import asyncio
import os
import sys

from fastmcp import Client
from fastmcp.client.transports import ClientTransport, StdioTransport, StreamableHttpTransport
from launch import COMMAND, ENVIRONMENT


def over_stdio() -> ClientTransport:
    """The server as a process of this program."""
    return StdioTransport(COMMAND, [], env=ENVIRONMENT)


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
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(delegate(server, "acme/web", "Fix the flaky test.")))
