from typing import Any

import anyio
import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_READ_ONLY_TOKEN, ApiToken, Fault, FaultKind, Simulator

from .conftest import Clock
from .support import error_of, post_run, start, watch

pytestmark = pytest.mark.anyio

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def as_user(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_the_same_request_under_the_same_key_is_replayed_with_its_current_state(
    client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    first = await start(client, repo_id)
    clock.at += 600
    again = await start(client, repo_id)

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["runId"] == first["runId"]
    assert again["status"] == "success"


async def test_another_request_under_the_same_key_is_a_conflict(client: httpx2.AsyncClient, repo_id: str) -> None:
    await start(client, repo_id)

    assert error_of(await post_run(client, repo_id, prompt="Other")) == (409, "IDEMPOTENCY_CONFLICT")


async def test_parallel_requests_under_one_key_start_one_run(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    answers: list[bool] = []

    async def ask() -> None:
        answers.append((await start(client, repo_id, "parallel"))["replayed"])

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)

    assert sorted(answers) == [False, True, True, True, True]
    assert sum(run.idempotency_key == "parallel" for run in simulator.world.runs.values()) == 1


async def test_keys_belong_to_the_user_and_not_to_the_token(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    owner = simulator.world.tokens[0].user_id
    simulator.world.tokens.append(ApiToken("mog_SecondOfDora", owner))
    first = await start(client, repo_id)
    body = {"repoId": repo_id, "prompt": "Fix it"}
    second = await client.post("/runs", json=body, headers=as_user("mog_SecondOfDora") | {"Idempotency-Key": "key"})

    assert second.json()["data"]["runId"] == first["runId"]


async def test_a_changed_default_branch_turns_an_identical_retry_into_a_conflict(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    await start(client, repo_id)
    await start(client, repo_id, "explicit", baseBranch="main", workingBranch="fix")
    repo = simulator.world.repo(repo_id)
    assert repo is not None
    repo.default_branch = "trunk"

    assert error_of(await post_run(client, repo_id))[0] == 409
    assert (await start(client, repo_id, "explicit", baseBranch="main", workingBranch="fix"))["replayed"]


async def test_a_new_branch_without_a_name_gets_the_same_name_on_a_retry(
    client: httpx2.AsyncClient, repo_id: str
) -> None:
    first = await start(client, repo_id, createBranch=True)
    again = await start(client, repo_id, createBranch=True)

    assert first["branch"]["working"].startswith("mogplex/external/")
    assert again["branch"] == first["branch"]
    assert again["replayed"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"repoId": "acme/web"}, (503, "SERVICE_UNAVAILABLE")),
        ({"repoId": UNKNOWN}, (503, "SERVICE_UNAVAILABLE")),
        ({"repoId": None}, (400, "BAD_REQUEST")),
        ({"prompt": " "}, (400, "BAD_REQUEST")),
        ({"prompt": "a\0b"}, (500, "INTERNAL_ERROR")),
        ({"prompt": "\N{GRINNING FACE}" * 50_001}, (400, "BAD_REQUEST")),
        ({"harness": "gpt"}, (400, "BAD_REQUEST")),
        ({"workingBranch": "..bad"}, (400, "BAD_REQUEST")),
        ({"createBranch": True, "workingBranch": "main"}, (400, "BAD_REQUEST")),
        ({"rootDirectory": 5}, (400, "BAD_REQUEST")),
        ({"rootDirectory": "../up"}, (400, "BAD_REQUEST")),
    ],
)
async def test_what_is_wrong_with_a_start_is_said(
    fields: dict[str, Any], expected: tuple[int, str], client: httpx2.AsyncClient, repo_id: str
) -> None:
    assert error_of(await post_run(client, repo_id, **fields)) == expected


async def test_an_unknown_repo_asks_to_be_retried_for_ever(client: httpx2.AsyncClient) -> None:
    assert (await post_run(client, UNKNOWN)).headers["retry-after"] == "60"


@pytest.mark.parametrize("key", ["", "   ", "k" * 201])
async def test_a_start_wants_a_key_of_at_most_200_characters(
    key: str, client: httpx2.AsyncClient, repo_id: str
) -> None:
    assert error_of(await post_run(client, repo_id, key)) == (400, "BAD_REQUEST")


async def test_a_null_body_is_an_uncaught_error(client: httpx2.AsyncClient) -> None:
    response = await client.post("/runs", content=b"null", headers={"Idempotency-Key": "k"})

    assert (response.status_code, response.content) == (500, b"")


async def test_somebody_elses_things_are_not_there(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    foreign = next(repo.id for repo in simulator.world.repos if repo.full_name == "olafsoft/secret")
    run_id = next(iter(simulator.world.runs))

    assert error_of(await post_run(client, foreign)) == (404, "NOT_FOUND")
    assert error_of(await client.get(f"/runs/{run_id}", headers=as_user(DEMO_OTHER_TOKEN))) == (404, "NOT_FOUND")


async def test_a_hidden_repo_is_not_listed_but_can_be_run_on(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    hidden = next(repo for repo in simulator.world.repos if repo.hidden)
    listed = (await client.get("/repos", params={"limit": 200})).json()["data"]["repos"]

    assert hidden.id not in {repo["id"] for repo in listed}
    assert (await start(client, hidden.id))["branch"]["base"] == "develop"


async def test_403_is_decided_before_the_body_is_read(client: httpx2.AsyncClient) -> None:
    headers = as_user(DEMO_READ_ONLY_TOKEN)

    assert error_of(await client.post("/runs", content=b"{", headers=headers)) == (403, "FORBIDDEN")


async def test_a_failed_queue_leaves_a_failed_run_behind_its_500(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.faults.add(Fault(FaultKind.QUEUE_FAILURE, method="POST", path="/runs", seconds=9.0))
    before = clock.at
    failed = await client.post(
        "/runs", json={"repoId": repo_id, "prompt": "Fix it"}, headers={"Idempotency-Key": "key"}, timeout=30
    )
    again = await start(client, repo_id)

    assert error_of(failed) == (500, "INTERNAL_ERROR")
    assert clock.at - before == pytest.approx(9.0)
    assert (again["replayed"], again["status"], again["runtime"]["runId"]) == (True, "failed", None)


async def test_cancelling_writes_both_events_and_ends_the_script(
    client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    run = await start(client, repo_id)
    clock.at += 300
    cancelled = (await client.post(f"/runs/{run['runId']}/cancel")).json()["data"]
    clock.at += 600
    seen, events = await watch(client, run["runId"])
    again = (await client.post(f"/runs/{run['runId']}/cancel")).json()["data"]

    assert (cancelled["status"], cancelled["alreadyTerminal"]) == ("cancelled", False)
    assert seen["status"] == "cancelled"
    assert [event["type"] for event in events[-2:]] == ["cancel_requested", "cancelled"]
    assert "finished" not in {event["type"] for event in events}
    assert again["alreadyTerminal"] is True


async def test_a_run_with_a_command_and_no_sandbox_cannot_be_cancelled(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    simulator.plan("stuck_pending")
    run = await start(client, repo_id)
    clock.at += 10
    simulator.world.runs[run["runId"]].command_id = "cmd_1"

    assert error_of(await client.post(f"/runs/{run['runId']}/cancel")) == (400, "BAD_REQUEST")
    seen, events = await watch(client, run["runId"])
    assert seen["status"] == "pending"
    assert events[-1]["type"] == "cancel_requested"


async def test_a_branch_with_an_active_sandbox_is_reused(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    sandbox = simulator.world.sandboxes[0]

    run = await start(client, repo_id, workingBranch=sandbox.working_branch)

    assert (run["sandboxRecordId"], run["sandboxId"]) == (sandbox.id, sandbox.sandbox_id)


@pytest.mark.parametrize("path", ["/runs/abc", "/runs/abc/events", "/sandboxes/abc/logs", "/automations/abc"])
async def test_an_id_that_is_no_uuid_gives_500(path: str, client: httpx2.AsyncClient) -> None:
    assert error_of(await client.get(path)) == (500, "INTERNAL_ERROR")


async def test_the_spelling_of_a_uuid_does_not_matter(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    run_id = next(iter(simulator.world.runs))

    for spelling in (run_id.upper(), run_id.replace("-", ""), f"%7B{run_id}%7D"):
        assert (await client.get(f"/runs/{spelling}")).json()["data"]["run"]["runId"] == run_id
