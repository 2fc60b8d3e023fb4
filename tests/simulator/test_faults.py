import json

import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, Fault, FaultKind, Simulator

from .conftest import Clock
from .support import error_of, post_run, start

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        (FaultKind.REFUSED, httpx2.ConnectError),
        (FaultKind.RESET_BEFORE_WRITE, httpx2.ReadError),
        (FaultKind.RESET_AFTER_WRITE, httpx2.ReadError),
        (FaultKind.CUT_BODY, httpx2.RemoteProtocolError),
    ],
)
async def test_a_broken_connection_is_the_exception_that_httpx_raises(
    kind: FaultKind, raised: type[Exception], simulator: Simulator, client: httpx2.AsyncClient
) -> None:
    simulator.faults.add(Fault(kind))

    with pytest.raises(raised):
        await client.get("/repos")
    assert (await client.get("/repos")).status_code == 200


@pytest.mark.parametrize(
    ("kind", "runs"),
    [
        (FaultKind.REFUSED, 0),
        (FaultKind.RESET_BEFORE_WRITE, 0),
        (FaultKind.RESET_AFTER_WRITE, 1),
        (FaultKind.CUT_BODY, 1),
    ],
)
async def test_only_a_fault_after_the_write_leaves_a_run_behind(
    kind: FaultKind, runs: int, simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    before = len(simulator.world.runs)
    simulator.faults.add(Fault(kind))
    with pytest.raises(httpx2.TransportError):
        await post_run(client, repo_id)

    assert len(simulator.world.runs) - before == runs
    assert (await start(client, repo_id))["replayed"] is bool(runs)


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        (FaultKind.HTML_502, 502, "text/html"),
        (FaultKind.HTML_200, 200, "text/html"),
        (FaultKind.EMPTY_500, 500, ""),
        (FaultKind.JSON_500, 500, "application/json"),
        (FaultKind.RATE_LIMITED, 429, "application/json"),
        (FaultKind.UNAVAILABLE, 503, "application/json"),
        (FaultKind.INVALID_JSON, 200, "application/json"),
        (FaultKind.INVALID_UTF8, 200, "application/json"),
        (FaultKind.REDIRECT, 307, ""),
    ],
)
async def test_an_answer_from_the_edge_comes_instead_of_the_request(
    *, kind: FaultKind, status: int, content_type: str, simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    before = len(simulator.world.runs)
    simulator.faults.add(Fault(kind))
    response = await post_run(client, repo_id)

    assert response.status_code == status
    assert response.headers.get("content-type", "").partition(";")[0] == content_type
    assert len(simulator.world.runs) == before


@pytest.mark.parametrize("kind", [FaultKind.INVALID_JSON, FaultKind.INVALID_UTF8])
async def test_what_is_not_json_cannot_be_read(
    kind: FaultKind, simulator: Simulator, client: httpx2.AsyncClient
) -> None:
    simulator.faults.add(Fault(kind))
    response = await client.get("/repos")

    with pytest.raises(ValueError, match=r"."):
        json.loads(response.content.decode())


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMITED, FaultKind.UNAVAILABLE])
@pytest.mark.parametrize(("retry_after", "header"), [(7, "7"), (None, None)])
async def test_retry_after_can_be_chosen_and_left_out(
    kind: FaultKind, retry_after: int | None, header: str | None, simulator: Simulator, client: httpx2.AsyncClient
) -> None:
    simulator.faults.add(Fault(kind, retry_after=retry_after))

    assert (await client.get("/repos")).headers.get("retry-after") == header


async def test_a_redirect_leads_to_another_host(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    simulator.faults.add(Fault("redirect"))

    assert (await client.get("/repos")).headers["location"] == "https://elsewhere.invalid/api/v1/mogplex/repos"


async def test_a_slow_answer_takes_its_time(simulator: Simulator, client: httpx2.AsyncClient, clock: Clock) -> None:
    before = clock.at
    simulator.faults.add(Fault("slow", seconds=3.0))
    response = await client.get("/repos", timeout=5)

    assert response.status_code == 200
    assert clock.at - before == pytest.approx(3.0)


async def test_a_slow_response_exceeds_the_read_timeout_of_an_executed_request(
    simulator: Simulator, client: httpx2.AsyncClient, clock: Clock, repo_id: str
) -> None:
    before = clock.at
    simulator.faults.add(Fault("slow", seconds=30.0))
    with pytest.raises(httpx2.ReadTimeout):
        await client.post(
            "/runs", json={"repoId": repo_id, "prompt": "Fix it"}, headers={"Idempotency-Key": "key"}, timeout=5
        )

    assert clock.at - before == pytest.approx(5.0)
    assert (await start(client, repo_id))["replayed"] is True


async def test_a_slow_body_comes_in_parts(simulator: Simulator, client: httpx2.AsyncClient, clock: Clock) -> None:
    before = clock.at
    simulator.faults.add(Fault("slow_body", seconds=1.0))
    response = await client.get("/repos", timeout=2)

    assert response.json()["ok"] is True
    assert clock.at - before == pytest.approx(4.0)


async def test_a_wrong_length_cuts_the_json(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    simulator.faults.add(Fault("wrong_length"))
    response = await client.get("/repos")

    assert int(response.headers["content-length"]) == len(response.content)
    with pytest.raises(json.JSONDecodeError):
        response.json()


async def test_faults_strike_only_where_and_as_often_as_they_should(
    simulator: Simulator, client: httpx2.AsyncClient
) -> None:
    simulator.faults.add(Fault("empty_500", method="GET", path="/runs/*", times=2))
    run_id = next(iter(simulator.world.runs))
    paths = ["/repos", f"/runs/{run_id}", f"/runs/{run_id}/events", f"/runs/{run_id}"]

    assert [(await client.get(path)).status_code for path in paths] == [200, 500, 500, 200]


async def test_a_fault_for_ever_ends_when_it_is_cleared(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    simulator.faults.add(Fault("html_502", times=None))
    during = [(await client.get("/repos")).status_code for _ in range(3)]
    simulator.faults.clear()

    assert during == [502, 502, 502]
    assert (await client.get("/repos")).status_code == 200


async def test_an_outage_gives_every_token_401_and_passes(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    simulator.faults.outage(active=True)
    tokens = [dict(client.headers), {"Authorization": f"Bearer {DEMO_OTHER_TOKEN}"}]
    during = [error_of(await client.get("/repos", headers=token)) for token in tokens]
    simulator.faults.outage(active=False)

    assert during == [(401, "UNAUTHORIZED")] * 2
    assert (await client.get("/repos")).status_code == 200


async def test_an_unknown_kind_of_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="meteorite"):
        Fault("meteorite")


async def test_what_was_asked_is_written_down(simulator: Simulator, client: httpx2.AsyncClient, clock: Clock) -> None:
    simulator.faults.add(Fault("reset_before_write", method="DELETE"))
    await client.get("/repos", params={"q": "web"})
    with pytest.raises(httpx2.ReadError):
        await client.delete("/repos")

    first, second = simulator.requests
    assert (first.method, first.path) == ("GET", "/api/v1/mogplex/repos?q=web")
    assert (first.status, first.units, first.at) == (200, 1, clock.at)
    assert first.token == simulator.world.tokens[0].value
    assert (second.method, second.status) == ("DELETE", None)
