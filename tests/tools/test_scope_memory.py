"""A token without the scope to write is refused once; then tools say so without asking again, for a while."""

import anyio
import pytest

from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, Simulator
from tests.tools.people import YES, User, client_with, facts, ids
from tests.tools.support import error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

TASK = {"repo": "acme/web", "prompt": "Fix it."}


@pytest.fixture
async def simulator() -> Simulator:
    simulator = Simulator(now=virtual_now)
    simulator.world.env_vars_available = True
    return simulator


def grant(simulator: Simulator) -> None:
    token = simulator.world.token(DEMO_READ_ONLY_TOKEN)
    full = simulator.world.token(DEMO_TOKEN)
    assert token is not None
    assert full is not None
    token.scopes = full.scopes


async def test_after_one_refusal_no_tool_that_writes_asks_mogplex_or_the_user(simulator: Simulator) -> None:
    user = User(YES)
    async with client_with(user, simulator, token=DEMO_READ_ONLY_TOKEN) as client:
        first = await error(client, "start_run", **TASK)
        before = len(simulator.requests)
        texts = [
            await error(client, "start_run", **TASK),
            await error(client, "cancel_run", run_id="00000000-0000-4000-8000-00000000abcd"),
            await error(client, "create_sandbox", repo="acme/web"),
            await error(client, "delete_env_var", repo="acme/api", key="LOG_LEVEL"),
            await error(client, "publish_automation", automation_id=ids(simulator)["Nightly triage"]),
            await error(client, "rerun_pr_review", repo="acme/web", pr_number=1),
        ]
        asked = len(simulator.requests)
        await facts(client, "list_repos")
    assert "Missing required scope: write" in first
    for text in texts:
        assert "needs the scope write" in text
        assert "https://mogplex.com/settings/api-keys" in text
        assert "code: forbidden" in text
    assert asked == before
    assert user.asked == []


async def test_it_is_forgotten_after_ten_minutes(simulator: Simulator) -> None:
    async with client_with(None, simulator, token=DEMO_READ_ONLY_TOKEN) as client:
        await error(client, "start_run", **TASK)
        grant(simulator)
        assert "needs the scope write" in await error(client, "start_run", **TASK)
        await anyio.sleep(601)
        await facts(client, "start_run", **TASK)


async def test_it_is_forgotten_when_check_connection_sees_it_differently(simulator: Simulator) -> None:
    async with client_with(None, simulator, token=DEMO_READ_ONLY_TOKEN) as client:
        checked = await facts(client, "check_connection")
        assert checked["scopes"] == ["read"]
        before = len(simulator.requests)
        assert "needs the scope write" in await error(client, "start_run", **TASK)
        assert len(simulator.requests) == before
        grant(simulator)
        assert (await facts(client, "check_connection"))["scopes"] == ["read", "write"]
        await facts(client, "start_run", **TASK)


async def test_other_refusals_are_not_taken_for_a_missing_scope(simulator: Simulator) -> None:
    async with client_with(User(YES), simulator) as client:
        await error(client, "cancel_run", run_id="00000000-0000-4000-8000-00000000abcd")
        await facts(client, "start_run", **TASK)
