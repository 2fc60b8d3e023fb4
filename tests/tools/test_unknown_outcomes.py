"""What is done twice if it is called twice is never advised again where its outcome is open."""

from typing import Any

import pytest

from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from tests.tools.people import YES, User, client_with
from tests.tools.support import error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("rerun_pr_review", {"repo": "acme/web", "pr_number": 7}, "The pull request itself shows"),
    ("create_automation", {"installation_id": 4_711, "name": "x"}, "list_automations shows"),
    ("create_sandbox", {"repo": "acme/web"}, "list_sandboxes with repo="),
]


@pytest.mark.parametrize(("tool", "arguments", "look"), CALLS)
@pytest.mark.parametrize("kind", [one for one in FaultKind if one is not FaultKind.RATE_LIMITED])
async def test_no_fault_leads_to_the_advice_to_repeat_what_costs(
    kind: FaultKind, tool: str, arguments: dict[str, Any], look: str
) -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(kind, method="POST", seconds=1, times=9))
    async with client_with(User(YES), simulator) as client:
        result = await client.call_tool(tool, arguments)
    if not result.is_error:
        return
    text = str(result.content)
    if "not known whether it took effect" in text:
        assert look in text
        assert "could be done twice" in text
        assert f"{tool} again" not in text
    assert f"{tool} again in a minute" not in text


async def test_a_call_that_the_client_did_not_wait_for_is_not_to_be_repeated() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.SLOW, method="POST", seconds=3_000))
    async with client_with(None, simulator, MOGPLEX_MCP_MAX_WAIT="5") as client:
        text = await error(client, "rerun_pr_review", repo="acme/web", pr_number=7)
    assert "could be done twice" in text
    assert "rerun_pr_review again" not in text
