"""Reviews of pull requests: each call queues one, and says so."""

from typing import Any

import pytest

from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from tests.tools.people import client_with, facts
from tests.tools.support import error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


async def test_a_review_is_queued_and_told_as_what_it_is() -> None:
    async with client_with() as client:
        queued = await facts(client, "rerun_pr_review", repo="acme/web", pr_number="7")
    assert (queued["pr_number"], queued["queued"], queued["started"], queued["deferred"]) == (7, True, True, False)
    assert "each call queues one more" in " ".join(queued["notes"])


@pytest.mark.parametrize("number", [0, -1, "seven", 1.5, [1, 2]])
async def test_what_is_no_number_of_a_pull_request_is_refused_here(number: Any) -> None:
    simulator = Simulator(now=virtual_now)
    async with client_with(None, simulator) as client:
        text = await error(client, "rerun_pr_review", repo="acme/web", pr_number=number)
    assert "pr_number must be a whole number from 1 to" in text
    assert simulator.requests == []


async def test_an_unknown_outcome_warns_of_a_second_review() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST"))
    async with client_with(None, simulator) as client:
        text = await error(client, "rerun_pr_review", repo="acme/web", pr_number=7)
    assert "it could be done twice" in text
    assert [one.method for one in simulator.requests].count("POST") == 1
