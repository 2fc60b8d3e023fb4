"""`tail` returns every event once, gives a reason, and keeps its deadline."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.outcome import Outcome, Phase
from mogplex_mcp.runs.tail import Reason, Until, tail
from mogplex_mcp.runs.watch import Snapshot
from mogplex_mcp.simulator import SCRIPTS, Fault, FaultKind
from tests.runs.following import Script, event_ids, follow, follow_to_the_end, options, running, shown
from tests.runs.support import RUN_ID, a_run, an_event, count, simulated, start, tenant_of

pytestmark = pytest.mark.anyio


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
async def test_tail_returns_every_event_once_in_any_order(windows: list[list[int]], most: int, wait: float) -> None:
    states = [running(*numbers) for numbers in windows]
    watch = Script(*states, running(*windows[-1], status="success")).watch()
    cursor, all_ids = Cursor(RUN_ID), []
    for _ in range(200):
        news = await follow(watch, cursor, wait=wait, until=Until.UPDATE, most=most)
        all_ids += event_ids(news)
        cursor = Cursor.parse(str(news.cursor), RUN_ID)
        if news.reason is Reason.ENDED and not news.more:
            break
        await anyio.sleep(2)
    assert sorted(all_ids) == sorted(f"event-{number}" for number in windows[-1])


@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - {"stuck_pending", "falls_back_to_pending"}))
@pytest.mark.parametrize("until", list(Until))
async def test_tail_follows_every_script_and_returns_every_event_once(name: str, until: Until) -> None:
    simulator = simulated(300)
    simulator.plan(name)
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        news, all_ids = await follow_to_the_end(tenant, run_id, until)
        readable = {event.id for event in (await tenant.mogplex.get_run_events(run_id)).events}
    assert len(all_ids) == len(set(all_ids))
    # What a run writes half a minute after its end is not waited for.
    late = name == "terminal_before_last_event"
    assert set(all_ids) <= readable if late else set(all_ids) == readable
    assert news.outcome.is_terminal


async def test_tail_returns_at_pull_request_and_at_end() -> None:
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


async def test_tail_returns_at_deadline_despite_slow_responses() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        simulator.faults.add(Fault(FaultKind.SLOW, path="/runs/*", times=None, seconds=7))
        began = anyio.current_time()
        news = await follow(tenant.watches.of(run_id), wait=20)
        assert anyio.current_time() - began == pytest.approx(20)
    assert news.reason is Reason.TIME_UP


async def test_tail_without_wait_sends_one_request_and_returns() -> None:
    simulator = simulated()
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        began = anyio.current_time()
        news = await follow(tenant.watches.of(run_id), wait=0)
        assert anyio.current_time() == began
    assert (news.reason, len(event_ids(news))) == (Reason.TIME_UP, 1)
    assert count(simulator, "GET", "/events") == 1


async def test_tail_until_update_returns_at_any_event_and_until_done_does_not() -> None:
    script = Script(running(1), running(1, 2))
    cursor = Cursor(RUN_ID).with_events(["event-1"])
    news = await follow(script.watch(), cursor, until=Until.UPDATE)
    assert (news.reason, event_ids(news)) == (Reason.UPDATE, ["event-2"])
    news = await follow(Script(running(1), running(1, 2)).watch(), cursor)
    assert (news.reason, event_ids(news)) == (Reason.TIME_UP, ["event-2"])


async def test_tail_returns_excess_events_page_by_page_without_waiting() -> None:
    kinds = [an_event(number, "status_changed") for number in range(25)]
    watch = Script(shown(running().run, kinds)).watch()
    began, cursor, pages = anyio.current_time(), Cursor(RUN_ID), []
    for _ in range(2):
        news = await follow(watch, cursor, most=10)
        pages.append((news.reason, len(event_ids(news)), news.more))
        cursor = news.cursor
    assert pages == [(Reason.UPDATE, 10, 15), (Reason.UPDATE, 10, 5)]
    assert anyio.current_time() == began
    assert len(event_ids(await follow(watch, cursor, most=10))) == 5


async def test_tail_drains_events_after_terminal_status() -> None:
    script = Script(running(1), running(1, status="success"), running(1, 2, status="success"))
    news = await follow(script.watch())
    assert (news.reason, event_ids(news)) == (Reason.ENDED, ["event-1", "event-2"])
    assert script.asked == 3


async def test_tail_continues_when_status_becomes_nonterminal_again() -> None:
    script = Script(running(1), running(1, status="cancelled"), running(1), running(1, 2, status="failed"))
    news = await follow(script.watch())
    assert (news.reason, news.outcome.phase, event_ids(news)) == (Reason.ENDED, Phase.FAILED, ["event-1", "event-2"])


async def test_tail_reports_saturated_window_and_still_sees_end() -> None:
    simulator = simulated(600)
    simulator.plan("many_events")
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        news, all_ids = await follow_to_the_end(tenant, run_id)
    assert news.snapshot.saturated
    assert len(all_ids) == 200
    assert news.outcome.phase is Phase.DONE


async def test_tail_does_not_report_saturated_window_as_stale() -> None:
    events = [an_event(number, createdAt="2026-01-01T00:00:00Z") for number in range(200)]
    old = a_run(createdAt="2026-01-01T00:00:00Z")
    assert (await follow(Script(shown(old, events[:199])).watch(), wait=10)).reason is Reason.STALE
    assert (await follow(Script(shown(old, events)).watch(), wait=10)).reason is Reason.TIME_UP


async def test_tail_reports_run_that_stays_pending_as_stale() -> None:
    simulator = simulated()
    simulator.plan("falls_back_to_pending")
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        assert (await follow(tenant.watches.of(run_id), wait=1_200)).reason is Reason.TIME_UP
        news = await follow(tenant.watches.of(run_id), wait=3_600)
    assert news.reason is Reason.STALE
    assert anyio.current_time() == pytest.approx(300 + 35 * 60, abs=15)


async def test_tail_reports_never_queued_run() -> None:
    simulator = simulated()
    simulator.plan("stuck_pending")
    async with tenant_of(simulator) as tenant:
        run_id = (await start(tenant, simulator)).run.run_id
        assert (await follow(tenant.watches.of(run_id), wait=600)).reason is Reason.NEVER_QUEUED


async def test_tail_reports_progress_at_once_on_change_and_every_ten_seconds() -> None:
    moments: list[tuple[float, int]] = []
    began = anyio.current_time()

    async def listener(snapshot: Snapshot, _: Outcome) -> None:
        moments.append((anyio.current_time() - began, len(snapshot.events)))

    await tail(
        Script(running(1), running(1, 2), running(1, 2)).watch(),
        Cursor(RUN_ID),
        options(35),
        max_events=40,
        listener=listener,
    )
    assert moments == [(0, 1), (2, 2), (10, 2), (20, 2), (30, 2)]
