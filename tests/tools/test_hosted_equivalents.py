"""The equivalent of a hosted tool that this server does not offer: the answer says why, and where it is."""

import pytest

from mogplex_mcp.simulator import Simulator
from tests.tools.people import bridge_with, facts
from tests.tools.support import error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator(now=virtual_now)


async def test_an_equivalent_that_is_not_offered_says_where_it_is(simulator: Simulator) -> None:
    async with bridge_with(None, simulator, toolsets="", MOGPLEX_MCP_EXCLUDE_TOOLS="cancel_run") as client:
        listed = await facts(client, "list_hosted_tools")
        one = await facts(client, "list_hosted_tools", name="mogplex_set_env_var")
        text = await error(client, "call_hosted_tool", name="mogplex_set_env_var")
    instead = {row["hosted"]: row["use_instead"] for row in listed["tools"] if "use_instead" in row}
    assert instead["mogplex_list_repos"] == "list_repos"
    assert instead["mogplex_set_env_var"] == (
        "set_env_var (not offered: it is in the toolset env_vars, off by default)"
    )
    assert instead["mogplex_cancel_run"] == "cancel_run (not offered by its user's choice)"
    assert "next_steps" not in one
    assert "set_env_var here, which this server does not offer: it is in the toolset env_vars, off by default" in text


async def test_an_equivalent_that_writes_is_not_offered_by_a_read_only_server(simulator: Simulator) -> None:
    async with bridge_with(None, simulator, MOGPLEX_MCP_READ_ONLY="1") as client:
        listed = await facts(client, "list_hosted_tools")
    instead = {row["hosted"]: row["use_instead"] for row in listed["tools"] if "use_instead" in row}
    assert instead["mogplex_start_agent_run"] == "start_run (not offered since this server is read-only)"
    assert instead["mogplex_list_agents"] == "list_agents"
