"""Views of a run that is being followed: a live view, plain lines, or JSON."""

import contextlib
from collections.abc import Iterator
from typing import Final, Protocol

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from mogplex_mcp.api.models import RunEvent
from mogplex_mcp.cli.terminal.output import Output
from mogplex_mcp.cli.terminal.records import event_record
from mogplex_mcp.core.cleaning import clean_line, sanitize_word
from mogplex_mcp.runs.outcome import Outcome, Phase
from mogplex_mcp.runs.progress import describe
from mogplex_mcp.runs.watch import Snapshot

EVENT_CHARACTERS: Final = 400
_TYPE_WIDTH: Final = 14
_PHASES: Final = (Phase.QUEUED, Phase.PREPARING, Phase.WORKING, Phase.DELIVERING, Phase.DONE)


class RunView(Protocol):
    """Shows a run while it is being followed."""

    def event(self, event: RunEvent) -> None:
        """Show an event."""

    async def look(self, snapshot: Snapshot, outcome: Outcome) -> None:
        """Show the state of the run."""

    async def progress(self, message: str) -> None:
        """Show the progress of an operation that isn't a run."""


@contextlib.contextmanager
def run_view(output: Output) -> Iterator[RunView]:
    """Yield a view for the block: live on a terminal, otherwise line by line."""
    if not output.is_live:
        yield _Lines(output)
        return
    with Progress(
        SpinnerColumn(),
        BarColumn(bar_width=16),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        console=output.console,
        transient=True,
    ) as bar:
        yield _Live(output, bar)


def event_line(event: RunEvent, *, whole_time: bool = True) -> Text:
    """Return an event on one line: time, type, tool and message.

    Args:
        event: The event.
        whole_time: Show date and time in UTC; otherwise the local time of day.
    """
    time = ""
    if event.created_at:
        shown = event.created_at if whole_time else event.created_at.astimezone()
        time = f"{shown:%Y-%m-%dT%H:%M:%SZ}" if whole_time else f"{shown:%H:%M:%S}"
    tool = f"tool={clean_line(event.tool_name, 60)}" if event.tool_name else ""
    message = clean_line(event.message or "", EVENT_CHARACTERS)
    details = "  ".join(filter(None, [tool, message]))
    return Text.assemble((time, "dim"), "  ", (f"{sanitize_word(event.type):<{_TYPE_WIDTH}}", "cyan"), "  ", details)


class _Lines:
    """Prints one line per event, and once per outage that nothing is heard."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._is_outage = False

    def event(self, event: RunEvent) -> None:
        if self._output.as_json:
            self._output.record(event_record(event))
        else:
            self._output.console.print(event_line(event), soft_wrap=True)

    async def look(self, snapshot: Snapshot, outcome: Outcome) -> None:  # noqa: ARG002 - the events say it
        """Print the begin of an outage, during which there are no lines."""
        if snapshot.fault and not self._is_outage:
            self._output.notes([f"Mogplex cannot be asked at the moment ({snapshot.fault.code}): trying again."])
        self._is_outage = snapshot.fault is not None

    async def progress(self, message: str) -> None:
        """Print nothing: every line is an event."""


class _Live:
    """Prints events above a progress bar."""

    def __init__(self, output: Output, bar: Progress) -> None:
        self._output = output
        self._bar = bar
        self._task = bar.add_task("connecting to Mogplex", total=len(_PHASES) - 1)

    def event(self, event: RunEvent) -> None:
        self._output.console.print(event_line(event, whole_time=False), soft_wrap=True)

    async def look(self, snapshot: Snapshot, outcome: Outcome) -> None:
        done = _PHASES.index(outcome.phase) if outcome.phase in _PHASES else None
        self._update(describe(snapshot, outcome), completed=done)

    async def progress(self, message: str) -> None:
        self._update(message)

    def _update(self, text: str, *, completed: int | None = None) -> None:
        self._bar.update(self._task, completed=completed, description=f"{text} (Ctrl-C stops watching only)")
