"""A start and its journal: written before the request, unusable, kept apart by token, and without secrets."""

import sqlite3
from pathlib import Path

import anyio
import pytest

from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN, Fault, FaultKind
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.ledger import StartState
from tests.runs.support import simulated, start, started_runs, tenant_of

pytestmark = pytest.mark.anyio


async def test_forced_start_is_refused_before_sending_when_journal_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    simulator = simulated()
    async with tenant_of(simulator, tmp_path / "state") as tenant:
        with pytest.raises(StateError):
            await start(tenant, simulator, force_new=True)
    assert not simulator.requests


@pytest.mark.parametrize("own", ["", "deploy-17"])
async def test_start_without_a_usable_journal_is_one_run_that_is_not_noted(tmp_path: Path, own: str) -> None:
    (tmp_path / "state").mkdir()
    simulator = simulated()
    async with tenant_of(simulator, tmp_path / "state") as tenant:
        first = await start(tenant, simulator, idempotency_key=own)
        await anyio.sleep(5)
        again = await start(tenant, simulator, idempotency_key=own)
    assert (first.replayed, first.noted, again.replayed, again.noted) == (False, False, True, False)
    assert started_runs(simulator) == [first.run.run_id] == [again.run.run_id]


async def test_start_goes_on_where_the_journal_fails_between_two_generations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = simulated(run_seconds=1)
    async with tenant_of(simulator) as tenant:
        old = await start(tenant, simulator)
    await anyio.sleep(601)
    async with tenant_of(simulator, tmp_path / "state") as tenant:

        async def full(*_: object, **__: object) -> None:
            monkeypatch.setattr(tenant.ledger, "begin", full)
            raise StateError("full")

        monkeypatch.setattr(tenant.ledger, "settle", full)
        new = await start(tenant, simulator)
        again = await start(tenant, simulator)
    assert (new.replayed, new.noted) == (False, False)
    assert again.run.run_id == new.run.run_id
    assert started_runs(simulator) == [old.run.run_id, new.run.run_id]


async def test_start_survives_journal_failure_after_response(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator = simulated()
    async with tenant_of(simulator, tmp_path / "state") as tenant:
        with monkeypatch.context() as patch:

            async def full(*_: object, **__: object) -> None:
                raise StateError("full")

            patch.setattr(tenant.ledger, "settle", full)
            assert not (await start(tenant, simulator)).noted
        again = await start(tenant, simulator)
    assert (again.replayed, again.noted) == (True, True)
    assert len(started_runs(simulator)) == 1


async def test_start_stores_key_before_sending(tmp_path: Path) -> None:
    simulator = simulated()
    simulator.faults.add(Fault(FaultKind.SLOW, method="POST", seconds=10))
    async with tenant_of(simulator, tmp_path / "state") as tenant, anyio.create_task_group() as tasks:
        tasks.start_soon(start, tenant, simulator)
        await anyio.sleep(1)
        with sqlite3.connect(tmp_path / "state") as other:
            ((key, state),) = other.execute("SELECT key, state FROM starts").fetchall()
        other.close()
    assert state == StartState.SENDING
    assert [run.idempotency_key for run in simulator.world.runs.values() if run.idempotency_key] == [key]


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


@pytest.mark.parametrize("remember", [True, False])
async def test_journal_file_has_no_secrets(tmp_path: Path, *, remember: bool) -> None:
    simulator = simulated()
    prompt = "Fix the login page\nThe password of the test account is swordfish-9182"
    async with tenant_of(simulator, tmp_path / "state") as tenant:
        await start(tenant, simulator, prompt, remember_prompt=remember)
        content = everything_in(tmp_path)
    assert b"starts" in content
    assert DEMO_TOKEN.encode() not in content
    assert DEMO_TOKEN.removeprefix("mog_").encode() not in content
    assert b"swordfish" not in content
    assert (b"Fix the login page" in content) is remember


async def test_journal_is_separate_for_each_token(tmp_path: Path) -> None:
    simulator = simulated()
    async with (
        tenant_of(simulator, tmp_path / "state") as mine,
        tenant_of(simulator, tmp_path / "state", DEMO_OTHER_TOKEN) as theirs,
    ):
        started = await start(mine, simulator)
        assert await theirs.ledger.find_run(started.run.run_id) is None
        assert not await theirs.ledger.runs()
