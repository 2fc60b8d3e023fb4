from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.client import MAX_PROMPT_LENGTH, Mogplex, StartRun
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import check_uuid

from .recordings import envelope_of, row
from .support import BASE_URL, OTHER_ID, REPO_ID, RUN_ID, Bench, Network, ok

pytestmark = pytest.mark.anyio

RUN = {"runId": RUN_ID}
AUTOMATION = {"id": OTHER_ID}
Call = Callable[[Mogplex], Awaitable[object]]


async def sent(call: Call, **data: Any) -> tuple[str, str, Any]:
    """What a call puts on the wire, when the answer is `data`: method, path and query, body."""
    network = Network(ok(**data))
    await call(Mogplex(Bench(network).http))
    (request,) = network.requests
    return request.method, str(request.url).removeprefix(BASE_URL), network.body if request.content else None


@pytest.mark.parametrize(
    ("call", "data", "method", "path", "body"),
    [
        (lambda m: m.list_repos(), {"repos": []}, "GET", "/repos?limit=100", None),
        (lambda m: m.list_repos("acme/web", limit=5), {"repos": []}, "GET", "/repos?q=acme%2Fweb&limit=5", None),
        (lambda m: m.list_repos(repo_id=REPO_ID.upper()), {"repos": []}, "GET", f"/repos?id={REPO_ID}&limit=100", None),
        (lambda m: m.list_env_vars(REPO_ID), {"envVars": [{"key": "A"}]}, "GET", f"/repos/{REPO_ID}/env-vars", None),
        (
            lambda m: m.set_env_var(REPO_ID, "A", ""),
            {"key": "A"},
            "POST",
            f"/repos/{REPO_ID}/env-vars",
            {"key": "A", "value": ""},
        ),
        (
            lambda m: m.set_env_var(REPO_ID, "A", "b", target=("preview",), kind="plain"),
            {"key": "A"},
            "POST",
            f"/repos/{REPO_ID}/env-vars",
            {"key": "A", "value": "b", "target": ["preview"], "type": "plain"},
        ),
        (
            lambda m: m.delete_env_var(REPO_ID, "A"),
            {"key": "A", "deletedCount": 1},
            "DELETE",
            f"/repos/{REPO_ID}/env-vars",
            {"key": "A"},
        ),
        (lambda m: m.list_agents(), {"agents": []}, "GET", "/agents", None),
        (lambda m: m.list_models(), {"models": []}, "GET", "/models", None),
        (
            lambda m: m.list_sandboxes(REPO_ID, "running", 7),
            {"sandboxes": []},
            "GET",
            f"/sandboxes?repo_id={REPO_ID}&status=running&limit=7",
            None,
        ),
        (
            lambda m: m.create_sandbox(REPO_ID, base_branch="main", create_branch=False),
            {"sandbox": {"id": OTHER_ID}},
            "POST",
            "/sandboxes",
            {"repoId": REPO_ID, "baseBranch": "main", "createBranch": False},
        ),
        (
            lambda m: m.get_sandbox_logs(OTHER_ID),
            {"sandbox": {"id": OTHER_ID}},
            "GET",
            f"/sandboxes/{OTHER_ID}/logs",
            None,
        ),
        (
            lambda m: m.start_run(StartRun(REPO_ID, "do it"), "key-1"),
            RUN,
            "POST",
            "/runs",
            {"repoId": REPO_ID, "prompt": "do it", "createBranch": False},
        ),
        (
            lambda m: m.start_run(
                StartRun(REPO_ID, "do it", "codex", "main", "fix", True, "apps/web", "c"),  # noqa: FBT003 - order
                "key-1",
            ),
            RUN,
            "POST",
            "/runs",
            {
                "repoId": REPO_ID,
                "prompt": "do it",
                "harness": "codex",
                "baseBranch": "main",
                "workingBranch": "fix",
                "createBranch": True,
                "rootDirectory": "apps/web",
                "conversationId": "c",
            },
        ),
        (lambda m: m.get_run(RUN_ID.replace("-", "")), {"run": RUN}, "GET", f"/runs/{RUN_ID}", None),
        (
            lambda m: m.get_run_events(RUN_ID),
            {"run": RUN, "events": []},
            "GET",
            f"/runs/{RUN_ID}/events?limit=200",
            None,
        ),
        (lambda m: m.cancel_run(RUN_ID), {"run": RUN}, "POST", f"/runs/{RUN_ID}/cancel", None),
        (lambda m: m.list_automations(), {"automations": []}, "GET", "/automations?limit=50", None),
        (
            lambda m: m.list_automations(5, "c=="),
            {"automations": []},
            "GET",
            "/automations?limit=5&cursor=c%3D%3D",
            None,
        ),
        (
            lambda m: m.create_automation(9001, name="n", graph={"nodes": []}, publish=False),
            {"automation": AUTOMATION},
            "POST",
            "/automations",
            {"installationId": 9001, "name": "n", "graph": {"nodes": []}, "publish": False},
        ),
        (lambda m: m.get_automation(OTHER_ID), {"automation": AUTOMATION}, "GET", f"/automations/{OTHER_ID}", None),
        (
            lambda m: m.update_automation(OTHER_ID, description="", notes="x"),
            {"automation": AUTOMATION},
            "PUT",
            f"/automations/{OTHER_ID}",
            {"description": "", "notes": "x"},
        ),
        (
            lambda m: m.publish_automation(OTHER_ID),
            {"automation": AUTOMATION},
            "POST",
            f"/automations/{OTHER_ID}/publish",
            None,
        ),
        (
            lambda m: m.set_automation_model(OTHER_ID, "agent-1", None, publish=True),
            {"automation": AUTOMATION},
            "PUT",
            f"/automations/{OTHER_ID}/model",
            {"nodeId": "agent-1", "modelId": None, "publish": True},
        ),
        (
            lambda m: m.trigger_automation(OTHER_ID, REPO_ID, idempotency_key="key-1", values={}),
            {"run": {"automationId": OTHER_ID}},
            "POST",
            f"/automations/{OTHER_ID}/trigger",
            {"repoId": REPO_ID, "input": {}},
        ),
        (
            lambda m: m.list_automation_runs(OTHER_ID),
            {"runs": []},
            "GET",
            f"/automations/{OTHER_ID}/runs?limit=20",
            None,
        ),
        (
            lambda m: m.get_automation_run(OTHER_ID, RUN_ID),
            {"run": {"id": RUN_ID}},
            "GET",
            f"/automations/{OTHER_ID}/runs/{RUN_ID}",
            None,
        ),
        (
            lambda m: m.rerun_pr_review(REPO_ID, 7),
            {"queued": True},
            "POST",
            "/pr-reviews/rerun",
            {"repoId": REPO_ID, "prNumber": 7},
        ),
        (lambda m: m.list_mcp_servers(), {"servers": []}, "GET", "/mcp/servers", None),
    ],
)
async def test_method_requests_its_route(call: Call, data: dict[str, Any], method: str, path: str, body: Any) -> None:
    assert await sent(call, **data) == (method, path, body)


