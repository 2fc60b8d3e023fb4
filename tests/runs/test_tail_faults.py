"""`tail` under faults: it retries within the deadline, or returns the last snapshot with the fault."""

import anyio
import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.runs.tail import Reason
from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from tests.runs.following import Script, follow, running
from tests.runs.support import simulated, start, tenant_of

pytestmark = pytest.mark.anyio


async def test_tail_survives_outage() -> None:
    simulator = simulated(120)
    async with tenant_of(simulator) as tenant, anyio.create_task_group() as tasks:
        run_id = (await start(tenant, simulator)).run.run_id

        async def outage() -> None:
            await anyio.sleep(15)
            simulator.faults.outage(active=True)
            await anyio.sleep(60)
            simulator.faults.outage(active=False)

        tasks.start_soon(outage)
        news = await follow(tenant.watches.of(run_id), wait=300)
        assert news.outcome.pull_request


async def test_tail_returns_last_snapshot_with_fault_after_outage_until_deadline() -> None:
    simulator = simulated(600)
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        news = await follow(tenant.watches.of(run_id), wait=10)
        simulator.faults.outage(active=True)
        again = await follow(tenant.watches.of(run_id), news.cursor, wait=45)
    assert again.reason is Reason.TIME_UP
    assert again.snapshot.fault is not None
    assert again.snapshot.fault.code is ErrorCode.UNAUTHORIZED


async def test_tail_of_new_process_with_cursor_survives_outage() -> None:
    simulator = simulated(600)
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        cursor = (await follow(tenant.watches.of(run_id), wait=0)).cursor
    simulator.faults.add(Fault(FaultKind.HTML_200, times=2))
    simulator.faults.outage(active=True)
    async with tenant_of(simulator) as tenant, anyio.create_task_group() as tasks:

        async def end_of_the_outage() -> None:
            await anyio.sleep(20)
            simulator.faults.outage(active=False)

        tasks.start_soon(end_of_the_outage)
        assert (await follow(tenant.watches.of(run_id), cursor)).reason is Reason.TIME_UP


async def test_tail_raises_for_wrong_token_at_once() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
    async with tenant_of(simulator, token="mog_" + "x" * 32) as tenant:
        began = anyio.current_time()
        with pytest.raises(MogplexError) as raised:
            await follow(tenant.watches.of(run_id))
        assert anyio.current_time() == began
    assert raised.value.code is ErrorCode.UNAUTHORIZED


async def test_tail_raises_not_found_for_deleted_run() -> None:
    gone = MogplexError(ErrorCode.NOT_FOUND, "Run not found")
    with pytest.raises(MogplexError) as raised:
        await follow(Script(running(1), gone).watch())
    assert raised.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMITED, FaultKind.UNAVAILABLE])
@pytest.mark.parametrize("wait", [20, 300])
async def test_tail_honours_retry_after_or_returns_last_snapshot(kind: FaultKind, wait: float) -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        await follow(tenant.watches.of(run_id), wait=5)
        simulator.faults.add(Fault(kind, retry_after=60))
        refused_at = len(simulator.requests)
        news = await follow(tenant.watches.of(run_id), wait=wait)
    moments = [seen.at for seen in simulator.requests[refused_at:]]
    assert news.reason is Reason.TIME_UP
    assert all(moment - moments[0] >= 60 for moment in moments[1:])
    assert (len(moments) > 1) == (wait > 60)


async def test_tail_looks_again_within_minutes_whatever_retry_after_says() -> None:
    simulator = simulated(60)
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        watch = tenant.watches.of(run_id)
        news = await follow(watch, wait=5)
        simulator.faults.add(Fault(FaultKind.UNAVAILABLE, retry_after=86_400))
        news = await follow(watch, news.cursor, wait=60)
        assert news.snapshot.fault is not None
        assert (await follow(watch, news.cursor, wait=300)).reason is Reason.ENDED


async def test_tail_retries_first_refresh_within_deadline() -> None:
    script = Script(MogplexError(ErrorCode.UNEXPECTED_ANSWER, "html"), running(1, status="success"))
    assert (await follow(script.watch())).reason is Reason.ENDED
    script = Script(MogplexError(ErrorCode.UNEXPECTED_ANSWER, "html"))
    began = anyio.current_time()
    with pytest.raises(MogplexError, match="html"):
        await follow(script.watch(), wait=20)
    assert anyio.current_time() - began <= 20


@pytest.mark.parametrize("wait", [0, 30])
async def test_tail_raises_by_deadline_when_responses_never_come(wait: float) -> None:
    simulator: Simulator = simulated()
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        simulator.faults.add(Fault(FaultKind.SLOW, path="/runs/*", times=None, seconds=3_600))
        began = anyio.current_time()
        with pytest.raises(MogplexError) as raised:
            await follow(tenant.watches.of(run_id), wait=wait)
        assert raised.value.code is ErrorCode.TIMED_OUT
        assert anyio.current_time() - began <= 45
