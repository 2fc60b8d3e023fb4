"""The keys of triggers outlive the process, and are shared by all servers of a user."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from mogplex_mcp.api.automation_models import Trigger
from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.runs.triggers import Triggerer
from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from mogplex_mcp.storage.errors import StateError
from tests.runs.support import repo_id, tenant_of
from tests.tools.people import client_with, facts, ids
from tests.tools.support import error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator(now=virtual_now)


async def test_a_server_that_died_in_mid_trigger_leaves_the_key_to_the_next(
    tmp_path: Path, simulator: Simulator
) -> None:
    state: Any = {"MOGPLEX_MCP_STATE_FILE": str(tmp_path / "state.sqlite3")}
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", path="*/trigger", times=3))
    async with client_with(None, simulator, **state) as client:
        await error(client, "trigger_automation", **call)
    async with client_with(None, simulator, **state) as client:
        found = await facts(client, "trigger_automation", **call)
    assert list(simulator.world.job_runs) == [found["run_id"]]


async def test_calls_at_the_same_time_trigger_once(tmp_path: Path, simulator: Simulator) -> None:
    state: Any = {"MOGPLEX_MCP_STATE_FILE": str(tmp_path / "state.sqlite3")}
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    found: list[str] = []

    async def trigger() -> None:
        async with client_with(None, simulator, **state) as client:
            found.append((await facts(client, "trigger_automation", **call))["run_id"])

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(trigger)
    assert len(simulator.world.job_runs) == 1
    assert set(found) == set(simulator.world.job_runs)


async def test_a_state_file_that_cannot_be_used_stops_a_forced_trigger_before_it_is_sent(
    tmp_path: Path, simulator: Simulator
) -> None:
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    async with client_with(None, simulator, MOGPLEX_MCP_STATE_FILE=str(tmp_path)) as client:
        text = await error(client, "trigger_automation", **call, force_new=True)
    assert "(code: journal_unusable)" in text
    assert "a new idempotency_key in place of force_new needs no journal" in text
    assert simulator.world.job_runs == {}


async def test_a_trigger_with_a_state_file_that_cannot_be_used_is_one_run(tmp_path: Path, simulator: Simulator) -> None:
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    found = []
    for _ in range(2):
        async with client_with(None, simulator, MOGPLEX_MCP_STATE_FILE=str(tmp_path)) as client:
            found += [(await facts(client, "trigger_automation", **call))["run_id"] for _ in range(2)]
    assert set(found) == set(simulator.world.job_runs)
    assert len(simulator.world.job_runs) == 1


async def test_a_refusal_does_not_forget_the_key_while_another_call_may_have_triggered(
    tmp_path: Path, simulator: Simulator
) -> None:
    state: Any = {"MOGPLEX_MCP_STATE_FILE": str(tmp_path / "state.sqlite3")}
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    simulator.faults.add(Fault(FaultKind.REFUSED, method="POST", path="*/trigger"))
    simulator.faults.add(Fault(FaultKind.SLOW, method="POST", path="*/trigger", seconds=20))
    simulator.faults.add(Fault(FaultKind.REDIRECT, method="POST", path="*/trigger"))
    async with client_with(None, simulator, **state) as client, anyio.create_task_group() as tasks:

        async def refused() -> None:
            assert "(code: redirected)" in await error(client, "trigger_automation", **call)

        async def slow() -> None:
            await facts(client, "trigger_automation", **call)

        tasks.start_soon(refused)
        await anyio.sleep(0.01)
        tasks.start_soon(slow)
        await anyio.sleep(10)
        again = await facts(client, "trigger_automation", **call)
    assert again["replayed"]
    assert list(simulator.world.job_runs) == [again["run_id"]]


async def test_a_duplicate_without_a_run_keeps_the_key(simulator: Simulator) -> None:
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    sent: list[str] = []

    class Answering(Mogplex):
        async def trigger_automation(self, *_: Any, idempotency_key: str, **__: Any) -> Trigger:
            sent.append(idempotency_key)
            answer = {"automationId": call["automation_id"], "started": False, "reason": "IDEMPOTENT_DUPLICATE"}
            return Trigger.model_validate(answer)

    async with tenant_of(simulator) as tenant:
        triggerer = Triggerer(Answering(tenant.mogplex._http), tenant.ledger, tenant.clock)
        for _ in range(2):
            with pytest.raises(MogplexError, match="without the id of a run") as raised:
                await triggerer.trigger(call["automation_id"], repo_id(simulator), {})
            assert raised.value.may_have_happened
    assert len(sent) == 2
    assert len(set(sent)) == 1


async def test_a_key_counts_for_ten_minutes_for_one_token_and_one_request(simulator: Simulator) -> None:
    automation_id = ids(simulator)["Review on mention"]
    async with tenant_of(simulator) as tenant:

        async def trigger(**values: Any) -> str:
            return (await tenant.triggerer.trigger(automation_id, repo_id(simulator), values)).run_id

        first, same, other = await trigger(), await trigger(), await trigger(pr=7)
        await anyio.sleep(601)
        later = await trigger()
    assert first == same
    assert len({first, other, later}) == 3


async def test_a_state_file_that_fails_after_the_answer_costs_nothing_but_a_replay(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    automation_id = ids(simulator)["Review on mention"]
    async with tenant_of(simulator) as tenant:
        with monkeypatch.context() as patch:

            async def full(*_: object, **__: object) -> None:
                raise StateError("full")

            patch.setattr(tenant.ledger, "settle", full)
            first = await tenant.triggerer.trigger(automation_id, repo_id(simulator), {})
        again = await tenant.triggerer.trigger(automation_id, repo_id(simulator), {})
    assert (first.replayed, again.replayed) == (False, True)
    assert again.run_id == first.run_id


async def test_trigger_automation_reports_its_own_retry_as_no_earlier_trigger(simulator: Simulator) -> None:
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", path="*/trigger"))
    async with client_with(None, simulator) as client:
        found = await facts(client, "trigger_automation", **call)
    assert (found["summary"], found["started"]) == ("The automation was triggered.", True)
    assert not found["replayed"]
    assert "reason" not in found


async def test_trigger_automation_with_the_queue_down_gives_one_advice_however_often_it_is_called(
    simulator: Simulator,
) -> None:
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    simulator.faults.add(Fault(FaultKind.QUEUE_FAILURE, method="POST", path="*/trigger"))
    async with client_with(None, simulator) as client:
        answers = [await facts(client, "trigger_automation", **call) for _ in range(2)]
    for found in answers:
        assert "accepted the run, but could not queue it" in found["summary"]
        assert "triggered before" not in str(found)
        (note,) = found["notes"]
        assert "call trigger_automation with force_new" in note
    assert len(simulator.world.job_runs) == 1


async def test_trigger_automation_that_lost_the_newest_of_many_triggers_ends_in_a_named_error(
    simulator: Simulator,
) -> None:
    call = {"automation_id": ids(simulator)["Review on mention"], "repo": "acme/web"}
    for _ in range(8):
        async with client_with(None, simulator) as client:
            await facts(client, "trigger_automation", **call, force_new=True)
        await anyio.sleep(601)
    async with client_with(None, simulator) as client:
        text = await error(client, "trigger_automation", **call)
    assert "(code: unknown_generation)" in text
    assert "idempotency_key" in text
    assert len(simulator.world.job_runs) == 8
