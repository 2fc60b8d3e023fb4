"""What holds for every answer, whatever happened on the way to it."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp_types import CallToolResult

from mogplex_mcp.simulator import Simulator, hosted_tool, hosted_tools
from tests.faults.routes import Route
from tests.tools.support import connected_client, text_of, three_parts

LONGEST_SECONDS = 45 * 1.1
"""What a client without a name bears, and the share of it within which a tool is ended."""
LATER_SECONDS = 900
"""So much later nothing is remembered: neither the same start, nor what a list said."""
UNKNOWN = "It is not known whether it took effect."
WALL_CHARACTERS = 10_000

# A hosted tool without a twin here, which writes.
NOTE = hosted_tool.HostedTool(
    "mogplex_note",
    "Note",
    "Note it.",
    "POST",
    "/pr-reviews/rerun",
    lambda _, __: "Noted.",
    {"repoId": {"type": "string"}, "prNumber": {"type": "integer"}},
    ("repoId", "prNumber"),
)


@dataclass(frozen=True)
class Outcome:
    """What a call came to.

    Attributes:
        result: The answer.
        text: Its text.
        code: Of the error; empty for a success.
        seconds: How long it took.
    """

    result: CallToolResult
    text: str
    code: str
    seconds: float

    @property
    def facts(self) -> str:
        """The structured content, without how long ago things were."""
        return re.sub(r" \([^()]* ago\)", "", json.dumps(self.result.structured_content, sort_keys=True))


@contextlib.asynccontextmanager
async def everything(
    simulator: Simulator, route: Route, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[Client]:
    """A client with all tools, which need not ask, after what comes before the call of a route."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(hosted_tools.HOSTED_TOOLS, NOTE.name, NOTE)
        options: dict[str, Any] = {"MOGPLEX_MCP_TOOLSETS": "all", "MOGPLEX_MCP_ALLOW_DESTRUCTIVE": "1"}
        async with connected_client(simulator, transport=transport, **options) as client:
            for tool, arguments in route.before:
                assert not (await client.call_tool(tool, dict(arguments))).is_error
            yield client


async def outcome_of(client: Client, tool: str, arguments: Mapping[str, Any]) -> Outcome:
    """Call a tool: a success that is short enough, or an error in its three parts that is no fault of ours."""
    began = anyio.current_time()
    result = await client.call_tool(tool, dict(arguments))
    seconds = anyio.current_time() - began
    text = text_of(result)
    assert len(text) <= WALL_CHARACTERS
    code = three_parts(result) if result.is_error else ""
    assert "mogplex-mcp itself failed" not in text
    if not code:
        assert isinstance(result.structured_content, dict)
        assert len(json.dumps(result.structured_content, ensure_ascii=False)) <= WALL_CHARACTERS
    return Outcome(result, text, code, seconds)


def busiest_minute(simulator: Simulator) -> int:
    """The most units that were spent within any minute."""
    spent = [(seen.at, seen.units) for seen in simulator.requests]
    return max(sum(units for at, units in spent if last - 60 < at <= last) for last, _ in spent)
