"""What the recordings do not show: sandboxes that boot, variables that work, reviews, triggers."""

from typing import Any

import httpx2
import pytest

from mogplex_mcp.simulator import Simulator
from mogplex_mcp.simulator.payloads import public_payload

from .conftest import Clock
from .support import error_of

pytestmark = pytest.mark.anyio


async def names(client: httpx2.AsyncClient, **query: Any) -> list[str]:
    response = await client.get("/repos", params=query)
    return [repo["full_name"] for repo in response.json()["data"]["repos"]]


async def test_a_sandbox_boots_for_minutes_and_then_runs(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    before = clock.at
    response = await client.post("/sandboxes", json={"repoId": repo_id}, timeout=None)
    listed = (await client.get("/sandboxes")).json()["data"]["sandboxes"]

    assert response.status_code == 202
    assert clock.at - before == pytest.approx(simulator.world.sandbox_boot_seconds)
    assert listed[0] == response.json()["data"]["sandbox"]
    assert listed[0]["status"] == "running"


async def test_environment_variables_are_501_until_the_world_has_them(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    path = f"/repos/{repo_id}/env-vars"
    assert error_of(await client.get(path)) == (501, "SERVICE_UNAVAILABLE")
    simulator.world.env_vars_available = True

    created = await client.post(path, json={"key": "A", "value": "secret"})
    updated = await client.post(path, json={"key": "A", "value": "other", "target": ["preview"], "type": "plain"})
    listed = await client.get(path)
    deleted = await client.request("DELETE", path, json={"key": "A"})

    assert created.json()["data"] == {"action": "created", "key": "A", "updatedCount": 1}
    assert updated.json()["data"] == {"action": "updated", "key": "A", "updatedCount": 1}
    assert [(item["key"], item["target"]) for item in listed.json()["data"]["envVars"]] == [("A", ["preview"])]
    assert "secret" not in listed.text
    assert "other" not in listed.text
    assert deleted.json()["data"] == {"key": "A", "deletedCount": 1}


async def test_each_review_queues_another_one(client: httpx2.AsyncClient, repo_id: str) -> None:
    body = {"repoId": repo_id, "prNumber": 7}
    jobs = {(await client.post("/pr-reviews/rerun", json=body)).json()["data"]["jobRunId"] for _ in range(2)}

    assert len(jobs) == 2
    assert error_of(await client.post("/pr-reviews/rerun", json=body | {"prNumber": 0})) == (400, "BAD_REQUEST")


async def test_patterns_and_case_in_repo_searches(client: httpx2.AsyncClient) -> None:
    assert await names(client, q="WEB") == ["acme/web"]
    assert await names(client, q="w_b") == ["acme/web"]
    assert await names(client, q="a%b") == ["acme/mobile", "acme/web"]
    assert await names(client, q="\\_") == []
    assert await names(client, q="monorepo") == ["acme/monorepo", "acme/monorepo"]


@pytest.mark.parametrize(("limit", "count"), [("0", 1), ("-1", 1), ("2", 2), ("abc", 6), ("9999", 6), ("2x", 2)])
async def test_limits_are_clamped_and_never_refused(limit: str, count: int, client: httpx2.AsyncClient) -> None:
    assert len(await names(client, limit=limit)) == count


async def test_a_triggered_automation_runs_and_succeeds(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    active = next(item.id for item in simulator.world.automations.values() if item.status == "active")
    path = f"/automations/{active}"
    headers = {"Idempotency-Key": "t-1"}
    first = (await client.post(f"{path}/trigger", json={"repoId": repo_id}, headers=headers)).json()["data"]["run"]
    again = (await client.post(f"{path}/trigger", json={"repoId": repo_id}, headers=headers)).json()["data"]["run"]
    running = (await client.get(f"{path}/runs/{first['jobRunId']}")).json()["data"]["run"]
    clock.at += 601
    done = (await client.get(f"{path}/runs")).json()["data"]["runs"][0]

    assert (first["started"], again["started"], again["reason"]) == (True, False, "IDEMPOTENT_DUPLICATE")
    assert again["jobRunId"] == first["jobRunId"]
    assert (running["status"], done["status"]) == ("running", "success")
    assert [node["node_id"] for node in done["node_runs"]] == ["start", "agent-1", "end"]


async def test_a_draft_cannot_be_triggered_until_it_is_published(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    draft = next(item.id for item in simulator.world.automations.values() if item.status == "inactive")
    refused = await client.post(
        f"/automations/{draft}/trigger", json={"repoId": repo_id}, headers={"Idempotency-Key": "k"}
    )
    published = await client.post(f"/automations/{draft}/publish")
    started = await client.post(
        f"/automations/{draft}/trigger", json={"repoId": repo_id}, headers={"Idempotency-Key": "k"}
    )

    assert refused.status_code == 409
    assert published.json()["data"]["automation"]["publishedVersion"]["versionNumber"] == 1
    assert started.json()["data"]["run"]["started"] is True


async def test_publishing_a_bad_graph_at_creation_leaves_the_draft(
    simulator: Simulator, client: httpx2.AsyncClient
) -> None:
    before = len(simulator.world.automations)
    start_node = {"id": "s", "type": "start", "position": {"x": 0, "y": 0}, "data": {}}
    body = {"installationId": 4711, "publish": True, "graph": {"nodes": [start_node], "edges": []}}

    assert error_of(await client.post("/automations", json=body)) == (400, "BAD_REQUEST")
    assert len(simulator.world.automations) == before + 1


async def test_following_the_cursor_of_automations_fails_every_time(client: httpx2.AsyncClient) -> None:
    first = (await client.get("/automations", params={"limit": 1})).json()["data"]

    assert first["nextCursor"]
    assert error_of(await client.get("/automations", params={"cursor": first["nextCursor"]})) == (
        500,
        "INTERNAL_ERROR",
    )


async def test_the_hosted_endpoint_lists_23_tools_with_valid_schemas(client: httpx2.AsyncClient) -> None:
    response = await client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    tools = response.json()["result"]["tools"]

    assert len({tool["name"] for tool in tools}) == 23
    assert all(tool["inputSchema"]["additionalProperties"] is False for tool in tools)
    assert all(set(tool) == {"name", "title", "description", "inputSchema", "annotations"} for tool in tools)


async def test_every_hosted_tool_reaches_a_route(
    simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    simulator.world.tokens[0].limited = False
    values: dict[str, Any] = {
        "repoId": repo_id,
        "runId": next(iter(simulator.world.runs)),
        "automationId": next(iter(simulator.world.automations)),
        "sandboxId": simulator.world.sandboxes[0].id,
        "installationId": 4711,
        "prNumber": 1,
        "key": "A",
        "value": "b",
        "prompt": "Fix it",
        "nodeId": "agent-1",
        "modelId": None,
    }
    simulator.world.env_vars_available = True
    tools = (await client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).json()
    for tool in tools["result"]["tools"]:
        given = {name: values[name] for name in tool["inputSchema"].get("required", ())}
        call = {"name": tool["name"], "arguments": given}
        response = await client.post(
            "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}, timeout=None
        )
        result = response.json()["result"]
        known_failure = tool["name"] == "mogplex_get_automation_run_logs"  # a run's id is not a job run's
        assert result["isError"] is known_failure, result
        assert len(result["content"]) == 1


@pytest.mark.parametrize(
    ("payload", "public"),
    [
        ({"authToken": "x", "count": 1}, {"authToken": "[REDACTED]", "count": 1}),
        ({"text": "y" * 3_000}, {"text": "y" * 2_000}),
        ({"rows": list(range(40))}, {"rows": list(range(25))}),
        ({"a": {"b": {"c": {"d": 1}}}}, {"a": {"b": {"c": {"d": 1}}}}),
        ({"a": {"b": {"c": {"d": {"e": 1}}}}}, {"a": {"b": {"c": {"d": '{"e": 1}'}}}}),
    ],
)
def test_payloads_are_redacted_and_cut(payload: dict[str, Any], public: dict[str, Any]) -> None:
    assert public_payload(payload) == public


def test_a_payload_that_is_too_long_becomes_a_preview() -> None:
    public = public_payload({str(number): "z" * 2_000 for number in range(20)})

    assert public["truncated"] is True
    assert len(public["payloadPreview"]) == 20_000
