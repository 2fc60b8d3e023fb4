"""A row that can't be read, in every list that Mogplex returns: the good rows are in the answer, and a note."""

from typing import Any

import pytest

from tests.faults.mutations import Spoiling
from tests.faults.routes import ROUTES, Route, simulated
from tests.faults.support import everything, outcome_of

pytestmark = pytest.mark.anyio

LISTED = {
    "repos": ("repos",),
    "env-vars": ("envVars",),
    "agents": ("agents",),
    "models": ("models",),
    "sandboxes": ("sandboxes",),
    "sandbox-logs": ("lifecycle_events",),
    "run": ("events",),
    "ended-run": ("events",),
    "automations": ("automations",),
    "automation-runs": ("runs",),
    "automation-run": ("run", "node_runs"),
    "servers": ("servers",),
    "hosted-list": ("tools",),
}


def with_bad_row(answer: Any, way: tuple[str, ...]) -> Any:
    *above, last = way
    inner = answer.get("data") or answer["result"]
    for step in above:
        inner = inner[step]
    inner[last].insert(0, 5)
    return answer


@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in ROUTES if route.name in LISTED])
async def test_bad_row_is_a_note_of_the_answer(route: Route) -> None:
    simulator = simulated()
    transport = Spoiling(simulator.transport(), route)
    async with everything(simulator, route, transport) as client:
        plain = await outcome_of(client, route.tool, route.arguments)
    simulator = simulated()
    transport = Spoiling(simulator.transport(), route)
    async with everything(simulator, route, transport) as client:
        transport.spoil = lambda answer: with_bad_row(answer, LISTED[route.name])
        outcomes = [await outcome_of(client, route.tool, route.arguments) for _ in range(2)]
    for outcome in outcomes:
        assert not outcome.code, outcome.text
        assert "1 row could not be read" in outcome.text
        structured, whole = outcome.result.structured_content, plain.result.structured_content
        assert structured
        assert whole
        assert len([note for note in structured["notes"] if "could not be read" in note]) == 1
        assert structured["summary"] == whole["summary"]
