"""Checks of MCP clients: timeouts of their calls, and whether their entries for this server start."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import anyio

from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.core.redaction import Redactor
from mogplex_mcp.diagnosis.entry_state import EntryState, ask_entry
from mogplex_mcp.diagnosis.finding import Finding, Status, Subject
from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.difference import SHOWN_VARIABLES
from mogplex_mcp.installation.installed import LOST, InstalledEntry, installed_entries, lost_entries
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.plan import TOKENS
from mogplex_mcp.tenants.call_timeouts import CAP_SECONDS, DEFAULT_CAP_SECONDS

START_SECONDS: Final = 20.0
# More concurrent starts would slow each other down and be reported as faults.
_CONCURRENCY: Final = 2
_LONGEST_REASON: Final = 200
_LONGEST_FILE: Final = 400
_LAST_BYTES: Final = 4_000
_WSL: Final = "This is WSL: clients that run on Windows were not looked at."
_IN_POWERSHELL: Final = "`mogplex-mcp install --wsl` lists them; `mogplex-mcp doctor` in PowerShell starts them."


async def check_waits(subject: Subject) -> Sequence[Finding]:
    """Report the longest wait of a call, by client."""
    if subject.settings.max_wait is not None:
        fact = f"{subject.settings.max_wait:g} s in every client (MOGPLEX_MCP_MAX_WAIT)."
        return [Finding("waits", Status.OK, fact)]
    listed: dict[float, list[str]] = {}
    for client, seconds in CAP_SECONDS.items():
        listed.setdefault(seconds, []).append(client)
    parts = [f"{seconds:g} s in {', '.join(clients)}" for seconds, clients in listed.items()]
    learnt = subject.services.learnt.all()
    parts += [f"{seconds:.0f} s in {clean_line(client, 60)} (learnt)" for client, seconds in learnt.items()]
    fact = f"{DEFAULT_CAP_SECONDS:g} s; {'; '.join(parts)}."
    advice = "Learnt from cancelled waits; MOGPLEX_MCP_MAX_WAIT overrides it." if learnt else ""
    return [Finding("waits", Status.OK, fact, advice)]


async def check_entries(subject: Subject) -> Sequence[Finding]:
    """Start every client's entry for this server as the client does, and ask it for its connection."""
    try:
        machine = Machine.this(subject.settings)
    except InstallationError as error:
        return [Finding("clients", Status.WARNING, str(error), "Then run this again.")]
    entries, lost = installed_entries(machine), lost_entries(machine)
    below = [Finding("clients", Status.SKIPPED, _WSL, _IN_POWERSHELL)] if machine.is_wsl else []
    if not entries and not lost:
        advice = "`mogplex-mcp install` lists the clients and adds it."
        return [Finding("clients", Status.WARNING, "No client has an entry of this server.", advice), *below]
    findings: dict[int, Finding] = {}
    limiter = anyio.CapacityLimiter(_CONCURRENCY)

    async def check(number: int, entry: InstalledEntry) -> None:
        async with limiter:
            findings[number] = await _check_entry(entry, subject.settings.forwarded)

    async with anyio.create_task_group() as tasks:
        for number, entry in enumerate(entries):
            tasks.start_soon(check, number, entry)
    gone = [_lost(client, path) for client, path in lost]
    return [*(findings[number] for number in range(len(entries))), *gone, *below]


def _lost(client: Client, path: Path) -> Finding:
    """Return the finding for an entry that was written and is gone: overwritten by its client, or removed by hand."""
    fact, again = f"It {LOST} {path}.", f"run `mogplex-mcp install {client.name}`"
    if client.process:
        advice = f"Quit {client.title}, which writes the file from memory, and {again}."
        return Finding(f"client {client.name}", Status.FAILED, fact, advice)
    advice = f"If you did not remove it yourself, {again}; else delete the backups next to the file."
    return Finding(f"client {client.name}", Status.WARNING, fact, advice)


