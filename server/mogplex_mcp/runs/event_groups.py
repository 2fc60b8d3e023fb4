"""Grouping of consecutive events of one kind, so that a reply shows repetitions once, with a count."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from mogplex_mcp.api.models import RunEvent


@dataclass(frozen=True)
class EventGroup:
    """Consecutive events of one kind.

    Attributes:
        kind: What the events have in common.
        events: The events, oldest first; never empty.
    """

    kind: str
    events: tuple[RunEvent, ...]

    @property
    def last(self) -> RunEvent:
        """The event that is shown for the whole group."""
        return self.events[-1]


def group_events(events: Iterable[RunEvent]) -> list[EventGroup]:
    """Group consecutive events of one kind; no event is lost or moved."""
    return [EventGroup(kind, tuple(group)) for kind, group in groupby(events, key=_kind)]


def _kind(event: RunEvent) -> str:
    """Return the key to group by: the type, with the stage of a log or the name of a tool.

    Events that change the state of a run get a key of their own, so that each is shown.
    """
    if event.type == "log":
        stage = event.payload.get("stage")
        return f"log {stage}" if isinstance(stage, str) else "log"
    if event.type in ("tool_started", "tool_finished"):
        return f"tool {event.tool_name or ''}".rstrip()
    return f"{event.type} {event.id}"
