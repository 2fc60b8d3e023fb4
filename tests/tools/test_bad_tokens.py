"""A token that is missing, malformed, refused or too weak, as a real client sees it; and none is ever shown."""

from typing import Any

import pytest

from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, Fault, FaultKind, Simulator
from tests.tools.support import CALLS, answer, connected_client, error, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

UNKNOWN_TOKEN = "mog_UnknownTokenUnknownTokenUnknown0"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_without_a_token_the_server_starts_and_every_tool_says_what_to_set(mode: Any) -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator, token="", mode=mode, MOGPLEX_MCP_TOOLSETS="all") as client:
        offered = {tool.name for tool in (await client.list_tools()).tools}
        assert offered >= {*CALLS, "check_connection"}
        for tool in offered - {"check_connection"}:
            text = await error(client, tool, **CALLS.get(tool, {}))
            assert text.startswith("There is no Mogplex token.")
            assert "MOGPLEX_API_KEY" in text
            assert "https://mogplex.com/settings/api-keys" in text
            assert "(code: no_token)" in text
        checked = await answer(client, "check_connection")
    assert checked.structured_content is not None
    assert checked.structured_content["connected"] is False
    assert "There is no Mogplex token" in text_of(checked)
    assert "MOGPLEX_API_KEY" in text_of(checked)
    assert simulator.requests == []


@pytest.mark.parametrize("token", ["hunter2", "mog_short", "mog_" + "y" * 33])
async def test_a_malformed_token_is_named_as_such_by_every_tool_and_never_shown_or_sent(token: str) -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator, token=token) as client:
        texts = [await error(client, tool, **arguments) for tool, arguments in CALLS.items()]
        texts.append(text_of(await answer(client, "check_connection")))
    for text in texts:
        assert "isn't a valid token" in text
        assert "The value from the environment is not a token" in text
        assert token not in text
    assert "(code: malformed_token)" in texts[0]
    assert simulator.requests == []


@pytest.mark.parametrize("token", ["${MOGPLEX_API_KEY}", "mog_" + "x" * 33])
async def test_a_placeholder_for_the_token_is_named_as_such_by_every_tool(token: str) -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator, token=token) as client:
        texts = [await error(client, tool, **arguments) for tool, arguments in CALLS.items()]
        texts.append(text_of(await answer(client, "check_connection")))
    for text in texts:
        assert "There is no Mogplex token" in text
        assert "MOGPLEX_API_KEY contains a placeholder that was not filled in" in text
        assert token not in text
    assert simulator.requests == []


async def test_a_token_that_mogplex_refuses_is_named_and_an_outage_is_thought_of() -> None:
    async with connected_client(token=UNKNOWN_TOKEN) as client:
        for tool in ("list_repos", "start_run", "list_sandboxes"):
            text = await error(client, tool, **CALLS[tool])
            assert text.startswith("Mogplex did not accept the token.")
            assert "revoked or expired" in text
            assert "outage" in text
            assert "Then call check_connection" in text
            assert UNKNOWN_TOKEN not in text
        checked = text_of(await answer(client, "check_connection"))
    assert "Not connected to Mogplex. Mogplex did not accept the token." in checked
    assert UNKNOWN_TOKEN not in checked


async def test_a_token_that_expires_is_refused_from_then_on() -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        await answer(client, "list_repos")
        simulator.world.tokens[0].valid = False
        assert "(code: unauthorized)" in await error(client, "list_repos")


async def test_a_missing_scope_is_named_with_the_page_where_a_token_gets_it() -> None:
    async with connected_client(token=DEMO_READ_ONLY_TOKEN) as client:
        text = await error(client, "start_run", repo="acme/web", prompt="x")
        assert text.startswith("The token does not allow this.")
        assert "Missing required scope: write" in text
        assert "https://mogplex.com/settings/api-keys" in text
        checked = await answer(client, "check_connection")
    assert checked.structured_content is not None
    assert checked.structured_content["scopes"] == ["read"]


async def test_the_token_is_in_no_answer_and_no_error() -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        texts = [str(await client.call_tool("check_connection", {}))]
        texts += [str(await client.call_tool(tool, arguments)) for tool, arguments in CALLS.items()]
        for kind in (FaultKind.HTML_502, FaultKind.INVALID_JSON, FaultKind.EMPTY_500, FaultKind.REDIRECT):
            simulator.faults.add(Fault(kind, times=None))
            texts.append(str(await client.call_tool("list_repos", {})))
            simulator.faults.clear()
        simulator.faults.add(Fault(FaultKind.JSON_500, times=None, message=f"cannot log in with {DEMO_TOKEN}"))
        texts.append(str(await client.call_tool("list_repos", {})))
        texts.append(str(await client.call_tool("list_repos", {"query": DEMO_TOKEN})))
    for text in texts:
        assert DEMO_TOKEN not in text
