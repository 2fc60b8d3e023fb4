"""In a client without a token, the first tool call opens the sign-in, where the client can show an address."""

from pathlib import Path
from typing import Any

import anyio
import mcp_types
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitRequestURLParams, ElicitResult

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.grant import Grant
from mogplex_mcp.credentials.token_store import FileStore
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Simulator
from tests.sign_in.support import ORIGIN, Clock, Person, signed_in_simulator
from tests.tools.support import answer, error, text_of

pytestmark = pytest.mark.anyio

BOTH_ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])


class Reader:
    """Somebody whose client shows addresses; opens them, or says no."""

    def __init__(self, person: Person, action: Any = "accept", *, opens: bool = True) -> None:
        self.person = person
        self.action = action
        self.opens = opens
        self.asked: list[ElicitRequestURLParams] = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context
        assert isinstance(params, ElicitRequestURLParams)
        self.asked.append(params)
        if self.action == "accept" and self.opens:
            await self.person.open(params.url)
        return ElicitResult(action=self.action)


@pytest.fixture
def simulator(clock: Clock) -> Simulator:
    return signed_in_simulator(clock)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(token_file=tmp_path / "tokens.json", state_file=tmp_path / "state.sqlite3")


@BOTH_ERAS
async def test_first_tool_call_signs_in_and_then_does_its_work(
    mode: Any, simulator: Simulator, settings: Settings, clock: Clock
) -> None:
    reader = Reader(Person(simulator))
    server = create_server(settings, transport=simulator.transport(), now=clock)
    with anyio.fail_after(120):
        async with Client(server, mode=mode, elicitation_callback=reader) as client:
            assert "acme/web" in text_of(await answer(client, "list_repos"))
            await answer(client, "list_sandboxes")
    (asked,) = reader.asked
    assert asked.url.startswith(f"{ORIGIN}/api/auth/mcp/authorize?")
    assert ORIGIN in asked.message
    assert settings.token_file is not None
    stored = Grant.parse(FileStore(settings.token_file).get(ORIGIN))
    assert stored.access_token.value == simulator.requests[-1].token


@BOTH_ERAS
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_user_who_says_no_is_not_signed_in_and_the_listener_is_closed(
    mode: Any, action: str, simulator: Simulator, settings: Settings, clock: Clock
) -> None:
    reader = Reader(Person(simulator), action)
    server = create_server(settings, transport=simulator.transport(), now=clock)
    with anyio.fail_after(120):
        async with Client(server, mode=mode, elicitation_callback=reader) as client:
            text = await error(client, "list_repos")
    assert text.startswith("Nothing was done: the user did not sign in to Mogplex.")
    assert "`mogplex-mcp login`" in text
    assert settings.token_file is not None
    assert not settings.token_file.exists()


@BOTH_ERAS
async def test_user_who_takes_their_time_is_waited_for_by_the_next_call(
    mode: Any, simulator: Simulator, settings: Settings, clock: Clock
) -> None:
    reader = Reader(Person(simulator), opens=False)
    chosen = Settings(**{**vars(settings), "max_wait": 1.0})
    server = create_server(chosen, transport=simulator.transport(), now=clock)
    with anyio.fail_after(120):
        async with Client(server, mode=mode, elicitation_callback=reader) as client:
            assert "has not finished signing in" in await error(client, "list_repos")
            await reader.person.open(reader.asked[0].url)
            for _ in range(20):
                result = await client.call_tool("list_repos", {})
                if not result.is_error:
                    break
    assert not result.is_error
    assert len(reader.asked) == 1


@BOTH_ERAS
async def test_client_that_shows_no_address_is_told_the_one_command(
    mode: Any, simulator: Simulator, settings: Settings, clock: Clock
) -> None:
    server = create_server(settings, transport=simulator.transport(), now=clock)
    async with Client(server, mode=mode) as client:
        text = await error(client, "list_repos")
    assert "`mogplex-mcp login`" in text
    assert "(code: no_token)" in text
    assert simulator.requests == []


async def test_mogplex_without_oauth_says_what_to_do_instead(
    settings: Settings, simulator: Simulator, clock: Clock
) -> None:
    simulator.faults.outage(active=True)
    reader = Reader(Person(simulator))
    server = create_server(settings, transport=simulator.transport(), now=clock)
    async with Client(server, elicitation_callback=reader) as client:
        text = await error(client, "list_repos")
    assert "signing in failed" in text
    assert "`mogplex-mcp login`" in text
    assert reader.asked == []


async def test_two_calls_at_once_ask_once(settings: Settings, simulator: Simulator, clock: Clock) -> None:
    reader = Reader(Person(simulator))
    server = create_server(settings, transport=simulator.transport(), now=clock)
    results: list[mcp_types.CallToolResult] = []
    with anyio.fail_after(120):
        async with Client(server, mode="legacy", elicitation_callback=reader) as client:

            async def call(tool: str) -> None:
                results.append(await client.call_tool(tool, {}))

            async with anyio.create_task_group() as tasks:
                for tool in ("list_repos", "list_sandboxes"):
                    tasks.start_soon(call, tool)
    assert [one.is_error for one in results] == [False, False]
    assert len(reader.asked) == 1
