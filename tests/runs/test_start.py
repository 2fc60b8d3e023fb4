"""A start is one run, whatever happens to the request, the answer or the process."""

import anyio
import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.simulator import DEMO_TOKEN, Fault, FaultKind
from tests.runs.support import count, simulated, start, started_runs, tenant_of, wanted

pytestmark = pytest.mark.anyio


async def test_start_repeated_within_ten_minutes_returns_same_run_without_quota() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        first = await start(tenant, simulator)
        await anyio.sleep(590)
        second = await start(tenant, simulator)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.run.run_id == second.run.run_id
    assert count(simulator, "POST", "/runs") == 1


async def test_start_repeated_after_ten_minutes_starts_another_run() -> None:
    simulator = simulated(3_600)
    async with tenant_of(simulator) as tenant:
        await start(tenant, simulator)
        await anyio.sleep(601)
        assert not (await start(tenant, simulator)).replayed
    assert len(started_runs(simulator)) == 2


async def test_a_run_that_has_ended_is_the_same_run_with_its_outcome_until_another_is_forced() -> None:
    simulator = simulated(60)
    async with tenant_of(simulator) as tenant:
        first = await start(tenant, simulator)
        await anyio.sleep(61)
        again = await start(tenant, simulator)
        assert (again.replayed, again.run.run_id, again.run.status) == (True, first.run.run_id, "success")
        assert not (await start(tenant, simulator, force_new=True)).replayed
    assert len(started_runs(simulator)) == 2


async def test_start_with_other_arguments_starts_another_run() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        await start(tenant, simulator)
        await start(tenant, simulator, "fix the other flaky test")
    assert len(started_runs(simulator)) == 2


async def test_start_force_new_starts_another_run() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        first = await start(tenant, simulator)
        second = await start(tenant, simulator, force_new=True)
    assert first.run.run_id != second.run.run_id
    assert not second.replayed


async def test_start_force_new_starts_another_run_after_unconfirmed_start() -> None:
    simulator = simulated()
    simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", times=3))
    async with tenant_of(simulator) as tenant:
        with pytest.raises(MogplexError, match="broke"):
            await start(tenant, simulator)
        assert not (await start(tenant, simulator, force_new=True)).replayed
    assert len(started_runs(simulator)) == 2


async def test_start_force_new_unconfirmed_is_resolved_without_second_run() -> None:
    simulator = simulated()
    simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", times=3))
    async with tenant_of(simulator) as tenant:
        with pytest.raises(MogplexError) as raised:
            await start(tenant, simulator, force_new=True)
        assert raised.value.may_have_happened
        assert (await start(tenant, simulator, force_new=True)).replayed
    assert len(started_runs(simulator)) == 1


async def test_start_with_own_key_returns_same_run_at_any_time_without_quota() -> None:
    simulator = simulated(60)
    async with tenant_of(simulator) as tenant:
        first = await start(tenant, simulator, idempotency_key="release-7")
        await anyio.sleep(3_600)
        second = await start(tenant, simulator, idempotency_key="release-7")
    assert first.run.run_id == second.run.run_id
    assert (second.replayed, second.run.status) == (True, "success")
    assert count(simulator, "POST", "/runs") == 1


async def test_start_with_two_own_keys_starts_two_runs() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        await start(tenant, simulator, idempotency_key="a")
        await start(tenant, simulator, idempotency_key="b")
    assert len(started_runs(simulator)) == 2


async def test_start_refuses_own_key_with_other_arguments_before_sending() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        await start(tenant, simulator, idempotency_key="a")
        with pytest.raises(MogplexError) as raised:
            await start(tenant, simulator, "something else", idempotency_key="a")
    assert raised.value.code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert count(simulator, "POST", "/runs") == 1


async def test_start_reports_conflict_of_own_key_used_on_another_machine() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as elsewhere:
        await start(elsewhere, simulator, "something else", idempotency_key="a")
    async with tenant_of(simulator) as tenant:
        with pytest.raises(MogplexError) as raised:
            await start(tenant, simulator, idempotency_key="a")
        assert raised.value.code is ErrorCode.IDEMPOTENCY_CONFLICT
        assert not raised.value.may_have_happened
        assert not (await start(tenant, simulator)).replayed


async def test_start_accepts_own_key_again_after_refusal() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        simulator.faults.outage(active=True)
        with pytest.raises(MogplexError):
            await start(tenant, simulator, "wrong", idempotency_key="a")
        simulator.faults.outage(active=False)
        assert not (await start(tenant, simulator, "right", idempotency_key="a")).replayed


@pytest.mark.parametrize("key", ["with space", "ümlaut", "x" * 201, "line\nbreak"])
async def test_start_validates_own_key_before_sending(key: str) -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        with pytest.raises(MogplexError, match="the idempotency key must be"):
            await start(tenant, simulator, idempotency_key=key)
    assert not simulator.requests


