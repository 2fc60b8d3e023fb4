import httpx2
import pytest

from mogplex_mcp.simulator import SCRIPTS, RunScript, Simulator, Step

from .conftest import Clock
from .support import start, watch

pytestmark = pytest.mark.anyio

SECONDS = 600.0
NAMES = {
    *(
        "success",
        "no_changes",
        "with_tools",
        "failed",
        "failed_on_start",
        "stuck_pending",
        "status_back",
        "late_events",
        "ties",
    ),
    *("many_events", "long_messages", "terminal_before_last_event", "last_event_before_terminal"),
    "falls_back_to_pending",
}


def test_every_promised_script_exists() -> None:
    assert set(SCRIPTS) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
async def test_every_script_can_be_named_in_a_prompt(
    name: str, simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    run = await start(client, repo_id, prompt=f"Fix it, simulate:{name}")

    assert simulator.world.runs[run["runId"]].script.name == name


async def test_a_successful_run_ends_with_its_pull_request(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.plan("success")
    run = await start(client, repo_id, workingBranch="fix/it", createBranch=True)
    assert run["status"] == "pending"

    clock.at += SECONDS / 2
    halfway, _ = await watch(client, run["runId"])
    clock.at += SECONDS / 2
    finished, events = await watch(client, run["runId"])

    assert halfway["status"] == "streaming"
    assert halfway["sandboxId"] is not None
    assert finished["status"] == "success"
    stages = [event["payload"].get("stage") for event in events if event["type"] == "log"]
    assert stages == ["git_sync", "mcp_config", "install", "git_delivery"]
    delivery = next(event["payload"] for event in events if event["payload"].get("stage") == "git_delivery")
    assert delivery["pull_request_url"].startswith("https://github.com/acme/web/pull/")
    assert (delivery["changed"], delivery["base_branch"], delivery["working_branch"]) == (True, "main", "fix/it")
    assert events[-1]["type"] == "finished"
    assert events[-1]["payload"] == {"exit_code": 0, "failure_code": None}


async def test_the_same_moment_shows_the_same_run(client: httpx2.AsyncClient, clock: Clock, repo_id: str) -> None:
    run = await start(client, repo_id)
    clock.at += SECONDS / 3

    assert await watch(client, run["runId"]) == await watch(client, run["runId"])


async def test_a_planned_script_is_used_once_and_in_order(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.plan("failed")
    simulator.plan("no_changes")
    runs = [await start(client, repo_id, key) for key in ("a", "b", "c")]
    clock.at += SECONDS

    assert [(await watch(client, run["runId"]))[0]["status"] for run in runs] == ["failed", "success", "success"]
    assert [simulator.world.runs[run["runId"]].script.name for run in runs] == ["failed", "no_changes", "success"]


def test_an_unknown_script_is_refused(simulator: Simulator) -> None:
    with pytest.raises(KeyError):
        simulator.plan("nonsense")


async def test_a_script_of_ones_own_is_followed(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.plan(RunScript("own", (Step(0.5, status="napping", type="yawned", message="on {working}"),)))
    run = await start(client, repo_id)
    clock.at += SECONDS / 2
    seen, events = await watch(client, run["runId"])

    assert seen["status"] == "napping"
    assert [(event["type"], event["message"]) for event in events] == [("yawned", "on main")]


async def statuses(simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str) -> list[str]:
    run = await start(client, repo_id)
    seen: list[str] = []
    for _ in range(100):
        clock.at += SECONDS / 99
        simulator.state.rate_limit.forget()
        status = (await watch(client, run["runId"]))[0]["status"]
        if not seen or seen[-1] != status:
            seen.append(status)
    return seen


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("success", ["pending", "streaming", "success"]),
        ("failed", ["pending", "streaming", "failed"]),
        ("failed_on_start", ["pending", "failed"]),
        ("stuck_pending", ["pending"]),
        ("status_back", ["pending", "streaming", "cancelled", "streaming", "failed"]),
        ("falls_back_to_pending", ["pending", "streaming", "pending"]),
    ],
)
async def test_statuses_follow_the_script(
    *, name: str, expected: list[str], simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.plan(name)

    assert await statuses(simulator, client, clock, repo_id) == expected


async def test_a_run_the_queue_never_took_has_no_runtime(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    simulator.plan("stuck_pending")

    assert (await start(client, repo_id))["runtime"] == {"provider": None, "runId": None}


async def test_late_events_land_in_the_middle(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.plan("late_events")
    run = await start(client, repo_id)
    clock.at += 0.6 * SECONDS
    _, before = await watch(client, run["runId"])
    clock.at += 0.2 * SECONDS
    _, after = await watch(client, run["runId"])

    late = [event for event in after if event not in before]
    assert [event["message"] for event in late] == ["late"]
    assert after.index(late[0]) < len(after) - 1
    assert [event["createdAt"] for event in after] == sorted(event["createdAt"] for event in after)


async def test_ties_share_a_moment_and_have_no_useful_order(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.plan("ties")
    run = await start(client, repo_id)
    clock.at += SECONDS
    _, events = await watch(client, run["runId"])
    ties = [event for event in events if (event["message"] or "").startswith("tie")]

    assert len({event["createdAt"] for event in ties}) == 1
    assert [event["payload"]["seq"] for event in ties] != list(range(len(ties)))
    assert len({event["id"] for event in ties}) == len(ties) == 30


async def test_only_the_oldest_200_of_500_events_can_be_read(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.plan("many_events")
    run = await start(client, repo_id)
    clock.at += SECONDS
    windows = {limit: (await watch(client, run["runId"], limit))[1] for limit in (0, 10, 200, 9_999)}

    assert {limit: len(events) for limit, events in windows.items()} == {0: 1, 10: 10, 200: 200, 9_999: 200}
    assert windows[200][:10] == windows[10]
    assert windows[200][-1]["type"] != "finished"


async def test_messages_come_raw_and_payloads_redacted_and_cut(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.plan("long_messages")
    run = await start(client, repo_id)
    clock.at += SECONDS
    _, events = await watch(client, run["runId"])
    messages = [event["message"] for event in events]

    assert any("\x1b[31m" in message for message in messages)
    assert any(len(message) == 300_000 for message in messages)
    assert any("ghp_" in message for message in messages)
    secret = next(event["payload"] for event in events if "api_key" in event["payload"])
    assert secret == {"api_key": "[REDACTED]", "input_tokens": "[REDACTED]"}
    long = next(event["payload"] for event in events if "output" in event["payload"])
    assert len(long["output"]) == 2_000


@pytest.mark.parametrize(
    ("name", "at", "status", "last"),
    [
        ("terminal_before_last_event", 0.92, "success", "status_changed"),
        ("last_event_before_terminal", 0.9, "streaming", "finished"),
    ],
)
async def test_the_last_event_and_the_terminal_status_come_apart(
    *,
    name: str,
    at: float,
    status: str,
    last: str,
    simulator: Simulator,
    client: httpx2.AsyncClient,
    clock: Clock,
    repo_id: str,
) -> None:
    simulator.plan(name)
    run = await start(client, repo_id)
    clock.at += at * SECONDS
    seen, events = await watch(client, run["runId"])

    assert (seen["status"], events[-1]["type"]) == (status, last)


async def test_the_run_row_changes_with_its_status_and_not_with_each_event(
    client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    run = await start(client, repo_id)
    clock.at += 0.08 * SECONDS
    early, events = await watch(client, run["runId"])
    clock.at += 0.1 * SECONDS
    later, _ = await watch(client, run["runId"])

    assert len(events) > 1
    assert early["updatedAt"] == run["updatedAt"]
    assert later["updatedAt"] > early["updatedAt"]