async def _check_entry(entry: InstalledEntry, shell: Mapping[str, str]) -> Finding:
    name = f"client {entry.client.name}" + ("" if entry.scope == "user" else f" ({entry.scope})")
    where = f"{clean_line(entry.name, 40)} in {entry.path}"
    if not entry.name:
        advice = "Repair or delete the file: the client can't read it either."
        return Finding(name, Status.FAILED, clean_line(entry.problem or "", _LONGEST_REASON), advice)
    if entry.unreadable:
        return Finding(
            name, Status.FAILED, clean_line(entry.unreadable, _LONGEST_FILE), f"Then run `{entry.install()}`."
        )
    remedy = clean_line(entry.remedy, _LONGEST_REASON)
    problem = f"{clean_line(entry.problem, _LONGEST_REASON)} {remedy}" if entry.problem else ""
    if entry.problem and shutil.which(entry.command) is None:
        return Finding(name, Status.FAILED, f"{where}: {clean_line(entry.problem, _LONGEST_REASON)}", remedy)
    if entry.scope == "project":
        # Anyone with write access to the repository can change it, so diagnosis must not run it.
        fact = f"{where}: not started, since others can write a project's file."
        return Finding(name, Status.SKIPPED, fact, problem or "Start it in the client, and ask it to check_connection.")
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
        started = anyio.current_time()
        try:
            with anyio.fail_after(START_SECONDS):
                found = await ask_entry(entry, shell, stderr)
        except TimeoutError:
            reason = f"it did not list its tools within {START_SECONDS:g} seconds"
        except Exception as error:  # noqa: BLE001 - any program may run, and the SDK's client raises anything
            reason = f"it exited before it listed its tools ({_name_of(error)})"
        else:
            fact = f"{where}: {counted(found.tools, 'tool')} after {anyio.current_time() - started:.1f} s"
            return _finding(name, entry, fact, found, problem)
        last_line = _last_line(stderr, entry)
    return Finding(name, Status.FAILED, f"{where}: {reason}.{last_line}", remedy)


def _finding(name: str, entry: InstalledEntry, fact: str, found: EntryState, problem: str) -> Finding:
    """Return the finding for an entry that starts."""
    if found.problem:
        reason = clean_line(_redactor(entry).redact(found.problem), _LONGEST_FILE)
        if own := _own_tokens(entry):
            advice = f"It has a token of its own ({own}): `{entry.install('--drop-token')}` takes it out."
        else:
            advice = "Correct what failed above; without a token run `mogplex-mcp login`, which all clients can read."
        return Finding(name, Status.FAILED, f"{fact}. {reason}", advice)
    status = Status.WARNING if entry.problem or found.notes else Status.OK
    notes = clean_line(" ".join(found.notes), _LONGEST_FILE)
    fact = f"{fact}, connected." if found.is_connected else f"{fact}."
    advice = f"Correct it, or run `{entry.install()}`." if found.notes else ""
    return Finding(name, status, f"{fact} {notes}".rstrip(), problem or advice or _token_advice(entry))


def _own_tokens(entry: InstalledEntry) -> str:
    return ", ".join(name for name, secret in entry.environment.items() if name in TOKENS and secret.value)


def _redactor(entry: InstalledEntry) -> Redactor:
    return Redactor(secret.value for name, secret in entry.environment.items() if name not in SHOWN_VARIABLES)


def _token_advice(entry: InstalledEntry) -> str:
    held = [name for name, secret in entry.environment.items() if "mog_" in secret.value]
    return f"It contains a token ({', '.join(held)}): after `mogplex-mcp login` it needs none." if held else ""


def _last_line(stderr: IO[str], entry: InstalledEntry) -> str:
    """Return the last line of a program's stderr, which usually says why it exited."""
    stderr.flush()
    stderr.seek(0, 2)
    stderr.seek(max(0, stderr.tell() - _LAST_BYTES))
    lines = [line for line in stderr.read().splitlines() if line.strip()]
    return f" Its last output: {clean_line(_redactor(entry).redact(lines[-1]), _LONGEST_REASON)}" if lines else ""


def _name_of(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
