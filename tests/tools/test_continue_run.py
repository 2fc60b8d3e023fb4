"""A follow-up works on the earlier run's branch, so that its pull request is updated, and is started exactly once."""

from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from mogplex_mcp.storage.ledger import SAME_START_SECONDS
from tests.runs.support import started_runs, without_quota
from tests.tools.people import client_with, facts
from tests.tools.support import Mode, error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

START = {"repo": "acme/web", "prompt": "fix the flaky test"}
RUN_SECONDS = 60.0


@pytest.fixture
async def simulator() -> Simulator:
    simulator = Simulator(now=virtual_now, run_seconds=RUN_SECONDS)
    without_quota(simulator)
    return simulator


async def ended(client: Any, **arguments: Any) -> dict[str, Any]:
    """Start a run and return its details after its end."""
    started = await facts(client, "start_run", **START | arguments)
    await anyio.sleep(2 * RUN_SECONDS)
    return await facts(client, "get_run", run_id=started["run_id"])


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_follow_up_updates_the_pull_request_of_the_earlier_run(mode: Mode, simulator: Simulator) -> None:
    async with client_with(None, simulator, mode=mode) as client:
        first = await ended(client)
        second = await facts(client, "start_run", prompt="also fix the other one", continue_run=first["run_id"])
        await anyio.sleep(2 * RUN_SECONDS)
        after = await facts(client, "get_run", run_id=second["run_id"])
    run, earlier = (simulator.world.runs[one["run_id"]] for one in (second, first))
    assert (run.repo_id, run.base, run.working) == (earlier.repo_id, earlier.base, earlier.working)
    assert (earlier.create_branch, run.create_branch) == (True, False)
    assert first["pull_request"] == second["pull_request"] == after["pull_request"] != ""
    assert first["run_id"] in " ".join(second["notes"])
    assert second["repo"] == "acme/web"


async def test_the_same_follow_up_is_one_run_however_it_is_written(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        first = (await ended(client))["run_id"]
        branch = simulator.world.runs[first].working
        ways: list[dict[str, Any]] = [
            {"continue_run": first},
            {"continue_run": f"https://mogplex.com/runs/{first}"},
            {"continue_run": first.upper(), "repo": "https://github.com/acme/web", "base_branch": "main"},
            {"continue_run": f"run_id: {first}", "working_branch": branch, "create_branch": True},
            {"repo": "acme/web", "base_branch": "main", "working_branch": branch, "create_branch": False},
        ]
        made = [(await facts(client, "start_run", prompt="more", **way))["run_id"] for way in ways]
    assert len(set(made)) == 1
    assert len(started_runs(simulator)) == 2


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    faults=st.lists(
        st.sampled_from([FaultKind.RESET_AFTER_WRITE, FaultKind.QUEUE_FAILURE, FaultKind.HTML_200]), max_size=4
    ),
    calls=st.lists(st.integers(0, 1), min_size=1, max_size=6),
)
async def test_follow_ups_are_started_once_whatever_fails(faults: list[FaultKind], calls: list[int]) -> None:
    simulator = Simulator(now=virtual_now, run_seconds=RUN_SECONDS)
    without_quota(simulator)
    async with client_with(None, simulator) as client:
        earlier = [(await ended(client, prompt=prompt))["run_id"] for prompt in ("one", "two")]
        for kind in faults:
            simulator.faults.add(Fault(kind, method="POST", path="/runs", seconds=1))
        made: dict[int, str] = {}
        for number in calls:
            # As a model does that follows the advice to call again.
            for _ in range(6):
                result = await client.call_tool("start_run", {"prompt": "more of it", "continue_run": earlier[number]})
                if not result.is_error:
                    break
            assert result.structured_content is not None
            assert made.setdefault(number, result.structured_content["run_id"]) == result.structured_content["run_id"]
    assert sorted(started_runs(simulator)) == sorted([*earlier, *made.values()])


