"""Following a run through faults: they are waited out within the deadline, or said with what is known."""

import anyio
import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.runs.tail import Reason
from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from tests.runs.following import Script, follow, running
from tests.runs.support import simulated, start, tenant_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: object) -> object:
    return virtual_time


async def test_an_outage_in_the_middle_of_a_watch_is_not_its_end() -> None:
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


async def test_an_outage_until_the_deadline_gives_what_is_known_and_says_so() -> None:
    simulator = simulated(600)
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        news = await follow(tenant.watches.of(run_id), wait=10)
        simulator.faults.outage(active=True)
        again = await follow(tenant.watches.of(run_id), news.cursor, wait=45)
    assert again.reason is Reason.TIME_UP
    assert again.snapshot.fault is not None
    assert again.snapshot.fault.code is ErrorCode.UNAUTHORIZED


async def test_an_outage_is_waited_out_by_a_new_process_that_has_a_cursor() -> None:
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


async def test_a_wrong_token_is_said_at_once() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
    async with tenant_of(simulator, token="mog_" + "x" * 32) as tenant:
        began = anyio.current_time()
        with pytest.raises(MogplexError) as raised:
            await follow(tenant.watches.of(run_id))
        assert anyio.current_time() == began
    assert raised.value.code is ErrorCode.UNAUTHORIZED


async def test_a_run_that_is_gone_ends_the_watch_with_its_own_error() -> None:
    gone = MogplexError(ErrorCode.NOT_FOUND, "Run not found")
    with pytest.raises(MogplexError) as raised:
        await follow(Script(running(1), gone).watch())
    assert raised.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMITED, FaultKind.UNAVAILABLE])
@pytest.mark.parametrize("wait", [20, 300])
async def test_retry_after_is_honoured_or_what_is_known_is_given(kind: FaultKind, wait: float) -> None:
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


async def test_a_first_look_that_fails_is_tried_again_inside_the_deadline() -> None:
    script = Script(MogplexError(ErrorCode.UNEXPECTED_ANSWER, "html"), running(1, status="success"))
    assert (await follow(script.watch())).reason is Reason.ENDED
    script = Script(MogplexError(ErrorCode.UNEXPECTED_ANSWER, "html"))
    began = anyio.current_time()
    with pytest.raises(MogplexError, match="html"):
        await follow(script.watch(), wait=20)
    assert anyio.current_time() - began <= 20


@pytest.mark.parametrize("wait", [0, 30])
async def test_faults_that_do_not_end_never_hold_an_answer_beyond_its_deadline(wait: float) -> None:
    simulator: Simulator = simulated()
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        simulator.faults.add(Fault(FaultKind.SLOW, path="/runs/*", times=None, seconds=3_600))
        began = anyio.current_time()
        with pytest.raises(MogplexError) as raised:
            await follow(tenant.watches.of(run_id), wait=wait)
        assert raised.value.code is ErrorCode.TIMED_OUT
        assert anyio.current_time() - began <= 45
