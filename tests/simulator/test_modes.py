"""What deployments lack, and what goes wrong behind the API."""

from typing import Any

import httpx2
import pytest

from mogplex_mcp.cli.catalog import COMMANDS
from mogplex_mcp.simulator import MODES, Fault, Simulator

from .conftest import Clock
from .support import error_of, post_run, start, watch

pytestmark = pytest.mark.anyio

RUN_SECONDS = 600.0


@pytest.fixture
def automation_id(simulator: Simulator) -> str:
    return next(found.id for found in simulator.world.automations.values() if found.published)


@pytest.fixture
def draft_id(simulator: Simulator) -> str:
    return next(found.id for found in simulator.world.automations.values() if not found.published)


async def trigger(client: httpx2.AsyncClient, automation_id: str, repo_id: str, key: str = "key") -> httpx2.Response:
    headers = {"Idempotency-Key": key}
    return await client.post(f"/automations/{automation_id}/trigger", json={"repoId": repo_id}, headers=headers)


async def triggered(client: httpx2.AsyncClient, automation_id: str, repo_id: str) -> dict[str, Any]:
    run: dict[str, Any] = (await trigger(client, automation_id, repo_id)).json()["data"]["run"]
    return run


async def job_run(client: httpx2.AsyncClient, automation_id: str, job_id: str | None = None) -> dict[str, Any]:
    runs: list[dict[str, Any]] = (await client.get(f"/automations/{automation_id}/runs")).json()["data"]["runs"]
    path = f"/automations/{automation_id}/runs/{job_id or runs[0]['id']}"
    run: dict[str, Any] = (await client.get(path)).json()["data"]["run"]
    return run


async def test_trigger_leaves_a_pending_job_run_when_the_queue_is_down(
    *, simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, automation_id: str, repo_id: str
) -> None:
    simulator.faults.add(Fault("queue_failure", seconds=3))
    failed = await trigger(client, automation_id, repo_id)
    again = await triggered(client, automation_id, repo_id)
    clock.at += 10 * 3_600
    left = await job_run(client, automation_id, again["jobRunId"])

    assert error_of(failed) == (500, "INTERNAL_ERROR")
    assert (again["outcome"], again["reason"], again["started"]) == ("suppressed", "IDEMPOTENT_DUPLICATE", False)
    assert (left["status"], left["runtime_run_id"], left["last_start_error"]) == ("pending", None, "Connection error.")
    assert [event["outcome"] for event in left["dispatch_events"]] == ["queued", "start_failed", "suppressed"]
    assert left["repairable"]


async def test_trigger_leaves_a_running_job_run_without_runtime_when_the_queue_hangs(
    *, simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, automation_id: str, repo_id: str
) -> None:
    simulator.faults.add(Fault("queue_hang", seconds=3_600))
    with pytest.raises(httpx2.ReadTimeout):
        await trigger(client, automation_id, repo_id)
    clock.at += 10 * 3_600
    left = await job_run(client, automation_id)

    assert (left["status"], left["runtime_run_id"], left["completed_at"]) == ("running", None, None)


async def test_trigger_succeeds_late_when_the_queue_recovers(
    simulator: Simulator, client: httpx2.AsyncClient, automation_id: str, repo_id: str
) -> None:
    simulator.faults.add(Fault("queue_hang", seconds=3))
    run = await triggered(client, automation_id, repo_id)

    assert run["started"]
    assert (await job_run(client, automation_id))["runtime_run_id"] == run["runtime"]["runId"]


@pytest.mark.parametrize(("ending", "status"), [("success", "success"), ("failed", "failed"), ("pending", "pending")])
async def test_job_run_ends_as_planned(
    *,
    ending: str,
    status: str,
    simulator: Simulator,
    client: httpx2.AsyncClient,
    clock: Clock,
    automation_id: str,
    repo_id: str,
) -> None:
    simulator.plan_job_run(ending)
    run = await triggered(client, automation_id, repo_id)
    clock.at += 10 * 3_600
    found = await job_run(client, automation_id, run["jobRunId"])

    assert found["status"] == status
    assert found["requeueable"] == (status == "failed")
    assert (run["runtime"] is None) == (status == "pending")


