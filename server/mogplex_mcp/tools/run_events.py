"""Events of a run as lines of an answer, as many as one answer can hold."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.reply.output_limit import lines_within
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.event_groups import EventGroup
from mogplex_mcp.runs.tail import Tail

EVENT_CHARACTERS: Final = 400
"""The longest message of an event."""

_EVENTS_CHARACTERS: Final = 4_000
"""Of all events of one answer."""


def event_line(one: EventGroup) -> str:
    """Return events of one kind on one line: time, kind, how many, what the last one says."""
    event = one.last
    time = f"{event.created_at:%H:%M:%S} " if event.created_at else ""
    kind = event_kind(one)
    count = f" x{len(one.events)}" if len(one.events) > 1 else ""
    message = clean_line(event.message or "", EVENT_CHARACTERS)
    return f"{time}{kind}{count}: {message}" if message else f"{time}{kind}{count}"


def event_kind(one: EventGroup) -> str:
    """Return what kind of events these are: their type, with the stage of a log or the name of a tool."""
    event = one.last
    return clean_line(event.type if one.kind.startswith(event.type + " " + event.id) else one.kind, 60)


def oldest_that_fit(groups: Sequence[EventGroup]) -> Sequence[EventGroup]:
    """Return the first events, as many as one answer can hold."""
    return groups[: len(lines_within(map(event_line, groups), _EVENTS_CHARACTERS))]


def newest_that_fit(groups: Sequence[EventGroup]) -> Sequence[EventGroup]:
    """Return the last events, as many as one answer can hold."""
    held = len(lines_within((event_line(one) for one in reversed(groups)), _EVENTS_CHARACTERS))
    return groups[len(groups) - held :]


def as_much_as_fits(news: Tail, seen: Cursor) -> Tail:
    """Return the news that one answer can hold; the cursor stands behind them, so that the next call has the others."""
    shown = oldest_that_fit(news.groups)
    return replace(
        news,
        groups=shown,
        more=news.more + len(news.groups) - len(shown),
        cursor=seen.with_events(event.id for one in shown for event in one.events),
    )
