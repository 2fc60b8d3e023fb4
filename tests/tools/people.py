"""Clients whose user can be asked, and what each answer has to keep to."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult

from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from tests.answers import leaves
from tests.tools.support import Mode, answer, settings, text_of
from tests.virtual_time import virtual_now

YES = ElicitResult(action="accept", content={"confirm": True})
WALL_CHARACTERS = 10_000


class User:
    """Somebody who answers questions, and remembers them."""

    def __init__(self, *answers: ElicitResult) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextlib.asynccontextmanager
async def client_with(
    user: Any = None,
    simulator: Simulator | None = None,
    *,
    mode: Mode = "auto",
    token: str = DEMO_TOKEN,
    toolsets: str = "all",
    **environment: str,
) -> AsyncIterator[Client]:
    """A client with a user behind it, or with nobody, connected to a server with all toolsets."""
    simulator = simulator or Simulator(now=virtual_now)
    chosen = settings(token, MOGPLEX_MCP_TOOLSETS=toolsets, **environment)
    server = create_server(chosen, transport=simulator.transport(), now=virtual_now)
    async with Client(server, mode=mode, elicitation_callback=user) as client:
        yield client


async def facts(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """The structured content of a call that must succeed, be short enough, and say the same in its text."""
    result = await answer(client, tool, **arguments)
    check_answer(result)
    assert result.structured_content is not None
    return dict(result.structured_content)


def check_answer(result: CallToolResult) -> None:
    text, structured = text_of(result), result.structured_content
    assert len(text) <= WALL_CHARACTERS
    assert len(json.dumps(structured, ensure_ascii=False)) <= WALL_CHARACTERS
    for value in leaves(structured):
        assert value in text


def ids(simulator: Simulator) -> dict[str, str]:
    """The ids of automations by name."""
    return {one.name: one.id for one in simulator.world.automations.values()}