async def test_an_open_run_is_not_continued(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        first = (await facts(client, "start_run", **START))["run_id"]
        text = await error(client, "start_run", prompt="more", continue_run=first)
        assert len(started_runs(simulator)) == 1
    assert f"the run {first} has not ended" in text
    assert f"tail_run with run_id={first}" in text
    assert "(code: conflict)" in text


async def test_no_second_agent_works_on_the_branch_of_a_follow_up_that_is_open(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        first, other = (await ended(client))["run_id"], (await ended(client, prompt="other"))["run_id"]
        second = (await facts(client, "start_run", prompt="more", continue_run=first))["run_id"]
        for more in ({"prompt": "even more"}, {"prompt": "more", "force_new": True}):
            text = await error(client, "start_run", continue_run=first, **more)
            assert f"the run {second} works on the same branch and has not ended" in text
            assert f"tail_run with run_id={second}" in text
            assert "(code: conflict)" in text
        # The same start finds its run, another branch is free, and so is this one once the run has ended.
        assert (await facts(client, "start_run", prompt="more", continue_run=first))["run_id"] == second
        await facts(client, "start_run", prompt="more", continue_run=other)
        await anyio.sleep(2 * RUN_SECONDS)
        await facts(client, "start_run", prompt="even more", continue_run=first)
    assert len(started_runs(simulator)) == 5


@pytest.mark.parametrize("more", [{}, {"idempotency_key": "another"}])
async def test_no_second_agent_works_on_the_branch_for_the_same_follow_up(
    more: dict[str, str], simulator: Simulator
) -> None:
    async with client_with(None, simulator) as client:
        first = (await ended(client))["run_id"]
        follow_up = {"prompt": "more", "continue_run": first}
        second = (await facts(client, "start_run", **follow_up))["run_id"]
        simulator.world.runs[second].seconds = SAME_START_SECONDS + 2 * RUN_SECONDS
        if not more:
            await anyio.sleep(SAME_START_SECONDS + RUN_SECONDS)
        # By its age or its key it is another start now, and the first one still works there.
        text = await error(client, "start_run", **follow_up | more)
        assert f"the run {second} works on the same branch and has not ended" in text
        await anyio.sleep(SAME_START_SECONDS + 2 * RUN_SECONDS)
        third = (await facts(client, "start_run", **follow_up | more))["run_id"]
        assert (await facts(client, "start_run", **follow_up | more))["run_id"] == third
    assert started_runs(simulator) == [first, second, third]


async def test_of_two_follow_ups_at_the_same_time_one_is_started(simulator: Simulator) -> None:
    results = []
    async with client_with(None, simulator) as client:
        first = (await ended(client))["run_id"]

        async def follow_up(prompt: str) -> None:
            results.append(await client.call_tool("start_run", {"prompt": prompt, "continue_run": first}))

        async with anyio.create_task_group() as tasks:
            for prompt in ("one", "two", "one"):
                tasks.start_soon(follow_up, prompt)
    made = {result.structured_content["run_id"] for result in results if result.structured_content}
    assert len(made) == 1
    assert sum(bool(result.is_error) for result in results) == 1
    assert len(started_runs(simulator)) == 2


async def test_runs_that_have_ended_are_looked_at_once_for_all_follow_ups(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        first = (await ended(client))["run_id"]
        for number in range(5):
            await facts(client, "start_run", **START | {"prompt": f"never followed {number}"})
        await anyio.sleep(2 * RUN_SECONDS)
        asked = []
        for prompt in ("one", "two"):
            before = len(simulator.requests)
            await facts(client, "start_run", prompt=prompt, continue_run=first)
            asked.append(len(simulator.requests) - before)
            await anyio.sleep(2 * RUN_SECONDS)
    # The run, perhaps its repository, the start; and before the second one, the follow-up.
    assert asked[0] <= 3 + 5
    assert asked[1] <= 3 + 1


async def test_a_run_that_no_worker_took_keeps_no_branch_busy(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        first = (await ended(client))["run_id"]
        simulator.plan("stuck_pending")
        await facts(client, "start_run", prompt="lost", continue_run=first)
        await anyio.sleep(1_200)
        await facts(client, "start_run", prompt="more", continue_run=first)


async def test_another_repository_or_branch_is_refused(simulator: Simulator) -> None:
    async with client_with(None, simulator, MOGPLEX_DEFAULT_REPO="acme/api") as client:
        first = (await ended(client))["run_id"]
        for name, value in (("repo", "acme/api"), ("base_branch", "release"), ("working_branch", "fix/other")):
            text = await error(client, "start_run", prompt="more", continue_run=first, **{name: value})
            assert f"{name} is another " in text
        assert len(started_runs(simulator)) == 1
        second = await facts(client, "start_run", prompt="more", continue_run=first)
    # The default repository is that of calls which name no run either.
    assert second["repo"] == "acme/web"


async def test_a_run_without_a_branch_is_refused(simulator: Simulator) -> None:
    simulator.faults.add(Fault(FaultKind.QUEUE_FAILURE, method="POST", seconds=1))
    async with client_with(None, simulator) as client:
        unqueued = (await ended(client))["run_id"]
        assert "no worker ever took the run" in await error(client, "start_run", prompt="x", continue_run=unqueued)
        first = (await ended(client, prompt="another"))["run_id"]
        simulator.world.runs[first].working = ""
        await anyio.sleep(5)
        assert "on which branch" in await error(client, "start_run", prompt="x", continue_run=first)
        unknown = await error(client, "start_run", prompt="x", continue_run="00000000-0000-4000-8000-00000000abcd")
        assert "list_runs" in unknown
        assert "must be a Mogplex run id" in await error(client, "start_run", prompt="x", continue_run="the last one")
        assert "start_run needs the argument repo" in await error(client, "start_run", prompt="x")
        slip = await error(client, "start_run", prompt="x", repo="acme/web", resume=first)
        assert "Did you mean continue_run?" in slip


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("no_changes", "reported no changes: if its branch does not exist, this run will fail"),
        ("failed", "reported no changes"),
    ],
)
async def test_the_answer_says_when_there_is_no_pull_request_to_update(
    script: str, said: str, simulator: Simulator
) -> None:
    simulator.plan(script)
    async with client_with(None, simulator) as client:
        first = await ended(client)
        second = await facts(client, "start_run", prompt="more", continue_run=first["run_id"])
    assert "pull_request" not in second
    assert said in " ".join(second["notes"])


async def test_a_run_on_the_base_branch_is_continued_there(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        first = await ended(client, create_branch=False)
        second = await facts(client, "start_run", prompt="more", continue_run=first["run_id"])
    assert simulator.world.runs[second["run_id"]].working == "main"
    assert "the base branch itself" in " ".join(second["notes"])


async def test_a_row_of_a_monorepo_is_the_one_of_the_earlier_run(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        first = await ended(client, repo="acme/monorepo", root_directory="apps/two")
        second = await facts(client, "start_run", prompt="more", continue_run=first["run_id"], repo="acme/monorepo")
    run, earlier = (simulator.world.runs[one["run_id"]] for one in (second, first))
    assert (run.repo_id, run.root_directory) == (earlier.repo_id, earlier.root_directory)
