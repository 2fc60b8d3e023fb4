"""Tasks: a run is followed to its end in one call of a tool, by clients that declare the extension."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import mcp_types
import pytest
from mcp import Client, MCPError

from mogplex_mcp.server.task_ids import Task, TaskIds, owner_of
from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, Fault, FaultKind, Simulator
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.store import SqliteStore
from tests.runs.support import without_quota
from tests.server.support import UNKNOWN, connect, server, start
from tests.server.tasking import TASKS, Tasks, acknowledged, ask, begin, finished, listening
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def claiming(
    simulator: Simulator, extension: Tasks | None = None, *, token: str = DEMO_TOKEN, **environment: str
) -> AsyncIterator[Client]:
    made = server(simulator, token=token, **environment)
    async with Client(made, extensions=[extension or Tasks()]) as client:
        yield client


def simulated(seconds: float = 600.0) -> Simulator:
    return Simulator(now=virtual_now, run_seconds=seconds)


async def refusal(client: Client, method: str, task_id: str) -> tuple[int, str, str]:
    with pytest.raises(MCPError) as caught:
        await ask(client, method, task_id)
    data = caught.value.error.data
    return caught.value.code, data["error"] if "error" in data else str(data), caught.value.message


async def test_a_run_is_followed_to_its_end_in_one_call_within_the_requests_of_a_wait() -> None:
    simulator, extension = simulated(), Tasks()
    async with claiming(simulator, extension) as client:
        run_id = await start(client, "simulate:with_tools")
        before = len(simulator.requests)
        result = await client.call_tool("tail_run", {"run_id": run_id})
    assert result.structured_content
    assert result.structured_content["pull_request"].startswith("https://github.com/acme/web/pull/")
    assert len(simulator.requests) - before <= 80
    created, *states = extension.seen
    assert (created.result_type, created.status) == ("task", "working")
    assert {state.result_type for state in states} == {"complete"}
    assert [state.status for state in states] == ["working"] * (len(states) - 1) + ["completed"]
    messages = [state.status_message for state in states[:-1]]
    assert any("cloning" in one for one in messages)
    assert any("agent at work for 5 min" in one for one in messages)
    assert not any("Harness" in one for one in messages)
    assert created.poll_interval_ms < max(state.poll_interval_ms for state in states) <= 10_000


async def test_what_has_an_answer_already_is_answered_without_a_task() -> None:
    simulator = simulated(10)
    async with claiming(simulator) as client:
        run_id = await start(client)
        assert (await begin(client, run_id=run_id)).status == "working"
        looked = await client.session.call_tool("tail_run", {"run_id": run_id, "wait_seconds": 0})
        missing = await client.session.call_tool("tail_run", {"run_id": UNKNOWN})
        misspelt = await client.session.call_tool("tail_run", {"run_id": "x"})
        await anyio.sleep(60)
        ended = await client.session.call_tool("tail_run", {"run_id": run_id})
        listed = await client.session.call_tool("list_runs", {})
    assert looked.structured_content
    assert looked.structured_content["status"] == "pending"
    assert missing.is_error
    assert misspelt.is_error
    assert ended.structured_content
    assert ended.structured_content["status"] == "success"
    assert listed.structured_content


async def test_clients_that_do_not_declare_the_extension_get_what_they_got() -> None:
    simulator = simulated(30)
    async with claiming(simulator) as client:
        run_id = await start(client)
        task = await begin(client, run_id=run_id)
    for mode in ("auto", "legacy"):
        async with connect(simulator, mode=mode) as client:
            result = await client.session.call_tool("tail_run", {"run_id": run_id, "wait_seconds": 1})
            assert result.structured_content
            told = client.server_capabilities.extensions or {}
            code = mcp_types.METHOD_NOT_FOUND if mode == "legacy" else mcp_types.MISSING_REQUIRED_CLIENT_CAPABILITY
            assert (TASKS in told) is (mode == "auto")
            for method in ("tasks/get", "tasks/update", "tasks/cancel"):
                with pytest.raises(MCPError) as caught:
                    await ask(client, method, task.task_id)
                assert caught.value.code == code
    assert caught.value.code == mcp_types.METHOD_NOT_FOUND


async def test_the_extension_is_offered_with_the_tools_that_wait() -> None:
    async with connect(MOGPLEX_MCP_TOOLS="get_run") as client:
        assert TASKS not in (client.server_capabilities.extensions or {})


async def test_an_id_survives_a_restart_and_a_new_token_of_the_person(tmp_path: Path) -> None:
    simulator = simulated(60)
    file = tmp_path / "token"
    file.write_text(DEMO_TOKEN)
    file.chmod(0o600)
    lasting: dict[str, Any] = {
        "MOGPLEX_MCP_STATE_FILE": str(tmp_path / "state.sqlite3"),
        "MOGPLEX_API_KEY_FILE": str(file),
    }
    async with claiming(simulator, token="", **lasting) as client:
        task = await begin(client, run_id=await start(client))
    file.write_text(DEMO_READ_ONLY_TOKEN)
    async with claiming(simulator, token="", **lasting) as client:
        assert (await ask(client, "tasks/get", task.task_id)).status == "working"
        await anyio.sleep(90)
        ended = await finished(client, task.task_id)
    assert ended.facts["status"] == "success"
    assert (ended.created_at, ended.ttl_ms) == (task.created_at, task.ttl_ms)


async def test_forged_foreign_and_expired_ids_are_refused_with_what_to_do(tmp_path: Path) -> None:
    simulator, state = simulated(), str(tmp_path / "state.sqlite3")
    async with claiming(simulator, MOGPLEX_MCP_STATE_FILE=state) as client:
        run_id = await start(client)
        task = await begin(client, run_id=run_id, wait_seconds=60)
        for forged in ("", "1", task.task_id[:-6] + "AAAAAA", "x" * 100_000, "mog_" + "a" * 43):
            for method in ("tasks/get", "tasks/update", "tasks/cancel"):
                code, name, text = await refusal(client, method, forged)
                assert (code, name) == (mcp_types.INVALID_PARAMS, "unknown_task")
                assert "call the tool again" in text
        await anyio.sleep(task.ttl_ms / 1_000 + 1)
        code, name, text = await refusal(client, "tasks/get", task.task_id)
    assert (code, name) == (mcp_types.INVALID_PARAMS, "expired_task")
    assert f'call tail_run again, with run_id "{run_id}"' in text
    other = Task("tail_run", {"run_id": run_id}, owner_of("another person"), created=0, seconds=1e12)
    foreign = await TaskIds().seal(SqliteStore(StateFile(Path(state))), other)
    async with claiming(simulator, MOGPLEX_MCP_STATE_FILE=state) as client:
        code, name, text = await refusal(client, "tasks/get", foreign)
    assert (code, name) == (mcp_types.INVALID_PARAMS, "foreign_task")
    assert run_id not in text


async def test_cancelling_ends_the_following_and_never_the_run() -> None:
    simulator = simulated(60)
    async with claiming(simulator) as client:
        run_id = await start(client)
        task, other = await begin(client, run_id=run_id), await begin(client, run_id=run_id)
        await acknowledged(client, "tasks/cancel", task.task_id)
        await acknowledged(client, "tasks/cancel", task.task_id)
        before = len(simulator.requests)
        state = await ask(client, "tasks/get", task.task_id)
        assert len(simulator.requests) == before
        assert (await ask(client, "tasks/get", other.task_id)).status == "working"
    assert (state.status, state.poll_interval_ms) == ("cancelled", 0)
    assert "What it waited for goes on; cancel_run stops a run." in state.status_message
    assert simulator.world.runs[run_id].ended is None


async def test_updates_to_a_task_that_asks_nothing_are_ignored() -> None:
    async with claiming(simulated()) as client:
        task = await begin(client, run_id=await start(client))
        await acknowledged(client, "tasks/update", task.task_id, inputResponses={"x": {"action": "accept"}})
        assert (await ask(client, "tasks/get", task.task_id)).status == "working"


async def test_a_client_that_never_polls_costs_one_request() -> None:
    simulator = simulated()
    async with claiming(simulator) as client:
        run_id = await start(client)
        before = len(simulator.requests)
        await begin(client, run_id=run_id)
        await anyio.sleep(300)
        assert len(simulator.requests) == before + 1


async def test_a_client_that_polls_every_10_ms_costs_no_more_requests() -> None:
    simulator = simulated()
    async with claiming(simulator) as client:
        task = await begin(client, run_id=await start(client))
        before, seconds = len(simulator.requests), anyio.current_time()
        for _ in range(250):
            assert (await ask(client, "tasks/get", task.task_id)).status == "working"
            await anyio.sleep(0.01)
        seconds = anyio.current_time() - seconds
        asked = len(simulator.requests) - before
    assert asked <= 1 + seconds / 2


async def test_50_tasks_of_one_person_stay_within_the_budget() -> None:
    simulator, extension = simulated(1_800), Tasks()
    without_quota(simulator)
    at: list[float] = []
    async with claiming(simulator, extension) as client, anyio.create_task_group() as group:
        ids = [await start(client, f"Task {number}") for number in range(50)]
        await anyio.sleep(61)
        begun = len(simulator.requests)

        async def follow(run_id: str) -> None:
            await client.call_tool("tail_run", {"run_id": run_id, "wait_seconds": 900})

        for run_id in ids:
            group.start_soon(follow, run_id)
        for _ in range(90):
            before = len(simulator.requests)
            await anyio.sleep(10)
            at.append(len(simulator.requests) - before)
        group.cancel_scope.cancel()
    assert max(sum(at[i : i + 6]) for i in range(len(at) - 5)) <= 60
    asked = [one.path.partition("?")[0].split("/") for one in simulator.requests[begun:]]
    polled = {path[-2] for path in asked if path[-1] == "events"}
    assert polled >= set(ids)
    assert extension.seen[-1].poll_interval_ms >= 60_000


async def test_a_run_that_is_gone_ends_its_task_with_the_error_of_the_tool() -> None:
    simulator = simulated()
    async with claiming(simulator) as client:
        run_id = await start(client)
        task = await begin(client, run_id=run_id)
        del simulator.world.runs[run_id]
        await anyio.sleep(10)
        before = len(simulator.requests)
        states = [await ask(client, "tasks/get", task.task_id) for _ in range(5)]
        assert len(simulator.requests) == before + 1
    for state in states:
        assert state.status == "completed"
        assert state.result
        assert state.result["isError"]
        assert "not_found" in state.result["content"][0]["text"]


async def test_a_task_outlasts_an_outage_and_says_so() -> None:
    simulator = simulated(120)
    async with claiming(simulator) as client:
        task = await begin(client, run_id=await start(client))
        simulator.faults.add(Fault(FaultKind.EMPTY_500, times=8))
        await anyio.sleep(30)
        state = await ask(client, "tasks/get", task.task_id)
        assert state.status == "working"
        assert "Mogplex cannot be asked at the moment" in state.status_message
        assert state.last_updated_at < "2027-01-15T08:00:20Z"
        state = await finished(client, task.task_id, interval=10)
    assert state.facts["status"] == "success"


async def test_a_wait_that_is_over_answers_as_the_tool_does() -> None:
    async with claiming(simulated()) as client:
        task = await begin(client, run_id=await start(client), wait_seconds=30, until="done")
        await anyio.sleep(29)
        assert (await ask(client, "tasks/get", task.task_id)).status == "working"
        await anyio.sleep(2)
        facts = (await ask(client, "tasks/get", task.task_id)).facts
    assert "Do not start it again" in facts["summary"]
    assert facts["cursor"]


async def test_the_latest_run_stays_the_one_that_the_task_began_with() -> None:
    simulator = simulated(60)
    async with claiming(simulator) as client:
        run_id = await start(client)
        task = await begin(client)
        await start(client, "another")
        await anyio.sleep(90)
        assert (await finished(client, task.task_id)).facts["run_id"] == run_id


async def test_several_runs_are_followed_by_one_task_until_the_first_has_news() -> None:
    simulator, extension = simulated(600), Tasks()
    without_quota(simulator)
    async with claiming(simulator, extension) as client:
        run_ids = [await start(client, f"Task {number}") for number in range(3)]
        simulator.world.runs[run_ids[1]].seconds = 60
        before, began = len(simulator.requests), anyio.current_time()
        result = await client.call_tool("tail_run", {"run_ids": run_ids})
        took, asked = anyio.current_time() - began, len(simulator.requests) - before
        assert result.structured_content
        rows = {row["run_id"]: row for row in result.structured_content["runs"]}
        assert {run_id for run_id, row in rows.items() if "news" in row} == {run_ids[1]}
        assert 30 < took < 90
        assert asked <= 3 * took / 2
        assert {state.status for state in extension.seen[:-1]} == {"working"}
        assert any("3 runs: " in state.status_message for state in extension.seen)
        task = await begin(client, run_ids=run_ids, cursor=result.structured_content["cursor"], wait_seconds=20)
        simulator.faults.add(Fault(FaultKind.EMPTY_500, times=20))
        await anyio.sleep(10)
        state = await ask(client, "tasks/get", task.task_id)
        assert (state.status, "Mogplex cannot be asked" in state.status_message) == ("working", True)
        await anyio.sleep(11)
        assert "runs" in (await ask(client, "tasks/get", task.task_id)).facts
        await anyio.sleep(task.ttl_ms / 1_000)
        _, name, text = await refusal(client, "tasks/get", task.task_id)
    assert name == "expired_task"
    assert run_ids[0] in text


async def test_a_run_of_an_automation_is_followed_by_a_task() -> None:
    simulator, extension = simulated(60), Tasks(interval=lambda _: 0.5)
    automation_id = next(one.id for one in simulator.world.automations.values() if one.status == "active")
    async with claiming(simulator, extension) as client:
        wanted = {"automation_id": automation_id, "repo": "acme/web"}
        started = await client.call_tool("trigger_automation", wanted)
        assert started.structured_content
        before = len(simulator.requests)
        waits = {"automation_id": automation_id, "wait_seconds": 600}
        result = await client.call_tool("get_automation_run", waits)
        asked = len(simulator.requests) - before
        await client.call_tool("trigger_automation", wanted | {"force_new": True})
        task = await begin(client, "get_automation_run", **waits)
        await acknowledged(client, "tasks/cancel", task.task_id)
        assert "cancel_run" not in (await ask(client, "tasks/get", task.task_id)).status_message
    assert result.structured_content
    assert result.structured_content["run_id"] == started.structured_content["run_id"]
    assert result.structured_content["ended"] is True
    assert asked <= 20
    assert extension.seen[1].status_message.startswith("the automation's run is ")


async def test_a_listener_is_notified_of_its_tasks_until_they_end() -> None:
    simulator, extension = simulated(60), Tasks()
    async with claiming(simulator, extension) as client:
        task = await begin(client, run_id=await start(client))
        async with listening(client, task.task_id, "x" * 40) as honored:
            assert honored == [task.task_id]
            await anyio.sleep(120)
            asked = len(simulator.requests)
            await anyio.sleep(120)
            assert len(simulator.requests) == asked
    states = extension.notified
    assert [state.status for state in states] == ["working"] * (len(states) - 1) + ["completed"]
    assert len(states) >= 4
    assert all(first.status_message != then.status_message for first, then in pairwise(states))
    assert states[-1].facts["pull_request"]


async def test_only_a_client_that_declares_tasks_may_listen_to_them() -> None:
    async with connect(simulated()) as client:
        with pytest.raises(MCPError) as caught:
            async with listening(client, "x"):
                pass
    assert caught.value.code == mcp_types.MISSING_REQUIRED_CLIENT_CAPABILITY
    assert caught.value.error.data == {"requiredCapabilities": {"extensions": {TASKS: {}}}}