async def test_start_leaves_a_run_that_never_executes_when_the_queue_hangs(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.faults.add(Fault("queue_hang", seconds=3_600))
    with pytest.raises(httpx2.ReadTimeout):
        await post_run(client, repo_id)
    clock.at += 10 * 3_600
    replayed = await start(client, repo_id)

    assert replayed["replayed"]
    assert (replayed["status"], replayed["runtime"]["runId"]) == ("pending", None)


async def test_publish_activates_an_inactive_automation(
    simulator: Simulator, client: httpx2.AsyncClient, automation_id: str, repo_id: str
) -> None:
    MODES["inactive-automations"](simulator)
    refused = await trigger(client, automation_id, repo_id)
    await client.post(f"/automations/{automation_id}/publish")

    assert error_of(refused) == (409, "CONFLICT")
    assert refused.json()["error"]["message"] == "Activate the automation before triggering it"
    assert (await triggered(client, automation_id, repo_id))["started"]


async def test_publish_refuses_a_draft_whose_model_was_cleared(client: httpx2.AsyncClient, draft_id: str) -> None:
    cleared = await client.put(f"/automations/{draft_id}/model", json={"nodeId": "agent-1", "modelId": None})
    refused = await client.post(f"/automations/{draft_id}/publish")

    assert cleared.status_code == 200
    assert error_of(refused) == (400, "BAD_REQUEST")
    assert "must have a model selected" in refused.text


async def test_update_turns_a_preset_agent_into_one_of_the_user(client: httpx2.AsyncClient, draft_id: str) -> None:
    graph = (await client.get(f"/automations/{draft_id}")).json()["data"]["automation"]["draftGraph"]
    graph["nodes"][1]["data"]["agentId"] = "preset:JS-PERF"
    answers = [await client.put(f"/automations/{draft_id}", json={"graph": graph}) for _ in range(2)]
    drafts = [answer.json()["data"]["automation"]["draftGraph"] for answer in answers]
    agents = {agent["id"]: agent for agent in (await client.get("/agents")).json()["data"]["agents"]}
    bound = {draft["nodes"][1]["data"]["agentId"] for draft in drafts}

    assert len(bound) == 1
    assert agents[bound.pop()]["preset"] is False
    assert "preset:JS-PERF" not in agents


async def test_a_mogplex_without_reviews_has_neither_the_route_nor_the_tool(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    MODES["no-pr-reviews"](simulator)
    response = await client.post("/pr-reviews/rerun", json={"repoId": repo_id, "prNumber": 7})
    listing = await client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    parameters = {"name": "mogplex_rerun_pr_review", "arguments": {"repoId": repo_id, "prNumber": 7}}
    call = await client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": parameters})

    assert (response.status_code, response.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert len(listing.json()["result"]["tools"]) == 22
    assert call.json()["error"]["message"] == "Unknown tool: mogplex_rerun_pr_review"


@pytest.mark.parametrize("mode", ["no-funds", "no-github", "failed-boot"])
async def test_create_sandbox_fails_for_the_reason_of_its_mode(
    mode: str, simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    MODES[mode](simulator)
    response = await client.post("/sandboxes", json={"repoId": repo_id}, timeout=None)
    expected = {
        "no-funds": (403, "CONFLICT", "positive billing balance"),
        "no-github": (400, "BAD_REQUEST", "Connect GitHub account first"),
        "failed-boot": (502, "SERVICE_UNAVAILABLE", "boot failed"),
    }[mode]

    assert error_of(response) == expected[:2]
    assert expected[2] in response.text


async def test_logs_tell_why_a_sandbox_did_not_boot(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    MODES["failed-boot"](simulator)
    await client.post("/sandboxes", json={"repoId": repo_id}, timeout=None)
    newest = (await client.get("/sandboxes")).json()["data"]["sandboxes"][0]
    logs = (await client.get(f"/sandboxes/{newest['id']}/logs")).json()["data"]["sandbox"]

    assert (logs["status"], logs["install_log"]) == ("error", None)
    assert "boot failed" in logs["error"]


async def test_logs_have_the_oldest_200_lifecycle_events(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    sandbox = simulator.world.sandboxes[0]
    sandbox.lifecycle_events = [{"id": str(number)} for number in range(250)]
    data = (await client.get(f"/sandboxes/{sandbox.id}/logs")).json()["data"]

    assert [event["id"] for event in data["lifecycle_events"]] == [str(number) for number in range(200)]


async def pull_request_of(client: httpx2.AsyncClient, run_id: str) -> str:
    _, events = await watch(client, run_id)
    return str(next(url for event in events if (url := event["payload"].get("pull_request_url"))))


async def test_start_on_a_branch_with_a_pull_request_updates_it(
    client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    first = await start(client, repo_id, "a", workingBranch="fix/it", createBranch=True)
    clock.at += RUN_SECONDS
    continued = await start(client, repo_id, "b", workingBranch="fix/it")
    other = await start(client, repo_id, "c", workingBranch="fix/other", createBranch=True)
    clock.at += RUN_SECONDS
    urls = [await pull_request_of(client, run["runId"]) for run in (first, continued, other)]

    assert urls[0] == urls[1] != urls[2]


async def test_delivery_looks_for_an_open_pull_request_of_that_head_and_base(
    client: httpx2.AsyncClient, simulator: Simulator, clock: Clock, repo_id: str
) -> None:
    first = await start(client, repo_id, "a", workingBranch="fix/it", createBranch=True)
    clock.at += RUN_SECONDS / 2
    meanwhile = await start(client, repo_id, "b", workingBranch="fix/it")
    elsewhere = await start(client, repo_id, "c", workingBranch="fix/it", baseBranch="release")
    clock.at += RUN_SECONDS
    urls = [await pull_request_of(client, run["runId"]) for run in (first, meanwhile, elsewhere)]
    number = urls[0].rpartition("/")[2]
    simulator.world.closed_pull_requests[f"acme/web#{number}"] = clock.at
    after = [await start(client, repo_id, prompt, workingBranch="fix/it") for prompt in "de"]
    clock.at += RUN_SECONDS
    later = [await pull_request_of(client, run["runId"]) for run in after]

    assert urls[0] == urls[1] != urls[2]
    assert later[0] == later[1] not in urls
    assert await pull_request_of(client, meanwhile["runId"]) == urls[0]


def test_every_mode_is_named_in_the_help() -> None:
    command = next(found for found in COMMANDS if found.name == "simulator")
    _, _, named = command.arguments[0].help.partition(": ")

    assert named.split(", ") == list(MODES)
