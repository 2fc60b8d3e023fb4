"""`mogplex-mcp install`: add this server to MCP clients, remove it, or list where it is installed."""

import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mogplex_mcp.cli.agreement import is_at_terminal, may_write
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.installation import InstallationError, configuration_file
from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.clients import CLIENTS, client_named
from mogplex_mcp.installation.difference import printable
from mogplex_mcp.installation.entry import snippet_for
from mogplex_mcp.installation.installed import LOST, installed_entries, lost_entries
from mogplex_mcp.installation.launch import Installation, Launch, server_options
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.plan import Plan, plan_installation, plan_removal
from mogplex_mcp.installation.running import is_running
from mogplex_mcp.installation.shell import with_variables
from mogplex_mcp.installation.wsl import started_from_windows, windows_machine

# Clients prefix the names of tools with it, and those have a maximum length.
_STYLES: Final = {"+": "green", "-": "red"}
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


async def install(settings: Settings, given: Namespace) -> int:
    """List installations, or change those of the named clients."""
    try:
        machine = _machine(settings, given)
        clients = _selected_clients(machine, given)
        if not given.remove:
            _check_tools(settings)
    except (InstallationError, SettingsError) as error:
        say(f"mogplex-mcp: {error}")
        return ExitCode.USAGE
    if not clients:
        return _show_installed(machine, everything=given.all)
    notes: list[str] = []
    try:
        launch = Launch("")
        if given.print or not given.remove:
            launch, notes = _launch(settings, given, machine)
    except InstallationError as error:
        say(f"mogplex-mcp: {error}")
        return ExitCode.FAILURE
    if given.print:
        for client in clients:
            path = machine.configuration(client, given.scope)
            say(f"{client.title}: {path or 'no configuration of the scope ' + given.scope}")
            _print(snippet_for(client, launch, given.name))
        for note in notes:
            _warn(f"Note: {note}")
        return ExitCode.OK
    plans, failed = _plans(machine, clients, launch, given)
    _show_changes(machine, plans, given)
    for note in filter(None, (launch.note, *notes)) if plans else ():
        _warn(f"Note: {note}")
    return await _carry_out(settings, given, machine, plans, failed=failed)


async def _carry_out(
    settings: Settings, given: Namespace, machine: Machine, plans: Sequence[Plan], *, failed: bool
) -> int:
    """Write what was shown, if the user agrees."""
    plans, refused = _without_running(machine, plans, given)
    if changing := sum(plan.changes for plan in plans):
        agreed = await may_write(files=changing, assume_yes=given.yes)
        if agreed is not ExitCode.OK:
            _print("Nothing was changed.")
            return agreed
    failed |= _write_files(machine, plans, given) or refused
    if not given.remove and changing and not settings.demo:
        _print_token_advice(settings)
    return ExitCode.FAILURE if failed else ExitCode.OK


def _machine(settings: Settings, given: Namespace) -> Machine:
    machine = Machine.this(settings)
    if not given.wsl:
        return machine
    if given.scope != "user":
        raise InstallationError("--wsl is for your own entries on Windows (--scope user).")
    return windows_machine(machine)


def _check_tools(settings: Settings) -> None:
    """Refuse what the server would refuse.

    Raises:
        SettingsError: The settings name a tool or toolset that does not exist; the message names the nearest.
    """
    if settings.toolsets or settings.tools or settings.exclude_tools:
        from mogplex_mcp.toolkit.tool_selection import select  # noqa: PLC0415 - slow to import, and rarely needed
        from mogplex_mcp.tools.catalog import TOOLSETS  # noqa: PLC0415 - the same

        select(
            TOOLSETS,
            wanted_toolsets=settings.toolsets,
            wanted_tools=settings.tools,
            excluded_tools=settings.exclude_tools,
        )


def _selected_clients(machine: Machine, given: Namespace) -> list[Client]:
    if not _NAME.fullmatch(given.name):
        raise InstallationError(f"--name: write up to 32 letters, digits, - and _, not {given.name!r}.")
    named = [client_named(name) for name in given.clients]
    found = [client for client in CLIENTS if machine.has(client)] if given.all else []
    return list(dict.fromkeys([*named, *found]))


def _launch(settings: Settings, given: Namespace, machine: Machine) -> tuple[Launch, list[str]]:
    """Return the command of the entries, and notes about what they take over from this shell."""
    here = Installation.this(machine.home)
    launch = here.launch(server_options(settings, vars(given)))
    launch, notes = with_variables(launch, settings, vars(given), has_keyring=here.has_keyring)
    return started_from_windows(launch, machine.folders) if given.wsl else launch, notes


def _plans(machine: Machine, clients: Sequence[Client], launch: Launch, given: Namespace) -> tuple[list[Plan], bool]:
    """Return the plans, and whether one could not be made."""
    plans, failed = [], False
    for client in clients:
        for path in machine.configurations(client, given.scope) or (None,):
            try:
                plans.append(
                    plan_removal(machine, client, given.scope, given.name, force=given.force, path=path)
                    if given.remove
                    else plan_installation(
                        machine,
                        client,
                        given.scope,
                        given.name,
                        launch,
                        force=given.force,
                        drop_token=given.drop_token,
                        path=path,
                    )
                )
            except InstallationError as error:
                _warn(f"{client.title}: {error}")
                failed = True
    return plans, failed


