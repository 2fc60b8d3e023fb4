"""Every field of every answer spoilt: a correct answer or a named error, honest about what may have happened."""

from typing import Any

import anyio
import pytest
from mcp import Client

from mogplex_mcp.simulator import Simulator
from tests.faults.mutations import SPOILS, Place, Spoiling, places, spoilt, with_more
from tests.faults.routes import ROUTES, Route, renew, simulated
from tests.faults.support import LATER_SECONDS, UNKNOWN, everything, outcome_of
from tests.runs.support import without_quota
from tests.thorough import share

pytestmark = pytest.mark.anyio

ASKED = [route for route in ROUTES if route.name != "connection"]


@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in ASKED])
async def test_new_fields_change_nothing(route: Route) -> None:
    simulator = simulated()
    transport = Spoiling(simulator.transport(), route)
    async with everything(simulator, route) as client:
        plain = await outcome_of(client, route.tool, route.arguments)
    simulator = simulated()
    transport = Spoiling(simulator.transport(), route)
    async with everything(simulator, route, transport) as client:
        transport.spoil = with_more
        more = await outcome_of(client, route.tool, route.arguments)
    assert not more.code, more.text
    if route.is_stable:
        assert more.facts == plain.facts


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in ASKED])
async def test_each_field_of_an_answer_may_be_anything(route: Route, spoil: str) -> None:
    simulator = simulated()
    without_quota(simulator)
    simulator.world.repo_job_limit = 10_000
    transport = Spoiling(simulator.transport(), route)
    async with everything(simulator, route, transport) as client:
        await outcome_of(client, route.tool, route.arguments)
        # What writing answers is told by the same code as what reading does: its graph need not be spoilt again.
        deepest = 9 if route.method == "GET" else 4
        # Each field is spoilt in one way, or in all.
        all_places = list(places(transport.last, deepest))
        for number, place in enumerate(share(all_places, list(SPOILS).index(spoil), len(SPOILS))):
            renew(simulator)
            await anyio.sleep(LATER_SECONDS)
            for tool, arguments in route.before:
                await outcome_of(client, tool, arguments)
            transport.spoil = lambda answer, place=place: spoilt(answer, place, SPOILS[spoil])
            await spoil_one(client, simulator, transport, route, number)


async def spoil_one(client: Client, simulator: Simulator, transport: Spoiling, route: Route, number: int) -> None:
    """Call with the answer spoilt, and once more with nothing spoilt."""
    made = route.made(simulator) if route.made else 0
    outcome = await outcome_of(client, route.tool, route.numbered(number))
    # Mogplex did what it was asked, whatever its answer says.
    assert (UNKNOWN in outcome.text) == bool(outcome.code and route.writes), outcome.text
    transport.spoil = None
    if route.made is not None and route.writes:
        again = await outcome_of(client, route.tool, route.numbered(number))
        assert not again.code, again.text
        assert route.made(simulator) == made + 1


@pytest.mark.parametrize(
    ("name", "place", "never"),
    [
        ("review", ("data", "queued"), "queued no review"),
        ("delete-env-var", ("data", "deletedCount"), "found no LOG_LEVEL"),
        ("trigger", ("data", "run", "jobRunId"), "started nothing"),
        ("cancel-run", ("data", "alreadyTerminal"), "Nothing was stopped"),
    ],
)
async def test_what_is_not_told_is_not_taken_for_nothing_done(name: str, place: Place, never: str) -> None:
    simulator = simulated()
    route = next(route for route in ROUTES if route.name == name)
    transport = Spoiling(simulator.transport(), route)
    async with everything(simulator, route, transport) as client:
        transport.spoil = lambda answer: spoilt(without_start(answer), place, SPOILS["missing"])
        outcome = await outcome_of(client, route.tool, route.arguments)
    assert transport.last is not None
    assert never not in outcome.text


def without_start(answer: Any) -> Any:
    """An answer that says nothing of a review that was started: then its being queued is all there is."""
    answer["data"].pop("started", None)
    return answer
