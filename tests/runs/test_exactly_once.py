"""Neither doubled nor lost: starts and triggers of four processes under random faults, kills and lost journals.

Real processes, files and sockets. MOGPLEX_TEST_ATTACKS=500 attacks with 500 starts and 500 triggers.
"""

import multiprocessing
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from mogplex_mcp.simulator import Fault, FaultKind, Simulator, serve
from tests.runs.attacker import attack
from tests.runs.support import started_runs, without_quota

pytestmark = pytest.mark.anyio

STARTS = int(os.environ.get("MOGPLEX_TEST_ATTACKS", "5"))
PROCESSES = 4
_FAULTS = [kind for kind in FaultKind if kind is not FaultKind.SLOW_BODY]


@pytest.fixture
def anyio_backend() -> str:
    """The clock of the processes."""
    return "asyncio"


def target() -> Simulator:
    simulator = Simulator(run_seconds=3_600)
    without_quota(simulator)
    simulator.world.tokens[0].limited = False
    simulator.world.repo_job_limit = 1_000_000
    return simulator


def automation(simulator: Simulator) -> str:
    return next(one.id for one in simulator.world.automations.values() if one.name == "Review on mention")


async def inject_faults(simulator: Simulator, chance: random.Random) -> None:
    while True:
        if chance.random() < 0.03:
            simulator.faults.outage(active=True)
            await anyio.sleep(chance.uniform(0, 0.1))
            simulator.faults.outage(active=False)
        if not simulator.faults.waiting and chance.random() < 0.5:
            fault = Fault(chance.choice(_FAULTS), method=chance.choice(("POST", "POST", "*")), seconds=0.05)
            fault.retry_after = chance.choice((None, 0, 1))
            simulator.faults.add(fault)
        await anyio.sleep(0.01)


async def damage_journals(folder: Path, chance: random.Random) -> None:
    """Remove, empty or overwrite one of the files of a journal from time to time, also under a running process."""
    while True:
        await anyio.sleep(chance.uniform(0.2, 2))
        damage(folder, chance)


def damage(folder: Path, chance: random.Random) -> None:
    files = [file for file in folder.iterdir() if "damaged" not in file.name]
    if not files:
        return
    file = chance.choice(files)
    match chance.randrange(3):
        case 0:
            file.unlink(missing_ok=True)
        case 1:
            file.write_bytes(b"")
        case _:
            file.write_bytes(chance.randbytes(8_192))


def lines(file: Path) -> int:
    return file.read_text().count("\n") if file.exists() else 0


async def keep_attacking(
    port: int, journal: Path | None, automation_id: str, results: Path, chance: random.Random
) -> int:
    """Kill the process again and again until it has done everything; return how often that was."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.runs.attacker"])
    kills = 0
    while True:
        process = context.Process(target=attack, args=(port, journal, automation_id, results, STARTS))
        await anyio.to_thread.run_sync(process.start)
        # Killed in the middle of what comes after a few results: the start of a process takes long.
        enough = lines(results) + chance.randrange(1, 6 + STARTS // 12)
        while process.is_alive() and lines(results) < enough:  # noqa: ASYNC110 - another process writes them
            await anyio.sleep(0.01)
        await anyio.sleep(chance.uniform(0, 0.1))
        if process.exitcode == 0:
            return kills
        process.kill()
        await anyio.to_thread.run_sync(process.join)
        kills += 1


def answers(folder: Path) -> Iterator[tuple[int, str]]:
    for file in folder.iterdir():
        for line in file.read_text().splitlines():
            number, run_id = line.split()
            yield int(number), run_id


async def test_starts_and_triggers_under_attack_are_one_run_each(tmp_path: Path) -> None:
    chance = random.Random(20_261_128)  # noqa: S311 - the same attack in each run of the test, as far as time allows
    simulator = target()
    journals, results = tmp_path / "journals", tmp_path / "results"
    journals.mkdir()
    results.mkdir()
    kills: list[int] = []
    async with anyio.create_task_group() as background:
        port = await background.start(serve, simulator, "127.0.0.1", 0)
        background.start_soon(inject_faults, simulator, chance)
        background.start_soon(damage_journals, journals, chance)
        async with anyio.create_task_group() as attackers:

            async def one(number: int) -> None:
                # Two share a journal, one has its own, and one has none.
                journal = (journals / "shared", journals / "shared", journals / "own", None)[number]
                place = results / str(number)
                kills.append(await keep_attacking(port, journal, automation(simulator), place, chance))

            for number in range(PROCESSES):
                attackers.start_soon(one, number)
        background.cancel_scope.cancel()

    found: dict[int, set[str]] = defaultdict(set)
    for number, run_id in answers(results):
        found[number].add(run_id)
    made = [*started_runs(simulator), *simulator.world.job_runs]
    doubled = len(made) - 2 * STARTS
    lost = 2 * STARTS - len(found) + len({run_id for ids in found.values() for run_id in ids} - set(made))
    print(f"{STARTS} starts, {STARTS} triggers, {sum(kills)} kills: {doubled} doubled, {lost} lost")  # noqa: T201 - the result
    assert (doubled, lost) == (0, 0)
    assert all(len(ids) == 1 for ids in found.values())