BAD_IDS: list[Call] = [
    lambda m: m.list_repos(repo_id="x"),
    lambda m: m.list_env_vars("x"),
    lambda m: m.set_env_var("x", "A", "b"),
    lambda m: m.delete_env_var("x", "A"),
    lambda m: m.list_sandboxes("x"),
    lambda m: m.create_sandbox("x"),
    lambda m: m.get_sandbox_logs("sbx_gt02"),
    lambda m: m.start_run(StartRun("acme/web", "do it"), "key-1"),
    lambda m: m.get_run("../repos"),
    lambda m: m.get_run_events(""),
    lambda m: m.cancel_run("x"),
    lambda m: m.get_automation("x"),
    lambda m: m.update_automation("x"),
    lambda m: m.publish_automation("x"),
    lambda m: m.set_automation_model("x", "n", None),
    lambda m: m.trigger_automation("x", REPO_ID, idempotency_key="k"),
    lambda m: m.trigger_automation(OTHER_ID, "x", idempotency_key="k"),
    lambda m: m.list_automation_runs("x"),
    lambda m: m.get_automation_run(OTHER_ID, "x"),
    lambda m: m.rerun_pr_review("x", 1),
]
BAD_PROMPTS: list[Call] = [
    lambda m: m.start_run(StartRun(REPO_ID, " \n"), "key-1"),
    lambda m: m.start_run(StartRun(REPO_ID, "a\0b"), "key-1"),
    lambda m: m.start_run(StartRun(REPO_ID, "x" * (MAX_PROMPT_LENGTH + 1)), "key-1"),
    lambda m: m.start_run(StartRun(REPO_ID, "\U0001f600" * (MAX_PROMPT_LENGTH // 2 + 1)), "key-1"),
]


@pytest.mark.parametrize("call", BAD_IDS + BAD_PROMPTS)
async def test_invalid_arguments_are_refused_before_sending(call: Call) -> None:
    network = Network(ok())
    bench = Bench(network)
    with pytest.raises(MogplexError) as caught:
        await call(Mogplex(bench.http))
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert (network.requests, bench.budget.spent) == ([], [])


async def test_check_prompt_counts_utf16_units() -> None:
    longest = "\U0001f600" * (MAX_PROMPT_LENGTH // 2)
    assert (await sent(lambda m: m.start_run(StartRun(REPO_ID, longest), "key-1"), **RUN))[2]["prompt"] == longest


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.list_repos(),
        lambda m: m.get_run(RUN_ID),
        lambda m: m.get_run_events(RUN_ID),
        lambda m: m.list_automations(),
        lambda m: m.get_automation_run(OTHER_ID, RUN_ID),
    ],
)
@pytest.mark.parametrize("data", [{}, {"repos": None, "run": {}, "events": None, "automations": {}}])
async def test_response_without_list_is_an_error(call: Call, data: dict[str, Any]) -> None:
    with pytest.raises(MogplexError, match="Mogplex responded without") as caught:
        await call(Mogplex(Bench(Network(ok(**data))).http))
    assert (caught.value.code, caught.value.may_have_happened) == (ErrorCode.UNEXPECTED_ANSWER, False)


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.start_run(StartRun(REPO_ID, "do it"), "key-1"),
        lambda m: m.cancel_run(RUN_ID),
        lambda m: m.create_sandbox(REPO_ID),
        lambda m: m.create_automation(1),
        lambda m: m.trigger_automation(OTHER_ID, REPO_ID, idempotency_key="k"),
        lambda m: m.set_env_var(REPO_ID, "A", "hunter2"),
    ],
)
async def test_write_response_without_id_may_have_happened(call: Call) -> None:
    with pytest.raises(MogplexError) as caught:
        await call(Mogplex(Bench(Network(ok(other=1))).http))
    assert (caught.value.code, caught.value.may_have_happened) == (ErrorCode.UNEXPECTED_ANSWER, True)
    assert "hunter2" not in caught.value.message


