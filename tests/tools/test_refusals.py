"""Refusals of Mogplex, each with its own reason and nothing that would not help."""

from typing import Any

import httpx2
import pytest

from mogplex_mcp.simulator import Simulator
from tests.tools.people import YES, User, client_with, facts, ids
from tests.tools.support import A_UUID, Unreachable, connected_client, error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

BILLING = (
    "Hosted sandbox compute requires a positive billing balance. Add funds or choose a plan in Settings > Billing."
)
REPO = {"id": A_UUID, "full_name": "acme/web", "default_branch": "main", "installation_id": 1}
KNOWN = {"repos": [REPO], "automation": {"id": A_UUID, "status": "active"}, "runs": []}


def refusing(status: int, code: str, message: str) -> Unreachable:
    """A Mogplex that refuses every change, and knows one repository."""

    def respond(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(200, json={"ok": True, "data": KNOWN})
        return httpx2.Response(status, json={"ok": False, "error": {"code": code, "message": message}})

    return Unreachable(respond)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("cancel_run", {"run_id": A_UUID}),
        ("start_run", {"repo": "acme/web", "prompt": "x"}),
        ("create_sandbox", {"repo": "acme/web"}),
        ("trigger_automation", {"automation_id": A_UUID, "repo": "acme/web"}),
        ("rerun_pr_review", {"repo": "acme/web", "pr_number": 1}),
    ],
)
async def test_a_refusal_because_of_billing_is_called_that(tool: str, arguments: dict[str, Any]) -> None:
    transport = refusing(403, "CONFLICT", BILLING)
    async with connected_client(transport=transport, MOGPLEX_MCP_TOOLSETS="all") as client:
        text = await error(client, tool, **arguments)
        again = await error(client, tool, **arguments)
    assert text.startswith("Mogplex refused this because of the account's billing.")
    assert "Settings > Billing" in text.partition("<<<untrusted")[0]
    assert BILLING in text.partition("<<<untrusted")[2]
    for misleading in ("scope", "mogplex-mcp login", "call " + tool):
        assert misleading not in text.partition("<<<untrusted")[0]
    # It is no missing scope either that would be kept in mind.
    assert again.partition("<<<untrusted")[0] == text.partition("<<<untrusted")[0]


async def test_a_missing_scope_is_still_called_that() -> None:
    message = "Missing required scope: write. Issue a new token with the 'write' scope at /settings/api-keys."
    async with connected_client(transport=refusing(403, "FORBIDDEN", message)) as client:
        text = await error(client, "cancel_run", run_id=A_UUID)
    assert "create a token that has it" in text
    assert "billing" not in text


async def test_a_run_that_cannot_be_stopped_goes_on_and_nothing_is_to_be_corrected() -> None:
    async with connected_client(transport=refusing(400, "BAD_REQUEST", "Run has no sandbox metadata")) as client:
        text = await error(client, "cancel_run", run_id=A_UUID)
    assert text.startswith("Mogplex did not stop the run: it goes on.")
    assert f"Nothing in the call can be corrected. tail_run with run_id={A_UUID} follows the run" in text
    assert "Correct what" not in text


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("Publish the automation before triggering it", "never published; publish_automation makes its draft live"),
        ("Automation is not published", "never published; publish_automation makes its draft live"),
        ("Activate the automation before triggering it", "inactive; publish_automation activates it"),
        ("Automation is not active", "inactive; publish_automation activates it"),
    ],
)
async def test_a_trigger_refused_for_its_state_names_what_changes_that_state(message: str, says: str) -> None:
    async with connected_client(transport=refusing(409, "CONFLICT", message), MOGPLEX_MCP_TOOLSETS="all") as client:
        text = await error(client, "trigger_automation", automation_id=A_UUID, repo="acme/web")
    assert says in text
    assert "Nothing was started" in text


async def test_a_published_automation_that_is_inactive_is_to_be_published_before_it_is_triggered() -> None:
    simulator = Simulator(now=virtual_now)
    automation = simulator.world.automations[ids(simulator)["Review on mention"]]
    async with client_with(None, simulator) as client:
        active = await facts(client, "get_automation", automation_id=automation.id)
        automation.status = "inactive"
        inactive = await facts(client, "get_automation", automation_id=automation.id)
    assert active["next_steps"][0]["tool"] == "trigger_automation"
    assert "It is not active" not in str(active)
    assert inactive["next_steps"][0]["tool"] == "publish_automation"
    assert "It is not active, so it cannot be triggered: publish_automation activates it" in " ".join(inactive["notes"])


async def test_a_cleared_model_is_said_to_keep_the_draft_from_being_published() -> None:
    simulator = Simulator(now=virtual_now)
    automation = simulator.world.automations[ids(simulator)["Review on mention"]]
    node = {"automation_id": automation.id, "node_id": "agent-1"}
    async with client_with(User(YES), simulator) as client:
        cleared = await facts(client, "set_automation_model", **node, model="")
        looked = await facts(client, "get_automation", automation_id=automation.id)
        chosen = await facts(client, "set_automation_model", **node, model="openai/gpt-5.4")
    assert "Publishing will be refused until this node has a model." in cleared["notes"]
    assert "The draft cannot be published: agent-1 has no model." in " ".join(looked["notes"])
    assert "publishing makes it live" not in str(cleared)
    assert "has no model" not in str(chosen)
