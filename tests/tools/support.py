"""In the test's own process: a real MCP client, the real server, a simulated Mogplex."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import httpx2
from mcp import Client
from mcp_types import CallToolResult, Implementation, ResourceLink, TextContent

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.reply.untrusted import WARNING
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from tests.virtual_time import virtual_now

Mode = Literal["legacy", "auto"]

WALL = 10_000
"""No answer has more characters."""

A_UUID = "00000000-0000-4000-8000-00000000abcd"
"""The id of nothing."""

CALLS: dict[str, dict[str, Any]] = {
    "list_repos": {},
    "start_run": {"repo": "acme/web", "prompt": "x"},
    "tail_run": {"run_id": A_UUID},
    "get_run": {"run_id": A_UUID},
    "list_runs": {},
    "cancel_run": {"run_id": A_UUID},
    "list_sandboxes": {},
    "create_sandbox": {"repo": "acme/web"},
    "get_sandbox_logs": {"sandbox_id": A_UUID},
}
"""A call of each tool that is about repos, runs or sandboxes."""


def settings(token: str = DEMO_TOKEN, **environment: str) -> Settings:
    """Settings of somebody without a home directory: nothing of this machine is read or written."""
    return Settings.load({"MOGPLEX_API_KEY": token, **environment})


@contextlib.asynccontextmanager
async def connected_client(
    simulator: Simulator | None = None,
    *,
    token: str = DEMO_TOKEN,
    transport: httpx2.AsyncBaseTransport | None = None,
    mode: Mode = "auto",
    client: str = "mcp",
    **environment: str,
) -> AsyncIterator[Client]:
    """A client that is connected to a server in front of a simulator, on virtual time."""
    simulator = simulator or Simulator(now=virtual_now)
    server = create_server(
        settings(token, **environment), transport=transport or simulator.transport(), now=virtual_now
    )
    info = Implementation(name=client, version="1")
    async with Client(server, mode=mode, client_info=info) as connected:
        yield connected


async def answer(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    """A call that must succeed."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    return result


async def error(client: Client, tool: str, /, **arguments: Any) -> str:
    """A call that must be a tool error in its three parts; gives its text."""
    result = await client.call_tool(tool, arguments)
    three_parts(result)
    return text_of(result)


def three_parts(result: CallToolResult) -> str:
    """The code of a tool error, which must be in its three parts."""
    text = text_of(result)
    assert result.is_error, text
    assert result.structured_content is None
    # What others said of it is quoted at the end.
    happened, why, following, code = text.partition(f"\n{WARNING}\n")[0].split("\n")
    assert happened.endswith(".")
    assert why.startswith("Why: ")
    assert following.startswith("Next: ")
    assert code.startswith("(code: ")
    for odd in ("..", "?.", "!.", ",.", ";.", "None.", "Traceback", "Internal server error"):
        assert odd not in text, text
    return code.removeprefix("(code: ").rstrip(")").partition(",")[0]


def text_of(result: CallToolResult) -> str:
    block, *links = result.content
    assert isinstance(block, TextContent)
    assert all(isinstance(link, ResourceLink) for link in links)
    return block.text


class Unreachable(httpx2.AsyncBaseTransport):
    """A network on which every request ends in the same fault."""

    def __init__(self, fault: Callable[[httpx2.Request], Exception | httpx2.Response]) -> None:
        self._fault = fault

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        outcome = self._fault(request)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
