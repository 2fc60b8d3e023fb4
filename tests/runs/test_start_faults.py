"""Neither doubled nor lost: many starts, each under a random sequence of faults, cancels and repetitions."""

import os
import random

import anyio
import pytest

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from mogplex_mcp.tenants.tenant import Tenant
from tests.runs.support import repo_id, simulated, start, started_runs, tenant_of

pytestmark = pytest.mark.anyio

STARTS = int(os.environ.get("MOGPLEX_TEST_STARTS", "500"))
MOST_TRIES = 40


async def start_stubbornly(tenant: Tenant, simulator: Simulator, prompt: str, chance: random.Random) -> str:
    """Call like a model that follows the advice to retry, until the call succeeds."""
    for _ in range(MOST_TRIES):
        try:
            with anyio.move_on_after(chance.choice((0.5, 5, 60, 60))):
                return (await start(tenant, simulator, prompt)).run.run_id
        except MogplexError:
            await anyio.sleep(chance.uniform(0, 10))
    pytest.fail("no answer at all")


async def test_start_under_faults_starts_exactly_one_run() -> None:
    chance = random.Random(20_261_122)  # noqa: S311 - the same starts in each run of the test
    kinds = [kind for kind in FaultKind if kind is not FaultKind.QUEUE_FAILURE]
    doubled = lost = 0
    for number in range(STARTS):
        simulator = simulated(7_200)
        for _ in range(chance.randrange(5)):
            fault = Fault(chance.choice(kinds), method=chance.choice(("POST", "*")), seconds=chance.choice((1, 8, 40)))
            fault.retry_after = chance.choice((None, 1, 60))
            simulator.faults.add(fault)
        async with tenant_of(simulator) as tenant:
            prompt = f"task {number}"
            answers = [await start_stubbornly(tenant, simulator, prompt, chance)]
            if chance.random() < 0.3:
                answers.append(await start_stubbornly(tenant, simulator, prompt, chance))
            listed = [entry.run_id for entry in await tenant.ledger.runs()]
        runs = started_runs(simulator)
        doubled += len(runs) > 1 or len(set(answers)) > 1
        lost += runs != [answers[0]] or listed != runs
    assert (doubled, lost) == (0, 0)


async def trigger_stubbornly(tenant: Tenant, simulator: Simulator, chance: random.Random) -> str:
    """Call as `start_stubbornly` does, for an automation."""
    automation_id = next(one.id for one in simulator.world.automations.values() if one.name == "Review on mention")
    for _ in range(MOST_TRIES):
        try:
            with anyio.move_on_after(chance.choice((0.5, 5, 60, 60))):
                return (await tenant.triggerer.trigger(automation_id, repo_id(simulator), {})).run_id
        except MogplexError:
            await anyio.sleep(chance.uniform(0, 10))
    pytest.fail("no answer at all")


async def test_triggers_of_two_callers_at_once_under_faults_make_one_run() -> None:
    chance = random.Random(20_261_127)  # noqa: S311 - as above
    kinds = [kind for kind in FaultKind if kind is not FaultKind.QUEUE_FAILURE]
    doubled = lost = 0
    for _ in range(STARTS // 2):
        simulator = simulated(7_200)
        for _ in range(chance.randrange(7)):
            fault = Fault(chance.choice(kinds), method="POST", seconds=chance.choice((1, 8, 40)))
            fault.retry_after = chance.choice((None, 1, 60))
            simulator.faults.add(fault)
        answers: list[str] = []
        async with tenant_of(simulator) as tenant, anyio.create_task_group() as callers:

            async def one(
                tenant: Tenant = tenant, simulator: Simulator = simulator, answers: list[str] = answers
            ) -> None:
                await anyio.sleep(chance.uniform(0, 3))
                answers.append(await trigger_stubbornly(tenant, simulator, chance))

            for _ in range(2):
                callers.start_soon(one)
        doubled += len(simulator.world.job_runs) > 1
        lost += list(simulator.world.job_runs) != list(dict.fromkeys(answers))
    assert (doubled, lost) == (0, 0)
