"""A Mogplex that lacks a route: each tool says so, and none advises to repeat what costs money."""

import httpx2
import pytest

from mogplex_mcp.simulator import Simulator
from tests.faults.routes import ROUTES, Route, simulated
from tests.faults.support import UNKNOWN, everything, outcome_of

pytestmark = pytest.mark.anyio


class Lacking(httpx2.AsyncBaseTransport):
    """A Mogplex without one route."""

    def __init__(self, simulator: Simulator, route: Route) -> None:
        self._whole = simulator.transport()
        self._route = route
        self.is_gone = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.is_gone and self._route.fits(request.method, request.url.path):
            return httpx2.Response(404, html="<title>404: This page could not be found.</title>")
        return await self._whole.handle_async_request(request)


@pytest.mark.parametrize(
    "route",
    [pytest.param(route, id=route.name) for route in ROUTES if not route.before and route.name != "connection"],
)
async def test_route_that_is_missing_is_not_supported(route: Route) -> None:
    simulator = simulated()
    transport = Lacking(simulator, route)
    transport.is_gone = True
    async with everything(simulator, route, transport) as client:
        outcome = await outcome_of(client, route.tool, route.arguments)
    assert outcome.code == "not_supported", outcome.text
    assert "This Mogplex has no such route" in outcome.text
    assert "again will not help" in outcome.text
    assert UNKNOWN not in outcome.text


async def test_outage_in_place_of_a_known_route_is_no_reason_to_queue_a_second_review() -> None:
    route = next(route for route in ROUTES if route.name == "review")
    simulator = simulated()
    transport = Lacking(simulator, route)
    async with everything(simulator, route, transport) as client:
        assert not (await outcome_of(client, route.tool, route.arguments)).code
        transport.is_gone = True
        outcome = await outcome_of(client, route.tool, route.arguments)
    assert outcome.code == "unexpected_answer"
    assert "Call rerun_pr_review again" not in outcome.text
    assert "call rerun_pr_review again" not in outcome.text


async def test_billing_is_not_a_missing_scope() -> None:
    """A 403 with CONFLICT is about money, and leaves the scope `write` as it was."""
    route = next(route for route in ROUTES if route.name == "create-sandbox")
    simulator = simulated()
    whole = simulator.transport()
    asked = 0

    async def refuse(request: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        if not route.fits(request.method, request.url.path):
            return await whole.handle_async_request(request)
        asked += 1
        error = {"code": "CONFLICT", "message": "Hosted sandbox compute requires a positive billing balance."}
        return httpx2.Response(403, json={"ok": False, "error": error})

    async with everything(simulator, route, httpx2.MockTransport(refuse)) as client:
        outcomes = [await outcome_of(client, route.tool, route.arguments) for _ in range(2)]
    for outcome in outcomes:
        assert outcome.code == "billing"
        assert "positive billing balance" in outcome.text
        assert "Settings > Billing" in outcome.text
        assert "scope" not in outcome.text
    assert asked == 2
