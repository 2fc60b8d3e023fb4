"""`mogplex-mcp doctor`: each line is a fact and, where something is not as it should be, what to do."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.diagnosis.examination import examine, is_unreachable
from mogplex_mcp.diagnosis.finding import Finding, Status

_MARKS: Final = {Status.OK: "✓", Status.WARNING: "!", Status.FAILED: "✗", Status.SKIPPED: "–"}  # noqa: RUF001 - as shown
_PLAIN_MARKS: Final = {Status.OK: "ok", Status.WARNING: "!", Status.FAILED: "x", Status.SKIPPED: "-"}
_STYLES: Final = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.FAILED: "bold red",
    Status.SKIPPED: "dim",
}


async def doctor(settings: Settings, given: Namespace) -> int:
    """Check everything and show it.

    Returns:
        0 if all is well or only warned of, 69 if Mogplex cannot be reached, 1 if something else is wrong.
    """
    if not given.json and sys.stdout.isatty():
        return await _show_to_person(settings, offline=given.offline)
    findings = await examine(settings, offline=given.offline)
    code = exit_code(findings)
    lines = [_as_json(findings, code)] if given.json else [_as_line(one) for one in findings]
    sys.stdout.write("".join(f"{_encodable(line)}\n" for line in lines))
    sys.stdout.flush()
    return code


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """What the findings mean for a script."""
    if is_unreachable(findings):
        return ExitCode.UNAVAILABLE
    return ExitCode.FAILURE if any(one.status is Status.FAILED for one in findings) else ExitCode.OK


async def _show_to_person(settings: Settings, *, offline: bool) -> int:
    from rich.console import Console  # noqa: PLC0415 - only for terminals
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    console = Console(highlight=False)
    with console.status("Checking…"):
        findings = await examine(settings, offline=offline)
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in findings:
        # `Text`, so that no square bracket in a fact is taken for a style.
        fact = Text(one.fact)
        if one.advice:
            fact.append(f"\n→ {one.advice}", style="cyan")
        style = _STYLES[one.status]
        table.add_row(Text(_marks()[one.status], style=style), Text(one.name, style=style), fact)
    console.print(table)
    return exit_code(findings)


def _as_json(findings: Sequence[Finding], code: ExitCode) -> str:
    return json.dumps({"ok": code is ExitCode.OK, "checks": [asdict(one) for one in findings]})


def _as_line(one: Finding) -> str:
    return f"{_marks()[one.status]} {one.name}: {one.fact}" + (f" -> {one.advice}" if one.advice else "")


def _marks() -> dict[Status, str]:
    return _MARKS if _encodable("✓–") == "✓–" else _PLAIN_MARKS  # noqa: RUF001 - as shown


def _encodable(text: str) -> str:
    """The text as far as stdout can write it: a pipe on Windows knows no more than an old code page."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "replace").decode(encoding)
