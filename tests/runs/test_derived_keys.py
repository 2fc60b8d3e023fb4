"""The same start is the same run for every journal, machine and token of a person, since its key follows from it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.runs.idempotency import MOST_REQUESTS, GenerationsError
from mogplex_mcp.runs.triggers import Triggered
from mogplex_mcp.simulator import DEMO_TOKEN, Fault, FaultKind, Simulator
from mogplex_mcp.simulator.world import ApiToken
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.store import SqliteStore
from mogplex_mcp.tenants.tenant import Tenant, Tenants
from tests.runs.support import (
    BASE_URL,
    count,
    repo_id,
    simulated,
    start,
    started_runs,
    tenant_of,
    wanted,
    without_quota,
)
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

NEW_TOKEN = "mog_NewTokenOfTheSamePerson000000000"
REFUSALS = (FaultKind.REDIRECT, FaultKind.RATE_LIMITED, "unauthorized", "forbidden")


@contextlib.asynccontextmanager
async def person(
    simulator: Simulator, path: Path | None = None, token: str = DEMO_TOKEN, ahead: float = 0.0
) -> AsyncIterator[Tenant]:
    """A person on a machine of their own, whose clock may be ahead."""
    state = StateFile(path)
    now = lambda: virtual_now() + ahead  # noqa: E731 - used twice
    async with simulator.transport() as transport:
        tenants = Tenants(BASE_URL, transport, SqliteStore(state, now), now)
        yield tenants.of(FoundToken(Token.parse(token), "a test", personal=True))
    state.close()


@pytest.fixture
async def simulator() -> Simulator:
    simulator = simulated()
    simulator.world.tokens.append(ApiToken(NEW_TOKEN, simulator.world.tokens[0].user_id))
    without_quota(simulator)
    return simulator


def automation(simulator: Simulator) -> str:
    return next(one.id for one in simulator.world.automations.values() if one.name == "Review on mention")


async def trigger(tenant: Tenant, simulator: Simulator, **more: Any) -> Triggered:
    return await tenant.triggerer.trigger(automation(simulator), repo_id(simulator), {"pr": 7}, **more)


async def begin(tenant: Tenant, simulator: Simulator, kind: str, **more: Any) -> tuple[str, bool]:
    """Start or trigger; the run, and whether an earlier call made it."""
    if kind == "trigger":
        triggered = await trigger(tenant, simulator, **more)
        return triggered.run_id, triggered.replayed
    started = await start(tenant, simulator, **more)
    return started.run.run_id, started.replayed


def made(simulator: Simulator, kind: str) -> list[str]:
    return list(simulator.world.job_runs) if kind == "trigger" else started_runs(simulator)


def remove_all(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


KINDS = pytest.mark.parametrize("kind", ["run", "trigger"])


@KINDS
@pytest.mark.parametrize("token", [DEMO_TOKEN, NEW_TOKEN])
async def test_the_same_start_from_another_machine_or_with_a_new_token_is_the_same_run(
    simulator: Simulator, kind: str, token: str
) -> None:
    async with person(simulator) as here, person(simulator, token=token) as there:
        first, _ = await begin(here, simulator, kind)
        await anyio.sleep(590)
        assert await begin(there, simulator, kind) == (first, True)
    assert made(simulator, kind) == [first]


@KINDS
async def test_the_same_start_with_a_journal_that_was_removed_under_the_process_is_the_same_run(
    simulator: Simulator, tmp_path: Path, kind: str
) -> None:
    async with person(simulator, tmp_path / "state") as tenant:
        first, _ = await begin(tenant, simulator, kind)
        remove_all(tmp_path)
        await anyio.sleep(3)
        assert await begin(tenant, simulator, kind) == (first, True)
    assert made(simulator, kind) == [first]


@KINDS
async def test_a_start_after_ten_minutes_without_a_journal_is_another_run(simulator: Simulator, kind: str) -> None:
    found = []
    for _ in range(4):
        async with person(simulator) as tenant:
            found.append(await begin(tenant, simulator, kind))
        await anyio.sleep(601)
    assert [replayed for _, replayed in found] == [False] * 4
    assert made(simulator, kind) == [run_id for run_id, _ in found]


@KINDS
async def test_the_walk_to_the_newest_generation_is_bounded_and_goes_on_with_a_journal(
    simulator: Simulator, tmp_path: Path, kind: str
) -> None:
    async with person(simulator, tmp_path / "state") as tenant:
        for _ in range(MOST_REQUESTS):
            await begin(tenant, simulator, kind)
            await anyio.sleep(601)
    ending = "/trigger" if kind == "trigger" else "/runs"
    before = count(simulator, "POST", ending)
    async with person(simulator) as tenant:
        with pytest.raises(GenerationsError) as raised:
            await begin(tenant, simulator, kind)
        assert not raised.value.may_have_happened
        assert count(simulator, "POST", ending) - before == MOST_REQUESTS
        assert len(made(simulator, kind)) == MOST_REQUESTS
        await anyio.sleep(60)
        assert (await begin(tenant, simulator, kind))[1] is False
    assert len(made(simulator, kind)) == MOST_REQUESTS + 1


@KINDS
@pytest.mark.parametrize("same_journal", [True, False])
async def test_a_start_before_midnight_is_the_same_run_after_it(
    simulator: Simulator, tmp_path: Path, kind: str, *, same_journal: bool
) -> None:
    await anyio.sleep(86_400 - virtual_now() % 86_400 - 10)
    async with person(simulator, tmp_path / "one") as here:
        first, _ = await begin(here, simulator, kind)
    await anyio.sleep(590)
    async with person(simulator, tmp_path / ("one" if same_journal else "other")) as there:
        assert await begin(there, simulator, kind) == (first, True)
        await anyio.sleep(20)
        assert (await begin(there, simulator, kind))[1] is False


@KINDS
@pytest.mark.parametrize("ahead", [-86_400, -2_400, 2_400])
async def test_a_clock_that_is_off_makes_no_second_run(
    simulator: Simulator, tmp_path: Path, kind: str, ahead: float
) -> None:
    async with person(simulator, tmp_path / "here") as here, person(simulator, ahead=ahead) as there:
        first, _ = await begin(here, simulator, kind)
        await anyio.sleep(3)
        # As every call does, to find its repository.
        await there.repos.find("acme/web")
        assert await begin(there, simulator, kind) == (first, True)
    async with person(simulator, tmp_path / "here", ahead=ahead) as later:
        assert await begin(later, simulator, kind) == (first, True)
    assert made(simulator, kind) == [first]


@KINDS
async def test_a_retry_whose_first_response_was_lost_is_no_earlier_start(simulator: Simulator, kind: str) -> None:
    simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST"))
    async with person(simulator) as tenant:
        first, replayed = await begin(tenant, simulator, kind)
    assert not replayed
    assert made(simulator, kind) == [first]


@KINDS
@pytest.mark.parametrize("fault", [FaultKind.JSON_500, FaultKind.RESET_BEFORE_WRITE, FaultKind.RESET_AFTER_WRITE])
async def test_a_retry_that_finds_the_run_of_an_earlier_call_says_so(
    simulator: Simulator, kind: str, fault: FaultKind
) -> None:
    async with person(simulator) as here, person(simulator) as there:
        first, _ = await begin(here, simulator, kind)
        await anyio.sleep(60)
        simulator.faults.add(Fault(fault, method="POST"))
        assert await begin(there, simulator, kind) == (first, True)


@KINDS
async def test_force_new_without_a_journal_starts_another_run(simulator: Simulator, kind: str) -> None:
    async with person(simulator) as here, person(simulator) as there:
        first, _ = await begin(here, simulator, kind)
        await anyio.sleep(60)
        second, replayed = await begin(there, simulator, kind, force_new=True)
        assert not replayed
        assert await begin(there, simulator, kind) == (second, True)
    assert made(simulator, kind) == [first, second]


@KINDS
async def test_two_forced_starts_at_once_with_one_journal_are_one_run(simulator: Simulator, kind: str) -> None:
    simulator.faults.add(Fault(FaultKind.SLOW, method="POST", seconds=5))
    async with person(simulator) as tenant, anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(lambda: begin(tenant, simulator, kind, force_new=True))
            await anyio.sleep(1)
    assert len(made(simulator, kind)) == 1


async def test_another_default_branch_without_a_journal_is_an_error_and_no_second_run(simulator: Simulator) -> None:
    async with person(simulator) as here, person(simulator) as there:
        await start(here, simulator)
        other = {"repo": "acme/web", "default_branch": "trunk"}
        with pytest.raises(MogplexError, match="look for it on the Mogplex web page") as raised:
            await there.starter.start(wanted(simulator), **other)  # type: ignore[arg-type]  # names of arguments
        assert raised.value.code is ErrorCode.CONFLICT
        assert len(started_runs(simulator)) == 1
        forced = await there.starter.start(wanted(simulator), force_new=True, **other)  # type: ignore[arg-type]  # as above
    assert not forced.replayed
    assert len(started_runs(simulator)) == 2


@KINDS
@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_refused_call_makes_no_later_one_start_a_second_run(
    simulator: Simulator, tmp_path: Path, kind: str, refusal: str, *, at_once: bool
) -> None:
    async with person(simulator, tmp_path / "state") as tenant:
        # What is read of the automation is known, so that the refusal meets the trigger.
        await tenant.triggerer._chain(automation(simulator), "")

        async def refused() -> None:
            if refusal == "unauthorized":
                simulator.faults.outage(active=True)
            elif refusal == "forbidden":
                simulator.world.tokens[0].scopes = frozenset({"read"})
            else:
                simulator.faults.add(Fault(FaultKind(refusal), method="POST", times=3, retry_after=0))
            with pytest.raises(MogplexError):
                await begin(tenant, simulator, kind)
            simulator.faults.clear()
            simulator.world.tokens[0].scopes = frozenset({"read", "write"})

        async with anyio.create_task_group() as tasks:
            if at_once:
                simulator.faults.add(Fault(FaultKind.SLOW, method="POST", seconds=5))
                tasks.start_soon(begin, tenant, simulator, kind)
                await anyio.sleep(1)
            await refused()
        first, replayed = await begin(tenant, simulator, kind)
        assert replayed is at_once
        await refused_again(tenant, simulator, kind)
        assert await begin(tenant, simulator, kind) == (first, True)
    assert made(simulator, kind) == [first]


async def refused_again(tenant: Tenant, simulator: Simulator, kind: str) -> None:
    """Call while Mogplex is out of order."""
    simulator.faults.outage(active=True)
    with pytest.raises(MogplexError):
        await begin(tenant, simulator, kind)
    simulator.faults.outage(active=False)


async def test_a_trigger_that_could_not_be_queued_is_no_earlier_one(simulator: Simulator) -> None:
    simulator.faults.add(Fault(FaultKind.QUEUE_FAILURE, method="POST", seconds=9))
    async with person(simulator) as tenant:
        first = await trigger(tenant, simulator)
        assert (first.replayed, first.is_unqueued, first.status) == (False, True, "pending")
        await anyio.sleep(60)
        again = await trigger(tenant, simulator)
        assert (again.run_id, again.replayed, again.is_unqueued) == (first.run_id, True, True)
        assert not (await trigger(tenant, simulator, force_new=True)).is_unqueued


@KINDS
async def test_the_same_start_after_its_run_is_gone_is_another_run(simulator: Simulator, kind: str) -> None:
    async with person(simulator) as tenant:
        first, _ = await begin(tenant, simulator, kind)
        gone = simulator.world.job_runs if kind == "trigger" else simulator.world.runs
        del gone[first]
        second, replayed = await begin(tenant, simulator, kind)
    assert (second != first, replayed) == (True, False)


@KINDS
async def test_a_run_that_mogplex_fails_to_find_once_is_found_again_by_its_key(
    simulator: Simulator, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person(simulator) as tenant:
        first, _ = await begin(tenant, simulator, kind)
        found = getattr(tenant.mogplex, name := "get_automation_run" if kind == "trigger" else "get_run")

        async def not_yet(*_: object, **__: object) -> None:
            monkeypatch.setattr(tenant.mogplex, name, found)
            raise MogplexError(ErrorCode.NOT_FOUND, "Run not found", status=404)

        await anyio.sleep(30)
        monkeypatch.setattr(tenant.mogplex, name, not_yet)
        second, replayed = await begin(tenant, simulator, kind)
    assert (second, replayed) == (first, True)


async def test_triggers_of_callers_with_their_own_tokens_have_keys_of_their_own(simulator: Simulator) -> None:
    async with tenant_of(simulator) as mine, tenant_of(simulator, token=NEW_TOKEN) as theirs:
        await trigger(mine, simulator)
        await trigger(theirs, simulator)
    assert len({job.key for job in simulator.world.job_runs.values()}) == 2


async def test_the_key_of_a_trigger_follows_from_what_only_the_owner_of_the_automation_knows(
    simulator: Simulator,
) -> None:
    async with person(simulator) as tenant:
        await trigger(tenant, simulator)
    simulator.world.automations[automation(simulator)].created_at += 0.001
    async with person(simulator) as other:
        await trigger(other, simulator)
    assert len({job.key for job in simulator.world.job_runs.values()}) == 2


async def test_the_journal_of_a_person_survives_a_new_token(simulator: Simulator, tmp_path: Path) -> None:
    async with person(simulator, tmp_path / "state") as tenant:
        first = await start(tenant, simulator)
    async with person(simulator, tmp_path / "state", NEW_TOKEN) as tenant:
        assert [entry.run_id for entry in await tenant.ledger.runs()] == [first.run.run_id]
        assert (await start(tenant, simulator)).replayed
    assert count(simulator, "POST", "/runs") == 1
