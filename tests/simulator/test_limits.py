import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, Simulator

from .conftest import Clock
from .support import error_of, post_run

pytestmark = pytest.mark.anyio


def call(number: int = 1) -> dict[str, object]:
    parameters = {"name": "mogplex_list_repos", "arguments": {"limit": 1}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": parameters}


async def test_the_61st_request_within_a_minute_is_refused_and_a_minute_later_there_are_60_again(
    client: httpx2.AsyncClient, clock: Clock
) -> None:
    statuses = [(await client.get("/models")).status_code for _ in range(61)]
    refused = await client.get("/models")
    clock.at += 60

    assert statuses == [200] * 60 + [429]
    assert (error_of(refused), refused.headers["retry-after"]) == ((429, "RATE_LIMITED"), "60")
    assert [(await client.get("/models")).status_code for _ in range(61)] == [200] * 60 + [429]


async def test_the_window_slides(client: httpx2.AsyncClient, clock: Clock) -> None:
    for _ in range(30):
        await client.get("/models")
    clock.at += 40
    for _ in range(30):
        await client.get("/models")
    clock.at += 20

    assert [(await client.get("/models")).status_code for _ in range(31)] == [200] * 30 + [429]


async def test_each_token_has_a_minute_of_its_own(client: httpx2.AsyncClient) -> None:
    for _ in range(60):
        await client.get("/models")
    other = await client.get("/models", headers={"Authorization": f"Bearer {DEMO_READ_ONLY_TOKEN}"})

    assert other.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "units"),
    [
        ("GET", "/runs/abc", 1),
        ("GET", "/runs/00000000-0000-4000-8000-000000000000", 1),
        ("HEAD", "/repos", 1),
        ("GET", "/runs", 0),
        ("OPTIONS", "/repos", 0),
        ("GET", "/repos/", 0),
        ("GET", "/nope", 0),
        ("GET", "/mcp", 0),
    ],
)
async def test_errors_and_head_cost_a_unit_and_what_the_framework_answers_costs_none(
    method: str, path: str, units: int, simulator: Simulator, client: httpx2.AsyncClient
) -> None:
    await client.request(method, path)

    assert [seen.units for seen in simulator.requests] == [units]


async def test_a_tool_call_costs_two_units(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    texts = [(await client.post("/mcp", json=call(number))).status_code for number in range(31)]

    assert texts == [200] * 30 + [429]
    assert simulator.requests[0].units == 2


async def test_an_odd_unit_lets_a_tool_call_through_to_an_error_in_its_result(client: httpx2.AsyncClient) -> None:
    await client.get("/models")
    for number in range(29):
        await client.post("/mcp", json=call(number))
    last = await client.post("/mcp", json=call(30))

    assert last.status_code == 200
    assert last.json()["result"]["isError"] is True
    assert last.json()["result"]["structuredContent"]["error"]["status"] == 429


async def test_a_batch_costs_one_unit_and_one_for_each_call(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    await client.post("/mcp", json=[call(1), call(2), {"jsonrpc": "2.0", "id": 3, "method": "ping"}])

    assert simulator.requests[0].units == 3


async def test_an_oauth_token_is_not_counted(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    simulator.world.tokens[0].limited = False

    assert {(await client.get("/models")).status_code for _ in range(70)} == {200}


async def test_ten_starts_a_minute_and_replays_and_mistakes_count(
    client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    for _ in range(4):
        assert (await post_run(client, repo_id)).status_code == 202
    for number in range(6):
        assert (await post_run(client, repo_id, f"bad-{number}", prompt="")).status_code == 400
    refused = await post_run(client, repo_id)
    clock.at += 60

    assert (error_of(refused), refused.headers["retry-after"]) == ((429, "RATE_LIMITED"), "60")
    assert (await post_run(client, repo_id)).status_code == 202


@pytest.mark.parametrize(("starts", "age", "wait"), [(30, 600.0, "1800"), (150, 7_200.0, "50400")])
async def test_starts_are_limited_by_the_hour_and_by_the_day(
    *, starts: int, age: float, wait: str, simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    simulator.state.quotas.fill(DEMO_TOKEN, starts, age=age)

    refused = await post_run(client, repo_id)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, wait)


async def test_a_start_without_a_body_costs_no_quota(client: httpx2.AsyncClient, repo_id: str) -> None:
    for _ in range(12):
        await client.post("/runs", content=b"{", headers={"Idempotency-Key": "k"})

    assert (await post_run(client, repo_id)).status_code == 202