@pytest.mark.parametrize("prompt", ["", " \n", "a\0b", "\ud800", "x" * 100_001, "😀" * 50_001])
async def test_start_validates_prompt_before_sending(prompt: str) -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        with pytest.raises(MogplexError) as raised:
            await start(tenant, simulator, prompt)
    assert raised.value.code is ErrorCode.INVALID_ARGUMENT
    assert not simulator.requests


async def test_start_repeated_after_change_of_default_branch_is_no_conflict() -> None:
    simulator = simulated()
    simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", times=3))
    async with tenant_of(simulator) as tenant:
        with pytest.raises(MogplexError):
            await start(tenant, simulator)
        for repo in simulator.world.repos:
            repo.default_branch = "trunk"
        again = await tenant.starter.start(wanted(simulator), repo="acme/web", default_branch="trunk")
    assert again.replayed
    assert again.run.base_branch == "main"


async def test_start_resolves_failed_queueing_within_call() -> None:
    simulator = simulated()
    simulator.faults.add(Fault(FaultKind.QUEUE_FAILURE, method="POST", seconds=9))
    async with tenant_of(simulator) as tenant:
        started = await start(tenant, simulator)
        assert (started.replayed, started.run.status, started.is_unqueued) == (False, "failed", True)
        assert (await start(tenant, simulator)).run.run_id == started.run.run_id
        assert not (await start(tenant, simulator, force_new=True)).replayed
    assert len(started_runs(simulator)) == 2


async def test_start_replays_never_queued_run_as_such() -> None:
    simulator = simulated()
    simulator.plan("stuck_pending")
    async with tenant_of(simulator) as tenant:
        await start(tenant, simulator)
        await anyio.sleep(300)
        again = await start(tenant, simulator)
    assert (again.replayed, again.run.status, again.run.runtime_run_id) == (True, "pending", None)


@pytest.mark.parametrize(("starts", "age", "says"), [(10, 0, "minute"), (30, 120, "hour"), (150, 7_200, "day")])
async def test_start_explains_exhausted_quota(starts: int, age: float, says: str) -> None:
    simulator = simulated()
    simulator.state.quotas.fill(DEMO_TOKEN, starts, age=age)
    async with tenant_of(simulator) as tenant:
        with pytest.raises(MogplexError, match=f"of this {says} are used up. Nothing was started") as raised:
            await start(tenant, simulator)
        assert raised.value.retry_after
        assert not raised.value.may_have_happened
        assert not await tenant.ledger.runs()
        assert (await tenant.budget.usage()).paused_seconds == 0


async def test_start_times_out_and_next_call_finds_run() -> None:
    simulator = simulated()
    simulator.faults.add(Fault(FaultKind.SLOW, method="POST", seconds=600))
    async with tenant_of(simulator) as tenant:
        began = anyio.current_time()
        with pytest.raises(MogplexError) as raised:
            await start(tenant, simulator, seconds=4)
        assert raised.value.may_have_happened
        assert anyio.current_time() - began <= 4
        assert (await start(tenant, simulator)).replayed
    assert len(started_runs(simulator)) == 1


async def test_start_after_cancelled_start_finds_run() -> None:
    simulator = simulated()
    simulator.faults.add(Fault(FaultKind.SLOW, method="POST", seconds=10))
    async with tenant_of(simulator) as tenant:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start, tenant, simulator)
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()
        assert (await start(tenant, simulator)).replayed
    assert len(started_runs(simulator)) == 1


async def test_start_concurrent_identical_calls_start_one_run() -> None:
    simulator = simulated()
    results = []
    async with tenant_of(simulator) as tenant, anyio.create_task_group() as tasks:

        async def one() -> None:
            results.append(await start(tenant, simulator))

        for _ in range(5):
            tasks.start_soon(one)
    assert len(started_runs(simulator)) == 1
    assert len({result.run.run_id for result in results}) == 1
    assert sum(not result.replayed for result in results) == 1


async def test_identical_starts_after_a_run_that_is_gone_are_one_run() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        first = await start(tenant, simulator)
        del simulator.world.runs[first.run.run_id]
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(start, tenant, simulator)
    assert len(started_runs(simulator)) == 1


async def test_start_refused_retry_leaves_unconfirmed_attempt_open() -> None:
    simulator = simulated()
    simulator.faults.add(Fault(FaultKind.REFUSED, method="POST"))
    simulator.faults.add(Fault(FaultKind.SLOW, method="POST", seconds=20))
    simulator.faults.add(Fault(FaultKind.REDIRECT, method="POST"))
    async with tenant_of(simulator) as tenant, anyio.create_task_group() as tasks:

        async def refused() -> None:
            with pytest.raises(MogplexError) as raised:
                await start(tenant, simulator)
            assert raised.value.code is ErrorCode.REDIRECTED

        tasks.start_soon(refused)
        await anyio.sleep(0.01)
        tasks.start_soon(start, tenant, simulator)
        await anyio.sleep(10)
        assert (await start(tenant, simulator)).replayed
    assert len(started_runs(simulator)) == 1
