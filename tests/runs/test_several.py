"""`tail_several` reports each end and each milestone once, and its cursor comes back as it went."""

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.runs.cursor import Cursor, CursorError
from mogplex_mcp.runs.several import RunState, SeveralTail, Verdict, tail_several
from mogplex_mcp.runs.several_cursor import Reported, SeveralCursor, waited_for
from mogplex_mcp.runs.tail import Reason, Until
from mogplex_mcp.runs.watch import RunWatch
from tests.runs.following import Script, options, running, shown
from tests.runs.support import OTHER_RUN_ID, RUN_ID, a_run, an_event

pytestmark = pytest.mark.anyio

IDS = [f"{number:08d}{RUN_ID[8:]}" for number in range(10)]
REPORTED = st.dictionaries(
    st.sampled_from(IDS), st.builds(Reported, st.integers(0, 5), st.integers(0, 200), st.integers(0, 200)), min_size=1
)


async def _ignore(_: object) -> None:
    return


async def follow(
    watches: dict[str, RunWatch],
    cursor: SeveralCursor | None = None,
    *,
    wait: float = 45,
    until: Until = Until.DONE,
    shutdown: Shutdown | None = None,
) -> SeveralTail:
    return await tail_several(watches, cursor or SeveralCursor(), options(wait, until, shutdown), listener=_ignore)


@given(REPORTED, st.floats(0, 4_000))
def test_cursor_round_trips(reported: dict[str, Reported], waited: float) -> None:
    cursor = SeveralCursor.of(reported).after(waited)
    text = str(cursor)
    again = SeveralCursor.parse(text, IDS)
    assert {run_id: again.reported(run_id) for run_id in reported} == reported
    assert again.reported(OTHER_RUN_ID) == Reported()
    assert waited_for(text)[0] == cursor.digest
    assert again.waited == pytest.approx(waited, abs=0.11)
    assert len(text) <= 104


@given(REPORTED, st.data())
def test_cursor_reports_truncation_and_changes(reported: dict[str, Reported], data: st.DataObject) -> None:
    text = str(SeveralCursor.of(reported))
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.sampled_from("Ab1_").filter(lambda one: one != text[at])) + text[at + 1 :]
    for wrong in (text[: at or 1], str(Cursor(RUN_ID))):
        with pytest.raises(CursorError):
            SeveralCursor.parse(wrong, IDS)
    # The last character may have bits that no byte has.
    if at < len(text) - 1:
        with pytest.raises(CursorError):
            SeveralCursor.parse(changed, IDS)


@settings(max_examples=25)
@given(
    polls=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    wait=st.sampled_from([0, 5, 45]),
    until=st.sampled_from(list(Until)),
)
async def test_each_end_is_reported_once_whatever_the_order(polls: list[int], wait: float, until: Until) -> None:
    watches = {
        run_id: Script(*[running(1)] * count, running(1, 2, status="success")).watch()
        for run_id, count in zip(IDS, polls, strict=False)
    }
    cursor, ended = SeveralCursor(), list[RunState]()
    for _ in range(800):
        news = await follow(watches, cursor, wait=wait, until=until)
        cursor = SeveralCursor.parse(str(news.cursor), watches)
        ended += [state for state in news.states if state.news is Reason.ENDED]
        if not any(state.is_open for state in news.states):
            break
        await anyio.sleep(2)
    assert sorted(state.run_id for state in ended) == sorted(watches)
    assert {state.verdict for state in ended} == {Verdict.DONE}
    assert all(state.snapshot and len(state.snapshot.events) == 2 for state in ended)


async def test_a_pull_request_is_news_once_and_its_run_is_followed_on() -> None:
    link = {"stage": "git_delivery", "pull_request_url": "https://github.com/acme/web/pull/7"}
    delivered = shown(running().run, [an_event(1, payload=link)])
    watches = {IDS[0]: Script(running(), delivered).watch(), IDS[1]: Script(running()).watch()}
    first = await follow(watches)
    again = await follow(watches, first.cursor)
    assert [state.news for state in first.states] == [Reason.MILESTONE, None]
    assert [state.news for state in again.states] == [None, None]
    assert all(state.is_open for state in again.states)


async def test_a_run_that_goes_on_after_its_end_is_followed_again() -> None:
    script = Script(*[running(status="cancelled")] * 2, running(), running(), *[running(status="failed")] * 2)
    watches = {IDS[0]: script.watch(), IDS[1]: Script(running()).watch()}
    reported, cursor = list[Verdict](), SeveralCursor()
    for _ in range(4):
        news = await follow(watches, cursor)
        cursor = news.cursor
        reported += [state.verdict for state in news.states if state.news]
    assert reported == [Verdict.CANCELLED, Verdict.FAILED]


async def test_shutdown_ends_the_wait_with_the_states_so_far() -> None:
    shutdown = Shutdown()
    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:

        async def stop() -> None:
            await anyio.sleep(10)
            shutdown.begin()

        tasks.start_soon(stop)
        news = await follow({IDS[0]: Script(running(1)).watch()}, shutdown=shutdown)
    assert anyio.current_time() - began == pytest.approx(10)
    assert [state.new_events for state in news.states] == [1]


async def test_one_look_at_a_stale_run_reports_it() -> None:
    stale = shown(a_run(createdAt="2026-01-01T00:00:00Z"))
    news = await follow({IDS[0]: Script(stale).watch(), IDS[1]: Script(running()).watch()}, wait=0)
    assert [state.news for state in news.states] == [Reason.STALE, None]
