"""The keys of triggers outlive the process, and are shared by all bridges of a user."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from mogplex_mcp.runs.triggers import TriggerKeys
from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN, Fault, FaultKind, Simulator
from mogplex_mcp.storage.state_file import StateFile
from tests.tools.people import bridge_with, facts, ids
from tests.tools.support import error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator(now=virtual_now)


async def test_a_bridge_that_died_in_mid_trigger_leaves_the_key_to_the_next(
    tmp_path: Path, simulator: Simulator
) -> None:
    state: Any = {"MOGPLEX_MCP_STATE_FILE": str(tmp_path / "state.sqlite3")}
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", path="*/trigger", times=3))
    async with bridge_with(None, simulator, **state) as client:
        await error(client, "trigger_automation", **call)
    async with bridge_with(None, simulator, **state) as client:
        found = await facts(client, "trigger_automation", **call)
    assert list(simulator.world.job_runs) == [found["run_id"]]


async def test_calls_at_the_same_time_trigger_once(tmp_path: Path, simulator: Simulator) -> None:
    state: Any = {"MOGPLEX_MCP_STATE_FILE": str(tmp_path / "state.sqlite3")}
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    found: list[str] = []

    async def trigger() -> None:
        async with bridge_with(None, simulator, **state) as client:
            found.append((await facts(client, "trigger_automation", **call))["run_id"])

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(trigger)
    assert len(simulator.world.job_runs) == 1
    assert set(found) == set(simulator.world.job_runs)


async def test_a_state_file_that_cannot_be_used_stops_a_trigger_before_it_is_sent(
    tmp_path: Path, simulator: Simulator
) -> None:
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    async with bridge_with(None, simulator, MOGPLEX_MCP_STATE_FILE=str(tmp_path)) as client:
        text = await error(client, "trigger_automation", **call)
    assert "(code: journal_unusable)" in text
    assert simulator.world.job_runs == {}


def test_a_key_counts_for_ten_minutes_for_one_token_and_one_wish() -> None:
    now = [1_000.0]
    state = StateFile(None)
    keys = TriggerKeys(state, DEMO_TOKEN, now=lambda: now[0])
    first = keys.begin("wish", key="k1", forced=False)
    assert (first.key, first.earlier) == ("k1", False)
    assert keys.begin("wish", key="k2", forced=False).key == "k1"
    assert keys.begin("other", key="k3", forced=False).key == "k3"
    assert TriggerKeys(state, DEMO_OTHER_TOKEN, now=lambda: now[0]).begin("wish", key="k4", forced=False).key == "k4"
    now[0] += 601
    assert keys.begin("wish", key="k5", forced=False).key == "k5"


def test_a_forced_trigger_is_repeated_under_its_own_key_only_while_nobody_knows_what_it_did() -> None:
    keys = TriggerKeys(StateFile(None), DEMO_TOKEN, now=lambda: 1_000.0)
    keys.begin("wish", key="k1", forced=False)
    assert keys.begin("wish", key="k2", forced=True).key == "k2"
    assert keys.begin("wish", key="k3", forced=True).key == "k2"
    keys.settle("k2", "run")
    assert keys.begin("wish", key="k4", forced=True).key == "k4"
