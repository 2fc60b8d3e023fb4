"""A caller over HTTP is identified once per request, and the handlers get what was identified."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import mcp_types
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult
from starlette.types import ASGIApp, Receive, Scope, Send

from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN, Simulator
from mogplex_mcp.transports.http.authentication import Callers
from tests.server.support import ERAS, start
from tests.tools.people import YES, User
from tests.transports.http.support import app_for, served

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def connected(address: str, token: str = DEMO_TOKEN, mode: str = "auto") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http,
        Client(
            streamable_http_client(f"http://{address}/mcp", http_client=http), mode=mode, elicitation_callback=User(YES)
        ) as client,
    ):
        yield client


@pytest.fixture
def identified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that were identified, one for each time."""
    identified: list[str] = []
    identify = Callers.identify

    def count(callers: Callers, headers: Mapping[str, str]) -> FoundToken | None:
        found = identify(callers, headers)
        identified.append(found.token.value if found and found.token else "")
        return found

    monkeypatch.setattr(Callers, "identify", count)
    return identified


def counting(app: ASGIApp, requests: list[str]) -> ASGIApp:
    """Count the HTTP requests to an app."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            requests.append(scope["method"])
        await app(scope, receive, send)

    return counted


@ERAS
async def test_each_request_is_identified_exactly_once(mode: str, identified: list[str]) -> None:
    requests: list[str] = []
    app = counting(app_for(Simulator(run_seconds=1).transport(), toolsets=("all",)), requests)
    async with served(app) as address, connected(address, mode=mode) as client:
        await client.list_tools()
        await client.list_prompts()
        await client.list_resources()
        run_id = await start(client)
        await client.call_tool("get_run", {"run_id": run_id})
        await client.read_resource(f"mogplex://runs/{run_id}")
        await client.complete(mcp_types.PromptReference(name="delegate_task"), {"name": "repo", "value": "web"})
        with pytest.raises(MCPError):
            await client.get_prompt("none")
    assert len(requests) >= 8
    assert identified == [DEMO_TOKEN] * len(requests)


async def test_a_confirmation_counts_only_for_the_caller_who_was_asked(identified: list[str]) -> None:
    simulator = Simulator()
    simulator.world.env_vars_available = True
    owner, other = (simulator.world.token(token) for token in (DEMO_TOKEN, DEMO_OTHER_TOKEN))
    assert owner
    assert other
    other.user_id = owner.user_id
    answer: dict[str, Any] = {"consent": ElicitResult(action="accept", content={"confirm": True})}
    call = "delete_env_var", {"repo": "acme/api", "key": "LOG_LEVEL"}
    async with (
        served(app_for(simulator.transport(), toolsets=("all",))) as address,
        connected(address) as mine,
        connected(address, DEMO_OTHER_TOKEN) as others,
    ):
        question = await mine.session.call_tool(*call, allow_input_required=True)
        assert isinstance(question, mcp_types.InputRequiredResult)
        with pytest.raises(MCPError, match="Invalid or expired requestState"):
            await others.session.call_tool(
                *call, allow_input_required=True, input_responses=answer, request_state=question.request_state
            )
        assert not [one for one in simulator.requests if one.method != "GET"]
        done = await mine.session.call_tool(
            *call, allow_input_required=True, input_responses=answer, request_state=question.request_state
        )
        assert isinstance(done, mcp_types.CallToolResult)
    assert [one.method for one in simulator.requests if one.method != "GET"] == ["DELETE"]
    assert set(identified) == {DEMO_TOKEN, DEMO_OTHER_TOKEN}
