"""`mogplex-mcp doctor`: run the diagnosis and print each finding, with advice where something is wrong."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.diagnosis.examination import examine, is_unreachable
from mogplex_mcp.diagnosis.finding import Finding, Status

_MARKS: Final = {Status.OK: "✓", Status.WARNING: "!", Status.FAILED: "✗", Status.SKIPPED: "–"}  # noqa: RUF001 - as shown
_PLAIN_MARKS: Final = {Status.OK: "ok", Status.WARNING: "!", Status.FAILED: "x", Status.SKIPPED: "-"}
# Wide enough for "client vscode-insiders"; longer ones are folded, so that facts begin in the same column.
_LABEL_WIDTH: Final = 22
_STYLES: Final = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.FAILED: "bold red",
    Status.SKIPPED: "dim",
}


async def doctor(settings: Settings, given: Namespace) -> int:
    """Run all checks and print the findings.

    Returns:
        0 if nothing failed, 69 if Mogplex cannot be reached, 1 if something else is wrong.
    """
    if not given.json and sys.stdout.isatty():
        return await _show_on_terminal(settings, offline=given.offline)
    findings = await examine(settings, offline=given.offline)
    code = exit_code(findings)
    lines = [_as_json(findings, code)] if given.json else [summary(findings), *map(_as_line, findings)]
    sys.stdout.write("".join(f"{_encodable(line)}\n" for line in lines))
    sys.stdout.flush()
    return code


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """Return the exit status for the findings."""
    if is_unreachable(findings):
        return ExitCode.UNAVAILABLE
    return ExitCode.FAILURE if any(finding.status is Status.FAILED for finding in findings) else ExitCode.OK


def summary(findings: Sequence[Finding]) -> str:
    """Return the result in one line, such as "2 problems, 1 warning"."""
    numbers = {status: sum(finding.status is status for finding in findings) for status in Status}
    parts = [counted(numbers[Status.FAILED], "problem")]
    parts += [counted(numbers[Status.WARNING], "warning")] if numbers[Status.WARNING] else []
    return f"{', '.join(parts)}."


async def _show_on_terminal(settings: Settings, *, offline: bool) -> int:
    from rich.console import Console  # noqa: PLC0415 - only for terminals
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    console = Console(highlight=False)
    with console.status("Checking…"):
        findings = await examine(settings, offline=offline)
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(width=_LABEL_WIDTH)
    table.add_column(overflow="fold")
    for finding in findings:
        # `Text`, so that square brackets in a fact are not parsed as markup.
        fact = Text(finding.fact)
        if finding.advice:
            fact.append(f"\n→ {finding.advice}", style="cyan")
        style = _STYLES[finding.status]
        table.add_row(Text(_marks()[finding.status], style=style), Text(finding.name, style=style), fact)
    console.print(Text(summary(findings), style="bold"))
    console.print(table)
    return exit_code(findings)


def _as_json(findings: Sequence[Finding], code: ExitCode) -> str:
    return json.dumps({"ok": code is ExitCode.OK, "checks": [asdict(finding) for finding in findings]})


def _as_line(finding: Finding) -> str:
    return f"{_marks()[finding.status]} {finding.name}: {finding.fact}" + (
        f" -> {finding.advice}" if finding.advice else ""
    )


def _marks() -> dict[Status, str]:
    return _MARKS if _encodable("✓–") == "✓–" else _PLAIN_MARKS  # noqa: RUF001 - as shown


def _encodable(text: str) -> str:
    """Return the text with what stdout cannot encode replaced: a pipe on Windows may use a legacy code page."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "replace").decode(encoding)
