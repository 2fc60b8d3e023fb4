"""Views of several runs that are being watched: a table that updates, plain lines, or JSON."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mogplex_mcp.cli.terminal.output import Output
from mogplex_mcp.cli.terminal.records import iso, outcome_facts, run_record
from mogplex_mcp.cli.terminal.short_ids import short_length
from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import duration
from mogplex_mcp.runs.several import RunState, Verdict

_COLUMNS: Final = ("run", "phase", "repo", "started", "events", "pr")
_FAILURE_CHARACTERS: Final = 200
_STYLES: Final = {Verdict.DONE: "green", Verdict.OPEN: ""}
_LOST: Final = {Verdict.NEVER_QUEUED: "never queued", Verdict.STALE: "silent for long"}


class RunsView(Protocol):
    """Shows runs while they are being watched."""

    async def look(self, states: Sequence[RunState]) -> None:
        """Show the states of some of the runs."""

    def finish(self) -> None:
        """Show the last states, after the block of `runs_view`."""


@contextlib.contextmanager
def runs_view(output: Output, now: Callable[[], float]) -> Iterator[RunsView]:
    """Yield a view for the block: a table that updates on a terminal, otherwise a line for each change of a run.

    Args:
        output: The output of the command.
        now: Seconds since the epoch at Mogplex.
    """
    if not output.is_live:
        yield _Lines(output, now)
        return
    table = _Table(output, now)
    with table.live:
        yield table


class _Lines:
    """Prints a line for each change of a run."""

    def __init__(self, output: Output, now: Callable[[], float]) -> None:
        self._output = output
        self._now = now
        self._shown: dict[str, tuple[str, ...]] = {}

    async def look(self, states: Sequence[RunState]) -> None:
        for state in states:
            if state.snapshot is None or state.outcome is None:
                continue
            now = (state.snapshot.run.status, _phase(state), state.outcome.pull_request)
            if self._shown.get(state.run_id) == now:
                continue
            self._shown[state.run_id] = now
            if self._output.as_json:
                self._output.record(_record(state))
            else:
                self._output.line("  ".join(filter(None, [self._time(), *_line(state)])))

    def finish(self) -> None:
        """Print nothing: the last line of each run is its last state."""

    def _time(self) -> str:
        return iso(datetime.fromtimestamp(self._now(), UTC))


class _Table:
    """Shows a table that updates."""

    def __init__(self, output: Output, now: Callable[[], float]) -> None:
        self._output = output
        self._now = now
        self._states: dict[str, RunState] = {}
        # Drawn at each look, which comes every ten seconds at least: a thread would draw what has not changed.
        self.live = Live(console=output.console, get_renderable=self.renderable, auto_refresh=False, transient=True)

    async def look(self, states: Sequence[RunState]) -> None:
        self._states |= {state.run_id: state for state in states}
        self.live.refresh()

    def finish(self) -> None:
        """Print the table as it was last."""
        self._output.table(_COLUMNS, self._rows())
        for state in self._states.values():
            if state.outcome and state.outcome.failure:
                failure = clean_line(state.outcome.failure, _FAILURE_CHARACTERS)
                self._output.line(f"{state.run_id} failed: {failure}", style="red")

    def renderable(self) -> Group:
        """Return the table as it is now."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in _COLUMNS:
            table.add_column(name.upper(), no_wrap=True)
        for state, row in zip(self._states.values(), self._rows(), strict=True):
            # A cell is text, whatever is in it: never markup.
            table.add_row(*map(Text, row), style=_STYLES.get(state.verdict, "red"))
        return Group(table, Text(_ending(self._states.values()), "dim"))

    def _rows(self) -> list[tuple[str, ...]]:
        length = short_length(self._states)
        return [(run_id[:length], *self._cells(state)) for run_id, state in self._states.items()]

    def _cells(self, state: RunState) -> tuple[str, ...]:
        if state.snapshot is None or state.outcome is None:
            return ("not known", "", "", "", "")
        run, pull_request = state.snapshot.run, state.outcome.pull_request
        return (
            _phase(state),
            sanitize_name(state.repo),
            f"{duration(self._now() - run.created_at.timestamp())} ago" if run.created_at else "",
            str(len(state.snapshot.events)),
            f"#{pull_request.rpartition('/')[2]}" if pull_request else "",
        )


def _ending(states: Collection[RunState]) -> str:
    if not states:
        return "connecting to Mogplex"
    is_away = any(state.error for state in states)
    fault = "Mogplex cannot be reached at the moment, retrying. " if is_away else ""
    return f"{fault}Ctrl-C stops watching only; the runs continue."


def _phase(state: RunState) -> str:
    phase = state.outcome.phase if state.outcome else ""
    return _LOST.get(state.verdict, f"{phase}")


def _line(state: RunState) -> tuple[str, ...]:
    outcome = state.outcome
    return (
        sanitize_word(state.run_id),
        sanitize_name(state.repo),
        _phase(state),
        outcome.pull_request if outcome else "",
        clean_line(outcome.failure, _FAILURE_CHARACTERS) if outcome else "",
    )


def _record(state: RunState) -> dict[str, object]:
    if state.snapshot is None or state.outcome is None:
        return {"runId": sanitize_word(state.run_id)}
    lost = {
        "never_queued": state.verdict is Verdict.NEVER_QUEUED or None,
        "stale": state.verdict is Verdict.STALE or None,
    }
    return run_record(state.snapshot.run, repo=state.repo, **outcome_facts(state.outcome), **lost)