def _show_changes(machine: Machine, plans: Sequence[Plan], given: Namespace) -> None:
    for plan in plans:
        where = machine.shown(plan.file.path)
        if plan.changes:
            _print(f"{plan.client.title}: {where}")
            for line in plan.difference:
                _print(f"  {line}", style=_STYLES.get(line[:1], ""))
        elif given.remove:
            _print(f'{plan.client.title}: there is no entry "{plan.name}" in {where}')
        else:
            _print(f"{plan.client.title}: already installed in {where}")
        for note in plan.notes:
            _warn(f"  Note: {note}")


def _without_running(machine: Machine, plans: Sequence[Plan], given: Namespace) -> tuple[list[Plan], bool]:
    """Return the plans without those whose client runs and would undo them, and whether there were any.

    At a terminal the user is asked to quit the client, and can do so before the question is answered.
    """
    running = {plan.client for plan in plans if plan.changes and is_running(plan.client, machine.platform)}
    for client in running:
        _warn(
            f"{client.title} is running and would overwrite its file from memory: quit it (in the menu bar or tray, "
            "not only its window) before you go on."
        )
    if given.force or (is_at_terminal() and not given.yes):
        return list(plans), False
    return [plan for plan in plans if plan.client not in running], bool(running)


def _write_files(machine: Machine, plans: Sequence[Plan], given: Namespace) -> bool:
    """Write the changes; return whether one could not be written."""
    failed = False
    for plan in plans:
        if not plan.changes:
            continue
        try:
            now = datetime.now().astimezone()
            backup = configuration_file.write(plan.file, plan.text, now, private=plan.scope != "project")
        except InstallationError as error:
            _warn(f"{plan.client.title}: {error}")
            failed = True
            continue
        saved = f" The previous version is {backup.name} in the same folder." if backup else ""
        done = "removed from" if given.remove else "installed in"
        _print(f"{plan.client.title}: {done} {machine.shown(plan.file.path)}.{saved}")
        if not given.remove:
            _print(f"  {plan.client.restart}")
    return failed


def _print_token_advice(settings: Settings) -> None:
    from mogplex_mcp.credentials.sources import find_token  # noqa: PLC0415 - slow to import, and rarely needed

    found = find_token(settings)
    if found.token is None:
        _print("Now run `mogplex-mcp login`: there is no token yet.")
    elif settings.api_key:
        _print("Now run `mogplex-mcp login`: your token is set in this shell's environment, which clients may not see.")
    else:
        _print('Then ask your agent to "check the Mogplex connection".')


def _show_installed(machine: Machine, *, everything: bool) -> int:
    entries = installed_entries(machine)
    width = max(len(client.name) for client in CLIENTS)
    for client in CLIENTS:
        own = [entry for entry in entries if entry.client is client]
        path = machine.configuration(client, "user")
        for entry in own:
            state = f'installed as "{entry.name}"' if entry.name else "cannot be read"
            scope = "" if entry.scope == "user" else f", for this project ({entry.scope})"
            _print(f"{client.name:{width}}  {state} in {machine.shown(entry.path)}{scope}")
            if entry.problem:
                _print(f"{'':{width}}  {' '.join(filter(None, [entry.problem, entry.remedy]))}")
        if not own and machine.has(client) and path:
            _print(f"{client.name:{width}}  found, not installed in {machine.shown(path)}")
        elif not own:
            _print(f"{client.name:{width}}  not found")
    for client, path in lost_entries(machine):
        _print(f"{client.name:{width}}  {client.title} {LOST} {machine.shown(path)}")
    if machine.is_wsl:
        _print("This is WSL: programs on Windows have files of their own: add --wsl, or run this in PowerShell.")
    if everything and not any(machine.has(client) for client in CLIENTS):
        say("No client was found. Name one to see what is missing: mogplex-mcp install cursor")
        return ExitCode.FAILURE
    _print(
        "\nTo install: mogplex-mcp install NAME… (or --all for all clients found). "
        "Add --print to see the entry without writing it."
    )
    return ExitCode.OK


def _warn(text: str) -> None:
    say(printable(text))


def _print(text: str, *, style: str = "") -> None:
    """Print a line to stdout; characters that its encoding lacks become question marks.

    Args:
        text: The line.
        style: Its colour at a terminal.
    """
    encoding = sys.stdout.encoding or "utf-8"
    line = printable(text).encode(encoding, "replace").decode(encoding)
    if style and sys.stdout.isatty():
        from mogplex_mcp.cli.terminal.output import Output  # noqa: PLC0415 - slow to import

        Output(as_json=False).line(line, style=style)
    else:
        print(line, flush=True)  # noqa: T201 - the output of the command
