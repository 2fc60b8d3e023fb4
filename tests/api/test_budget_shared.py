"""Several servers, one token: Mogplex never has to say 429 because of them."""

import os
import sys
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.simulator import Fault, FaultKind, Simulator, serve
from tests.runs.following import follow
from tests.runs.support import simulated, start, tenant_of

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend(virtual_time: object) -> object:
    return virtual_time


async def test_budget_shared_by_three_servers_avoids_429(tmp_path: Path) -> None:
    simulator = simulated(7_200)
    refused: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        tenants = [await stack.enter_async_context(tenant_of(simulator, tmp_path / "state")) for _ in range(3)]
        runs = [(await start(tenants[0], simulator, f"task {number}")).run.run_id for number in range(9)]

        async def watch(number: int) -> None:
            while True:
                await follow(tenants[number % 3].watches.of(runs[number]), Cursor(runs[number]))

        async def ask(number: int) -> None:
            while True:
                await anyio.sleep(1.7 + number / 10)
                try:
                    await tenants[number].mogplex.list_repos()
                except MogplexError as error:
                    refused[error.code] += 1

        with anyio.move_on_after(1_800):
            async with anyio.create_task_group() as tasks:
                for number in range(9):
                    tasks.start_soon(watch, number)
                for number in range(3):
                    tasks.start_soon(ask, number)
    assert not [seen for seen in simulator.requests if seen.status == 429]
    assert len(simulator.requests) > 55 * 30
    assert set(refused) <= {ErrorCode.BUDGET_EXHAUSTED, ErrorCode.TIMED_OUT}


async def test_budget_pauses_all_servers_after_429(tmp_path: Path) -> None:
    simulator = simulated(7_200)
    async with (
        tenant_of(simulator, tmp_path / "state") as one,
        tenant_of(simulator, tmp_path / "state") as other,
        anyio.create_task_group() as tasks,
    ):
        runs = [(await start(one, simulator, f"task {number}")).run.run_id for number in range(4)]

        async def watch(number: int) -> None:
            while True:
                await follow((one, other)[number % 2].watches.of(runs[number]), Cursor(runs[number]))

        for number in range(4):
            tasks.start_soon(watch, number)
        await anyio.sleep(100)
        simulator.faults.add(Fault(FaultKind.RATE_LIMITED, retry_after=45))
        await anyio.sleep(200)
        tasks.cancel_scope.cancel()
    (refused,) = [seen for seen in simulator.requests if seen.status == 429]
    later = [seen.at - refused.at for seen in simulator.requests if seen.at > refused.at]
    # What was on its way already is not called back.
    assert not [seconds for seconds in later if 1 < seconds < 45]
    assert min(seconds for seconds in later if seconds >= 45) < 60


PROGRAM = """
import sys, anyio
from pathlib import Path
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.transport import create_transport
from tests.runs.killed_start import address, tenant_on

async def main():
    asked = 0
    port = int(sys.argv[1])
    async with create_transport(address(port)) as transport:
        tenant = tenant_on(port, Path(sys.argv[2]), transport)
        try:
            while True:
                await tenant.mogplex.list_repos()
                asked += 1
        except MogplexError as error:
            print(error.code, asked)

anyio.run(main)
"""


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_budget_is_shared_between_processes(tmp_path: Path) -> None:
    simulator = Simulator()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "server"), str(ROOT)))}
    printed: list[str] = []
    async with anyio.create_task_group() as server:
        port = await server.start(serve, simulator, "127.0.0.1", 0)

        async def one() -> None:
            command = [sys.executable, "-c", PROGRAM, str(port), str(tmp_path / "state")]
            done = await anyio.run_process(command, env=environment, cwd=ROOT, stderr=None)
            printed.append(done.stdout.decode())

        async with anyio.create_task_group() as processes:
            for _ in range(3):
                processes.start_soon(one)
        server.cancel_scope.cancel()
    assert [line.split()[0] for line in printed] == [ErrorCode.BUDGET_EXHAUSTED] * 3
    assert sum(int(line.split()[1]) for line in printed) == 60
    assert {seen.status for seen in simulator.requests} == {200}
