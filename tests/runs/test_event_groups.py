"""Folding makes events short; it loses none and keeps their order."""

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
def test_nothing_is_lost_and_the_order_is_kept(events: list[RunEvent]) -> None:
    assert [event for one in group_events(events) for event in one.events] == events


@given(events())
def test_neighbours_are_of_different_kinds_and_none_is_empty(events: list[RunEvent]) -> None:
    groups = group_events(events)
    assert all(one.events for one in groups)
    assert all(one.kind != other.kind for one, other in itertools.pairwise(groups))


@given(events())
def test_what_says_how_a_run_stands_is_told_one_by_one(events: list[RunEvent]) -> None:
    for one in group_events(events):
        if one.last.type in ("status_changed", "finished", "failed", "started"):
            assert len(one.events) == 1


def test_what_repeats_is_one_fold_and_the_last_one_stands_for_it() -> None:
    tools = [an_event(number, "tool_started", toolName="bash") for number in range(5)]
    (one,) = group_events(tools)
    assert (len(one.events), one.last) == (5, tools[-1])