async def test_start_run_parses_flat_response_and_replay() -> None:
    for number, replayed in ((260, False), (261, True)):
        network = Network(ok(**envelope_of(row(number))["data"]))
        started = await Mogplex(Bench(network).http).start_run(StartRun(REPO_ID, "x"), "key-1", timeout=9)
        assert (started.replayed, started.run.status) == (replayed, "pending")
        assert started.run.run_id == "87a32df3-54f2-4e11-bda2-74f6dd5ebe37"
        assert network.requests[0].headers["idempotency-key"] == "key-1"


async def test_cancel_run_reports_already_terminal() -> None:
    network = Network(ok(**envelope_of(row(231))["data"]))
    cancelled = await Mogplex(Bench(network).http).cancel_run(RUN_ID)
    assert (cancelled.already_terminal, cancelled.status, cancelled.run.status) == (True, "success", "success")


async def test_trigger_automation_reports_why_it_did_not_start() -> None:
    network = Network(ok(**envelope_of(row(509))["data"]))
    mogplex = Mogplex(Bench(network).http)
    outcome = await mogplex.trigger_automation(OTHER_ID, REPO_ID, idempotency_key="key-1")
    assert (outcome.started, outcome.reason, outcome.job_run_id) == (False, "REPO_PENDING_LIMIT", None)


async def test_get_automation_run_returns_none_for_null() -> None:
    assert await Mogplex(Bench(Network(ok(run=None))).http).get_automation_run(OTHER_ID, RUN_ID) is None


async def test_watching_is_passed_to_budget() -> None:
    bench = Bench(Network(ok(run=RUN, events=[])))
    mogplex = Mogplex(bench.http)
    await mogplex.get_run(RUN_ID, watching=True)
    await mogplex.get_run_events(RUN_ID, watching=True)
    await mogplex.get_run_events(RUN_ID)
    assert bench.budget.spent == [(1, True), (1, True), (1, False)]


@given(
    st.from_regex(r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}", fullmatch=True)
)
def test_id_in_any_form_is_one_path_segment(text: str) -> None:
    assert set(check_uuid(text, "run_id")) <= set("0123456789abcdef-")
