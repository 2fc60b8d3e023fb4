"""The equivalent of a hosted tool that this server does not offer: the answer says why, and where it is."""

from dataclasses import replace

import pytest

from mogplex_mcp.simulator import Simulator, hosted_tools
from tests.tools.people import client_with, facts
from tests.tools.support import error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator(now=virtual_now)


async def test_an_equivalent_that_is_not_offered_says_where_it_is(simulator: Simulator) -> None:
    async with client_with(None, simulator, toolsets="", MOGPLEX_MCP_EXCLUDE_TOOLS="cancel_run") as client:
        listed = await facts(client, "list_hosted_tools")
        one = await facts(client, "list_hosted_tools", name="mogplex_set_env_var")
        text = await error(client, "call_hosted_tool", name="mogplex_set_env_var")
    rows = {row.pop("hosted"): row for row in listed["tools"]}
    assert rows["mogplex_list_repos"] == {
        "use_instead": "list_repos",
        "toolset": "repos",
        "is_on": True,
        "effect": "reads",
    }
    assert rows["mogplex_set_env_var"] == {
        "use_instead": "set_env_var",
        "toolset": "env_vars",
        "is_on": False,
        "why_off": "it is in the toolset env_vars, off by default",
        "effect": "writes",
    }
    assert rows["mogplex_cancel_run"]["use_instead"] == "cancel_run"
    assert rows["mogplex_cancel_run"]["why_off"] == "by its user's choice"
    assert "next_steps" not in one
    assert "set_env_var here, which this server does not offer: it is in the toolset env_vars, off by default" in text


async def test_an_equivalent_that_writes_is_not_offered_by_a_read_only_server(simulator: Simulator) -> None:
    async with client_with(None, simulator, MOGPLEX_MCP_READ_ONLY="1") as client:
        listed = await facts(client, "list_hosted_tools")
    rows = {row["hosted"]: row for row in listed["tools"]}
    assert rows["mogplex_start_agent_run"]["use_instead"] == "start_run"
    assert rows["mogplex_start_agent_run"]["why_off"] == "since this server is read-only"
    assert rows["mogplex_list_agents"]["is_on"] is True


async def test_the_list_of_hosted_tools_says_first_whether_anything_can_be_called(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_with(None, simulator) as client:
        nothing = await facts(client, "list_hosted_tools")
    reader = replace(hosted_tools.HOSTED_TOOLS["mogplex_list_repos"], name="mogplex_count_repos")
    monkeypatch.setitem(hosted_tools.HOSTED_TOOLS, reader.name, reader)
    async with client_with(None, simulator) as client:
        one = await facts(client, "list_hosted_tools")
    async with client_with(None, simulator, MOGPLEX_MCP_EXCLUDE_TOOLS="call_hosted_tool") as client:
        excluded = await facts(client, "list_hosted_tools")
    assert nothing["summary"] == (
        "Nothing to call: each of the 23 hosted tools has an equivalent here, which does the same."
    )
    assert one["summary"].startswith("1 of 24 hosted tools can be called: mogplex_count_repos.")
    assert "call_hosted_tool is not offered" in excluded["summary"]
