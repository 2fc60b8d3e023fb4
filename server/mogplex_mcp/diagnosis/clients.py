"""The clients: how long a call may take in which, and whether their entries of this server work."""

import shutil
import tempfile
from collections.abc import Sequence
from typing import IO, Final

import anyio

from mogplex_mcp.core.humanize import counted
from mogplex_mcp.diagnosis.finding import Finding, Status, Subject
from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.installed import InstalledEntry, installed_entries
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.reply.untrusted import clean_line
from mogplex_mcp.tenants.call_timeouts import CAP_SECONDS, DEFAULT_CAP_SECONDS

START_SECONDS: Final = 20.0
# More at a time would make each other slow, and that would be found as a fault.
_AT_A_TIME: Final = 2
_LONGEST_REASON: Final = 200
_LAST_BYTES: Final = 4_000


async def check_waits(subject: Subject) -> Sequence[Finding]:
    """The longest wait of a call, by client."""
    if subject.settings.max_wait is not None:
        fact = f"{subject.settings.max_wait:g} s in every client (MOGPLEX_MCP_MAX_WAIT)."
        return [Finding("waits", Status.OK, fact)]
    listed: dict[float, list[str]] = {}
    for client, seconds in CAP_SECONDS.items():
        listed.setdefault(seconds, []).append(client)
    parts = [f"{seconds:g} s in {', '.join(clients)}" for seconds, clients in listed.items()]
    learnt = subject.bridge.learnt.all()
    parts += [f"{seconds:.0f} s in {clean_line(client, 60)} (learnt)" for client, seconds in learnt.items()]
    fact = f"{DEFAULT_CAP_SECONDS:g} s; {'; '.join(parts)}."
    advice = "A wait that is cut is learnt from; MOGPLEX_MCP_MAX_WAIT sets another." if learnt else ""
    return [Finding("waits", Status.OK, fact, advice)]


async def check_entries(subject: Subject) -> Sequence[Finding]:
    """Every client's entry of this server, started as the client starts it and asked for its tools."""
    try:
        entries = installed_entries(Machine.this(subject.settings))
    except InstallationError as error:
        return [Finding("clients", Status.WARNING, str(error))]
    if not entries:
        advice = "`mogplex-mcp install` lists the clients and adds it."
        return [Finding("clients", Status.WARNING, "No client has an entry of this server.", advice)]
    findings: dict[int, Finding] = {}
    places = anyio.CapacityLimiter(_AT_A_TIME)

    async def check(number: int, entry: InstalledEntry) -> None:
        async with places:
            findings[number] = await _check_entry(entry)

    async with anyio.create_task_group() as tasks:
        for number, entry in enumerate(entries):
            tasks.start_soon(check, number, entry)
    return [findings[number] for number in range(len(entries))]


async def _check_entry(entry: InstalledEntry) -> Finding:
    name = f"client {entry.client.name}" + ("" if entry.scope == "user" else f" ({entry.scope})")
    where = f"{clean_line(entry.name, 40)} in {entry.path}"
    if not entry.name:
        advice = "Repair the file, or take it away: the client cannot read it either."
        return Finding(name, Status.FAILED, clean_line(entry.problem or "", _LONGEST_REASON), advice)
    remedy = clean_line(entry.remedy, _LONGEST_REASON)
    problem = f"{clean_line(entry.problem, _LONGEST_REASON)} {remedy}" if entry.problem else ""
    if entry.problem and shutil.which(entry.command) is None:
        return Finding(name, Status.FAILED, f"{where}: {clean_line(entry.problem, _LONGEST_REASON)}", remedy)
    if entry.scope == "project":
        # Whoever can write to the repository wrote it: to look at it must not run it.
        fact = f"{where}: not started, since a project's file can be anybody's."
        return Finding(name, Status.SKIPPED, fact, problem)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        started = anyio.current_time()
        try:
            with anyio.fail_after(START_SECONDS):
                tools = await _tools_of(entry, said)
        except TimeoutError:
            reason = f"it did not offer its tools within {START_SECONDS:g} seconds"
        except Exception as error:  # noqa: BLE001 - whatever a program of whatever kind does to the SDK's client
            reason = f"it ended before it offered its tools ({_name_of(error)})"
        else:
            fact = f"{where}: {counted(tools, 'tool')} after {anyio.current_time() - started:.1f} s."
            status = Status.WARNING if entry.problem else Status.OK
            return Finding(name, status, fact, problem or _token_advice(entry))
        words = _last_words(said)
    return Finding(name, Status.FAILED, f"{where}: {reason}.{words}", remedy)


async def _tools_of(entry: InstalledEntry, said: IO[str]) -> int:
    """How many tools a client would find. The process is gone when this returns, whatever it does."""
    import mcp_types  # noqa: PLC0415 - slow to import, and only for entries that are there
    from mcp import Client, StdioServerParameters, stdio_client  # noqa: PLC0415 - the same

    server = StdioServerParameters(
        command=entry.command,
        args=list(entry.args),
        env={name: secret.value for name, secret in entry.environment.items()},
    )
    me = mcp_types.Implementation(name="mogplex-mcp-doctor", version="1")
    async with Client(stdio_client(server, errlog=said), client_info=me) as client:  # type: ignore[arg-type] # any text file
        return len((await client.list_tools()).tools)


def _token_advice(entry: InstalledEntry) -> str:
    held = [name for name, secret in entry.environment.items() if "mog_" in secret.value]
    return f"It holds a token ({', '.join(held)}): after `mogplex-mcp login` it needs none." if held else ""


def _last_words(said: IO[str]) -> str:
    """The last line that a program wrote to stderr, which mostly says why it ended."""
    said.flush()
    said.seek(0, 2)
    said.seek(max(0, said.tell() - _LAST_BYTES))
    lines = [line for line in said.read().splitlines() if line.strip()]
    return f" It said: {clean_line(lines[-1], _LONGEST_REASON)}" if lines else ""


def _name_of(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
