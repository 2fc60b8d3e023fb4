"""Grouping of events: none is lost, and the order stays."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.models import RunEvent
from mogplex_mcp.runs.event_groups import group_events
from tests.runs.support import an_event

KINDS = st.sampled_from(
    ["log", "tool_started", "tool_finished", "status_changed", "finished", "failed", "started", "something_new"]
)
STAGES = st.sampled_from([None, "git_sync", "install", 7, ["a"], {"b": 1}])
TOOLS = st.sampled_from([None, "bash", "edit"])


@st.composite
def events(draw: st.DrawFn) -> list[RunEvent]:
    kinds = draw(st.lists(st.tuples(KINDS, STAGES, TOOLS), max_size=60))
    return [
        an_event(number, kind, payload={"stage": stage}, toolName=tool)
        for number, (kind, stage, tool) in enumerate(kinds)
    ]


@given(events())
def test_group_events_keeps_all_events_in_order(events: list[RunEvent]) -> None:
    assert [event for one in group_events(events) for event in one.events] == events


@given(events())
def test_group_events_makes_maximal_nonempty_groups(events: list[RunEvent]) -> None:
    groups = group_events(events)
    assert all(one.events for one in groups)
    assert all(one.kind != other.kind for one, other in itertools.pairwise(groups))


@given(events())
def test_group_events_keeps_state_changes_separate(events: list[RunEvent]) -> None:
    for one in group_events(events):
        if one.last.type in ("status_changed", "finished", "failed", "started"):
            assert len(one.events) == 1


def test_group_events_groups_repetitions_under_the_last() -> None:
    tools = [an_event(number, "tool_started", toolName="bash") for number in range(5)]
    (one,) = group_events(tools)
    assert (len(one.events), one.last) == (5, tools[-1])
