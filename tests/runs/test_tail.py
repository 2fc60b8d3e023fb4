"""Following a run tells every event once, ends for a reason, and ends in time."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.outcome import Outcome, Phase
from mogplex_mcp.runs.tail import Reason, Until, tail
from mogplex_mcp.runs.watch import Snapshot
from mogplex_mcp.simulator import SCRIPTS, Fault, FaultKind
from tests.runs.following import Script, follow, follow_to_the_end, running, shown, told
from tests.runs.support import RUN_ID, a_run, an_event, count, simulated, start, tenant_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: object) -> object:
    return virtual_time


@st.composite
def growing_windows(draw: st.DrawFn) -> list[list[int]]:
    """What polls see: rows that are added anywhere, in any order, and come in any order when their times are equal."""
    sizes, shuffled = draw(st.lists(st.integers(0, 8), max_size=6)), draw(st.randoms())
    windows: list[list[int]] = [[]]
    for size in sizes:
        window = [*windows[-1], *range(len(windows[-1]), len(windows[-1]) + size)]
        shuffled.shuffle(window)
        windows.append(window)
    return windows


@given(windows=growing_windows(), most=st.integers(1, 10), wait=st.sampled_from([0, 4, 45]))
async def test_every_event_is_told_once_whatever_the_order_of_rows(
    windows: list[list[int]], most: int, wait: float
) -> None:
    states = [running(*numbers) for numbers in windows]
    watch = Script(*states, running(*windows[-1], status="success")).watch()
    cursor, all_told = Cursor(RUN_ID), []
    for _ in range(200):
        news = await follow(watch, cursor, wait=wait, until=Until.UPDATE, most=most)
        all_told += told(news)
        cursor = Cursor.parse(str(news.cursor), RUN_ID)
        if news.reason is Reason.ENDED and not news.more:
            break
        await anyio.sleep(2)
    assert sorted(all_told) == sorted(f"event-{number}" for number in windows[-1])


@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - {"stuck_pending", "falls_back_to_pending"}))
@pytest.mark.parametrize("until", list(Until))
async def test_every_script_is_followed_to_its_end_and_every_event_told_once(name: str, until: Until) -> None:
    simulator = simulated(300)
    simulator.plan(name)
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        news, all_told = await follow_to_the_end(tenant, run_id, until)
        readable = {event.id for event in (await tenant.mogplex.get_run_events(run_id)).events}
    assert len(all_told) == len(set(all_told))
    # What a run writes half a minute after its end is not waited for.
    late = name == "terminal_before_last_event"
    assert set(all_told) <= readable if late else set(all_told) == readable
    assert news.outcome.is_terminal


async def test_the_pull_request_is_a_milestone_and_then_the_end() -> None:
    simulator = simulated()
    simulator.plan("last_event_before_terminal")
    reasons: list[Reason] = []
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        cursor = Cursor(run_id)
        while not reasons or reasons[-1] is not Reason.ENDED:
            news = await follow(tenant.watches.of(run_id), cursor, wait=400)
            cursor = news.cursor
            reasons.append(news.reason)
    assert reasons == [Reason.TIME_UP, Reason.MILESTONE, Reason.ENDED]
    assert news.outcome.pull_request


async def test_time_up_is_on_time_with_everything_included() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        simulator.faults.add(Fault(FaultKind.SLOW, path="/runs/*", times=None, seconds=7))
        began = anyio.current_time()
        news = await follow(tenant.watches.of(run_id), wait=20)
        assert anyio.current_time() - began == pytest.approx(20)
    assert news.reason is Reason.TIME_UP


async def test_wait_0_looks_once_and_returns() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        began = anyio.current_time()
        news = await follow(tenant.watches.of(run_id), wait=0)
        assert anyio.current_time() == began
    assert (news.reason, len(told(news))) == (Reason.TIME_UP, 1)
    assert count(simulator, "GET", "/events") == 1


async def test_update_ends_at_any_event_and_done_does_not() -> None:
    script = Script(running(1), running(1, 2))
    cursor = Cursor(RUN_ID).with_events(["event-1"])
    news = await follow(script.watch(), cursor, until=Until.UPDATE)
    assert (news.reason, told(news)) == (Reason.UPDATE, ["event-2"])
    news = await follow(Script(running(1), running(1, 2)).watch(), cursor)
    assert (news.reason, told(news)) == (Reason.TIME_UP, ["event-2"])


async def test_more_events_than_fit_are_told_page_by_page_without_waiting() -> None:
    kinds = [an_event(number, "status_changed") for number in range(25)]
    watch = Script(shown(running().run, kinds)).watch()
    began, cursor, pages = anyio.current_time(), Cursor(RUN_ID), []
    for _ in range(2):
        news = await follow(watch, cursor, most=10)
        pages.append((news.reason, len(told(news)), news.more))
        cursor = news.cursor
    assert pages == [(Reason.UPDATE, 10, 15), (Reason.UPDATE, 10, 5)]
    assert anyio.current_time() == began
    assert len(told(await follow(watch, cursor, most=10))) == 5


async def test_after_a_terminal_status_the_last_events_are_read_once_more() -> None:
    script = Script(running(1), running(1, status="success"), running(1, 2, status="success"))
    news = await follow(script.watch())
    assert (news.reason, told(news)) == (Reason.ENDED, ["event-1", "event-2"])
    assert script.asked == 3


async def test_a_status_that_goes_back_is_followed_on() -> None:
    script = Script(running(1), running(1, status="cancelled"), running(1), running(1, 2, status="failed"))
    news = await follow(script.watch())
    assert (news.reason, news.outcome.phase, told(news)) == (Reason.ENDED, Phase.FAILED, ["event-1", "event-2"])


async def test_a_full_window_is_said_and_the_end_is_still_seen() -> None:
    simulator = simulated(600)
    simulator.plan("many_events")
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        news, all_told = await follow_to_the_end(tenant, run_id)
    assert news.snapshot.saturated
    assert len(all_told) == 200
    assert news.outcome.phase is Phase.DONE


async def test_a_full_window_is_not_called_stale() -> None:
    events = [an_event(number, createdAt="2026-01-01T00:00:00Z") for number in range(200)]
    old = a_run(createdAt="2026-01-01T00:00:00Z")
    assert (await follow(Script(shown(old, events[:199])).watch(), wait=10)).reason is Reason.STALE
    assert (await follow(Script(shown(old, events)).watch(), wait=10)).reason is Reason.TIME_UP


async def test_a_run_that_falls_back_to_pending_for_ever_is_stale_in_the_end() -> None:
    simulator = simulated()
    simulator.plan("falls_back_to_pending")
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        assert (await follow(tenant.watches.of(run_id), wait=1_200)).reason is Reason.TIME_UP
        news = await follow(tenant.watches.of(run_id), wait=3_600)
    assert news.reason is Reason.STALE
    assert anyio.current_time() == pytest.approx(300 + 35 * 60, abs=15)


async def test_a_run_that_no_worker_takes_is_named() -> None:
    simulator = simulated()
    simulator.plan("stuck_pending")
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        assert (await follow(tenant.watches.of(run_id), wait=600)).reason is Reason.NEVER_QUEUED


async def test_progress_is_told_at_once_on_every_change_and_each_ten_seconds() -> None:
    moments: list[tuple[float, int]] = []
    began = anyio.current_time()

    async def listener(snapshot: Snapshot, _: Outcome) -> None:
        moments.append((anyio.current_time() - began, len(snapshot.events)))

    await tail(
        Script(running(1), running(1, 2), running(1, 2)).watch(),
        Cursor(RUN_ID),
        until=Until.DONE,
        deadline=began + 35,
        refresh_deadline=began + 35,
        max_events=40,
        listener=listener,
        shutdown=Shutdown(),
        now=virtual_now,
    )
    assert moments == [(0, 1), (2, 2), (10, 2), (20, 2), (30, 2)]
