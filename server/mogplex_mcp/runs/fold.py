"""Events made short: what repeats is told once, with a count."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from mogplex_mcp.api.models import RunEvent


@dataclass(frozen=True)
class Fold:
    """Neighbouring events of one kind. `events` is never empty."""

    kind: str
    events: tuple[RunEvent, ...]

    @property
    def last(self) -> RunEvent:
        """The event that stands for all of them."""
        return self.events[-1]


def fold(events: Iterable[RunEvent]) -> list[Fold]:
    """Put neighbouring events of one kind together; order and number of events stay."""
    return [Fold(kind, tuple(group)) for kind, group in groupby(events, key=_kind)]


def _kind(event: RunEvent) -> str:
    """The type, and what tells apart events of one type: the stage of a log, the name of a tool.

    Events that say how a run stands are told one by one.
    """
    if event.type == "log":
        stage = event.payload.get("stage")
        return f"log {stage}" if isinstance(stage, str) else "log"
    if event.type in ("tool_started", "tool_finished"):
        return f"tool {event.tool_name or ''}".rstrip()
    return f"{event.type} {event.id}"
