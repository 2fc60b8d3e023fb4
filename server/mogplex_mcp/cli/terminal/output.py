"""What goes to stdout: tables and facts for people, or one JSON object per line for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mogplex_mcp.core.standard_streams import say

# Where nobody looks, nothing is cut to the width of a screen.
_UNLIMITED_WIDTH: Final = 100_000
# Between two columns.
_GAP: Final = 2


class Screen(Console):
    """A console that shows texts as they are, and leaves a closed pipe to its caller."""

    def __init__(self) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, soft_wrap=False)
        if not self.is_terminal:
            self.width = _UNLIMITED_WIDTH

    def on_broken_pipe(self) -> None:
        """Nobody reads any more.

        Raises:
            BrokenPipeError: Always.
        """
        self.quiet = True
        raise BrokenPipeError


class Output:
    """Writes what a command found.

    Args:
        as_json: One JSON object per line instead of what people read.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.screen = Screen()

    @property
    def is_live(self) -> bool:
        """Whether there is a person before a terminal that can show something moving."""
        return not self.as_json and self.screen.is_terminal and not self.screen.is_dumb_terminal

    def record(self, record: Mapping[str, Any]) -> None:
        """A line of JSON."""
        print(json.dumps(record), flush=True)  # noqa: T201 - what was asked for

    def line(self, text: str = "", *, style: str = "") -> None:
        """A line for people; it is never cut."""
        self.screen.print(Text(text, style), soft_wrap=True)

    def facts(self, facts: Mapping[str, str]) -> None:
        """Names and values for people, below each other; what is empty is left out."""
        shown = {name: value for name, value in facts.items() if value}
        width = max(map(len, shown), default=0)
        for name, value in shown.items():
            self.screen.print(Text.assemble((f"{name:<{width}}", "dim"), "  ", value), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, whole: Sequence[str] = ()) -> None:
        """A table for people, as wide as their terminal at most; a column without any value is left out.

        Args:
            columns: What the columns are called.
            rows: What is in them.
            whole: The columns that are never cut, since other commands are given what is in them; else the first one.
        """
        table = Table(box=None, pad_edge=False, header_style="bold")
        used = [place for place in range(len(columns)) if any(row[place] for row in rows)]
        kept = {place for place in used if columns[place] in (whole or columns[:1])}
        for place in used:
            table.add_column(columns[place].upper(), no_wrap=place in kept)
        for row in rows:
            table.add_row(*(_cell(row[place], whole=place in kept) for place in used))
        # On a terminal that is narrower than what must not be cut, its own breaking of lines is the lesser evil.
        least = sum(max((len(row[place]) for row in rows), default=0) if place in kept else 1 for place in used)
        self.screen.width = max(self.screen.width, least + _GAP * (len(used) - 1))
        if rows:
            with self.screen.capture() as drawn:
                self.screen.print(table)
            print("\n".join(map(str.rstrip, drawn.get().splitlines())), flush=True)  # noqa: T201 - what was asked for

    def listed(
        self,
        records: Sequence[Mapping[str, Any]],
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        notes: Sequence[str] = (),
        whole: Sequence[str] = (),
    ) -> None:
        """A list: a table for people, or its records one by one; that it is empty is said on stderr.

        Args:
            records: Its items for programs.
            columns: What the columns are called.
            rows: The items for people.
            notes: What is printed on stderr: that the list is empty, or cut.
            whole: The columns that are never cut; else the first one.
        """
        if self.as_json:
            for record in records:
                self.record(record)
        else:
            self.table(columns, rows, whole=whole)
        self.notes(notes)

    @staticmethod
    def notes(notes: Sequence[str]) -> None:
        """What somebody should know beside; not on stdout, which may be read by a program."""
        for note in notes:
            say(f"Note: {note}")


def _cell(text: str, *, whole: bool) -> Text:
    """What stands in a table: on one line, unless it must not be cut."""
    return Text(text, overflow="fold") if whole else Text(text, no_wrap=True, overflow="ellipsis")


def prepare_streams() -> None:
    """Keep characters that a stream cannot write from ending a command."""
    for stream in (sys.stdout, sys.stderr):
        # Not what a test or a notebook puts there.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")
