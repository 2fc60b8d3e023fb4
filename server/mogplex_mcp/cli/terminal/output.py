"""Output of a command on stdout: tables and facts for people, or one JSON object per line for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mogplex_mcp.core.standard_streams import say

# In a pipe or file, nothing is cut to the width of a terminal.
_UNLIMITED_WIDTH: Final = 100_000
# Between two columns, in characters.
_GAP: Final = 2


class PipeConsole(Console):
    """A console that raises `BrokenPipeError` instead of exiting."""

    def on_broken_pipe(self) -> None:
        """Raise the error that rich would turn into an exit.

        Raises:
            BrokenPipeError: Always.
        """
        self.quiet = True
        raise BrokenPipeError


class PlainConsole(PipeConsole):
    """A console without markup and highlighting."""

    def __init__(self) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, soft_wrap=False)
        if not self.is_terminal:
            self.width = _UNLIMITED_WIDTH


class Output:
    """Write the results of a command.

    Args:
        as_json: Write one JSON object per line instead of text.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = PlainConsole()

    @property
    def is_live(self) -> bool:
        """Return whether stdout is a terminal that can show a live view."""
        return not self.as_json and self.console.is_terminal and not self.console.is_dumb_terminal

    def record(self, record: Mapping[str, Any]) -> None:
        """Write a line of JSON."""
        print(json.dumps(record), flush=True)  # noqa: T201 - the output of the command

    def line(self, text: str = "", *, style: str = "") -> None:
        """Write a line of text, which is never cut."""
        self.console.print(Text(text, style), soft_wrap=True)

    def facts(self, facts: Mapping[str, str]) -> None:
        """Write names and values, one pair a line; empty values are left out."""
        shown = {name: value for name, value in facts.items() if value}
        width = max(map(len, shown), default=0)
        for name, value in shown.items():
            self.console.print(Text.assemble((f"{name:<{width}}", "dim"), "  ", value), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, whole: Sequence[str] = ()) -> None:
        """Write a table, at most as wide as the terminal; empty columns are left out.

        Args:
            columns: The names of the columns.
            rows: The cells.
            whole: The columns that are never cut, because other commands take their values; by default the first one.
        """
        table = Table(box=None, pad_edge=False, header_style="bold")
        used = [index for index in range(len(columns)) if any(row[index] for row in rows)]
        uncut = {index for index in used if columns[index] in (whole or columns[:1])}
        for index in used:
            table.add_column(columns[index].upper(), no_wrap=index in uncut)
        for row in rows:
            table.add_row(*(_cell(row[index], whole=index in uncut) for index in used))
        # Where the terminal is narrower than the uncut columns, it breaks the lines itself.
        min_width = sum(max((len(row[index]) for row in rows), default=0) if index in uncut else 1 for index in used)
        self.console.width = max(self.console.width, min_width + _GAP * (len(used) - 1))
        if rows:
            with self.console.capture() as drawn:
                self.console.print(table)
            print("\n".join(map(str.rstrip, drawn.get().splitlines())), flush=True)  # noqa: T201 - the output of the command

    def listed(
        self,
        records: Sequence[Mapping[str, Any]],
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        notes: Sequence[str] = (),
        whole: Sequence[str] = (),
    ) -> None:
        """Write a list: a table, or its records as JSON, and notes on stderr.

        Args:
            records: The items as JSON objects.
            columns: The names of the columns.
            rows: The items as rows of the table.
            notes: Notes, such as that the list is empty or truncated.
            whole: The columns that are never cut; by default the first one.
        """
        if self.as_json:
            for record in records:
                self.record(record)
        else:
            self.table(columns, rows, whole=whole)
        self.notes(notes)

    @staticmethod
    def notes(notes: Sequence[str]) -> None:
        """Write notes to stderr: stdout may be read by a program."""
        for note in notes:
            say(f"Note: {note}")


def _cell(text: str, *, whole: bool) -> Text:
    """Return a cell on one line; it is folded instead if it must not be cut."""
    return Text(text, overflow="fold") if whole else Text(text, no_wrap=True, overflow="ellipsis")
