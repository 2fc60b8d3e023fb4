"""Exactly one run, also when the process that starts it is killed at any step. Real processes, files and sockets."""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

import anyio
import pytest

from mogplex_mcp.api.transport import create_transport
from mogplex_mcp.simulator import Fault, FaultKind, Simulator, serve
from tests.runs.killed_start import STEPS, address, order, tenant_on
from tests.runs.support import without_quota
from tests.systems import with_posix

pytestmark = pytest.mark.anyio

ROUNDS = int(os.environ.get("MOGPLEX_TEST_KILL_ROUNDS", "1"))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend() -> str:
    """The clock of the processes."""
    return "asyncio"


def a_simulator() -> Simulator:
    simulator = Simulator()
    # Quotas and limits are the subject of other tests.
    without_quota(simulator)
    simulator.world.tokens[0].limited = False
    return simulator


async def in_a_process(port: int, path: Path, step: str, prompt: str) -> tuple[int | None, str]:
    command = [sys.executable, "-m", "tests.runs.killed_start", str(port), str(path), step, prompt]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "server"), str(ROOT)))}
    done = await anyio.run_process(command, check=False, cwd=ROOT, env=environment, stderr=None)
    return done.returncode, done.stdout.decode()


@with_posix
@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_a_start_that_is_killed_at_any_step_and_repeated_is_one_run(tmp_path: Path, round_: int) -> None:
    simulator = a_simulator()
    ends: dict[str, int | None] = {}
    found: dict[str, str] = {}

    async def killed_and_repeated(port: int, step: str) -> None:
        path = tmp_path / step.replace(" ", "_") / "state"
        prompt = f"{step}, round {round_}"
        ends[step], _ = await in_a_process(port, path, step, prompt)
        async with create_transport(address(port)) as transport:
            tenant = tenant_on(port, path, transport)
            started = await tenant.starter.start(order(prompt), repo="acme/web", default_branch="main")
            assert [entry.run_id for entry in await tenant.ledger.runs()] == [started.run.run_id]
        found[step] = started.run.run_id

    async with anyio.create_task_group() as server:
        port = await server.start(serve, simulator, "127.0.0.1", 0)
        # The only start that is slow is the one that is killed while it waits.
        simulator.faults.add(Fault(FaultKind.SLOW, method="POST", seconds=1))
        await killed_and_repeated(port, "while Mogplex works")
        async with anyio.create_task_group() as steps:
            for step in STEPS:
                if step != "while Mogplex works":
                    steps.start_soon(killed_and_repeated, port, step)
        server.cancel_scope.cancel()

    assert ends == {step: 0 if step == "never" else -signal.SIGKILL for step in STEPS}
    started = [run.id for run in simulator.world.runs.values() if run.idempotency_key]
    assert Counter(started) == Counter(found.values())
    assert len(started) == len(STEPS)


async def test_processes_that_start_the_same_at_once_start_one_run(tmp_path: Path) -> None:
    simulator = a_simulator()
    answers: list[tuple[int | None, str]] = []

    async with anyio.create_task_group() as server:
        port = await server.start(serve, simulator, "127.0.0.1", 0)

        async def one() -> None:
            answers.append(await in_a_process(port, tmp_path / "new" / "state", "never", "the same"))

        async with anyio.create_task_group() as processes:
            for _ in range(4):
                processes.start_soon(one)
        server.cancel_scope.cancel()

    started = [run.id for run in simulator.world.runs.values() if run.idempotency_key]
    assert len(started) == 1
    assert answers == [(0, started[0])] * 4
