"""Every route under every fault: a correct answer or a named error, in time, within the budget, nothing done twice."""

from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from mcp import Client

from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from mogplex_mcp.tools.hosted_equivalents import route_equivalents
from tests.faults.routes import ROUTES, Route, renew, simulated
from tests.faults.support import (
    LATER_SECONDS,
    LONGEST_SECONDS,
    UNKNOWN,
    Outcome,
    busiest_minute,
    everything,
    outcome_of,
)
from tests.thorough import crossed

pytestmark = pytest.mark.anyio

Kind = FaultKind


@dataclass(frozen=True)
class Strike:
    """A fault, and what can be known of a request that it strikes.

    Attributes:
        name: What the test is called.
        kind: The fault; None for an outage of Mogplex's database.
        options: Of the fault.
        executed: Whether Mogplex does what it was asked, although the answer does not come through.
        refused: Whether it is certain that nothing was done.
        passes: Whether a read succeeds all the same if this happens once.
    """

    name: str
    kind: FaultKind | None
    options: dict[str, Any]
    executed: bool = False
    refused: bool = False
    passes: bool = False

    def befall(self, simulator: Simulator, route: Route, times: int | None) -> None:
        """Let it happen to the requests of a route, so many times or for ever."""
        if self.kind is None:
            simulator.faults.outage(active=True)
        else:
            simulator.faults.add(Fault(self.kind, route.method, route.path, times, **self.options))


STRIKES = [
    Strike("refused", Kind.REFUSED, {}, refused=True, passes=True),
    Strike("reset-before-the-write", Kind.RESET_BEFORE_WRITE, {}, passes=True),
    Strike("reset-after-the-write", Kind.RESET_AFTER_WRITE, {}, executed=True, passes=True),
    Strike("slow", Kind.SLOW, {"seconds": 8.0}, executed=True, passes=True),
    Strike("slow-for-ever", Kind.SLOW, {"seconds": 3_600.0}, executed=True, passes=True),
    Strike("slow-body", Kind.SLOW_BODY, {"seconds": 2.0}, executed=True, passes=True),
    Strike("slower-body", Kind.SLOW_BODY, {"seconds": 15.0}, executed=True),
    Strike("cut-body", Kind.CUT_BODY, {}, executed=True, passes=True),
    Strike("wrong-length", Kind.WRONG_LENGTH, {}, executed=True),
    Strike("html-200", Kind.HTML_200, {}),
    Strike("html-502", Kind.HTML_502, {}, passes=True),
    Strike("empty-500", Kind.EMPTY_500, {}),
    Strike("json-500", Kind.JSON_500, {}),
    Strike("429", Kind.RATE_LIMITED, {"retry_after": 60}, refused=True),
    Strike("429-for-a-moment", Kind.RATE_LIMITED, {"retry_after": 2}, refused=True, passes=True),
    Strike("429-for-a-day", Kind.RATE_LIMITED, {"retry_after": 86_400}, refused=True),
    Strike("429-without-retry-after", Kind.RATE_LIMITED, {"retry_after": None}, refused=True),
    Strike("503", Kind.UNAVAILABLE, {"retry_after": 60}),
    Strike("503-for-a-moment", Kind.UNAVAILABLE, {"retry_after": 2}, passes=True),
    Strike("503-without-retry-after", Kind.UNAVAILABLE, {"retry_after": None}, passes=True),
    Strike("401-outage", None, {}, refused=True),
    Strike("invalid-utf8", Kind.INVALID_UTF8, {}),
    Strike("invalid-json", Kind.INVALID_JSON, {}),
    Strike("redirect", Kind.REDIRECT, {}, refused=True),
    Strike("redirect-to-http", Kind.REDIRECT, {"location": "http://mogplex.com/login"}, refused=True),
]


@pytest.fixture(scope="module")
def well() -> dict[str, Outcome]:
    """What each route answers while all is well, as far as that is always the same."""
    return {}


@pytest.mark.parametrize(
    ("route", "strike"),
    [pytest.param(*pair, id=f"{pair[0].name}-{pair[1].name}") for pair in crossed(ROUTES, STRIKES)],
)
async def test_a_fault_that_passes_and_one_that_stays(route: Route, strike: Strike, well: dict[str, Outcome]) -> None:
    simulator = simulated()
    if route.name not in well:
        well[route.name] = await undisturbed(route)
    async with everything(simulator, route) as client:
        strike.befall(simulator, route, times=1)
        outcome = await struck(client, simulator, route, strike)
        if strike.passes and not route.writes and route.name != "connection":
            assert not outcome.code, outcome.text
        if not outcome.code and route.is_stable:
            assert outcome.facts == well[route.name].facts
        await stays_and_is_repaired(client, simulator, route, strike)


async def stays_and_is_repaired(client: Client, simulator: Simulator, route: Route, strike: Strike) -> None:
    """The same fault once more, until it is repaired; then the same call finds what was made meanwhile."""
    simulator.faults.clear()
    renew(simulator)
    await anyio.sleep(LATER_SECONDS)
    for tool, arguments in route.before:
        await outcome_of(client, tool, arguments)
    made = route.made(simulator) if route.made and route.writes else 0
    strike.befall(simulator, route, times=None)
    await struck(client, simulator, route, strike)
    simulator.faults.clear()
    # However long Mogplex asked to wait: no pause is longer than its window.
    await anyio.sleep(120)
    repaired = await outcome_of(client, route.tool, route.arguments)
    if route.made is not None or not route.writes:
        assert not repaired.code, repaired.text
    if route.made is not None and route.writes:
        assert route.made(simulator) == made + 1
    assert busiest_minute(simulator) <= 60


async def undisturbed(route: Route) -> Outcome:
    async with everything(simulated(), route) as client:
        outcome = await outcome_of(client, route.tool, route.arguments)
    assert not outcome.code, outcome.text
    return outcome


async def struck(client: Client, simulator: Simulator, route: Route, strike: Strike) -> Outcome:
    """The outcome of a call that is struck by a fault, with all that holds for each."""
    world, asked = repr(simulator.world), len(simulator.requests)
    made = route.made(simulator) if route.made else 0
    outcome = await outcome_of(client, route.tool, route.arguments)
    assert outcome.seconds <= LONGEST_SECONDS
    assert busiest_minute(simulator) <= 60
    if outcome.code and route.writes:
        if strike.executed:
            assert UNKNOWN in outcome.text, outcome.text
        if strike.refused:
            assert UNKNOWN not in outcome.text, outcome.text
            assert repr(simulator.world) == world
    if outcome.code and not route.writes:
        assert UNKNOWN not in outcome.text, outcome.text
    if route.made is not None:
        assert route.made(simulator) <= made + 1
    elif route.writes:
        assert route.count(simulator, since=asked) <= 1
    return outcome


def test_the_matrix_has_every_route() -> None:
    seen = {(route.method, route.path.replace("????????-????-????-????-????????????", "*")) for route in ROUTES}
    wanted = {tuple(name.split(" ", 1)) for name in route_equivalents()}
    assert {(method, _pattern(path)) for method, path in wanted} <= seen


def test_the_matrix_has_every_kind_of_fault() -> None:
    # What a queue that fails or hangs does to a start is tested with starting.
    assert {strike.kind for strike in STRIKES} == {*FaultKind, None} - {Kind.QUEUE_FAILURE, Kind.QUEUE_HANG}


def _pattern(path: str) -> str:
    return "/".join("*" if part.startswith("{") else part for part in path.split("/"))
