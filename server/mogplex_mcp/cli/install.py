"""`mogplex-mcp install`: add this server to MCP clients, remove it, or list where it is installed."""

import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import anyio

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL, web_url
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.installation import InstallationError, configuration_file
from mogplex_mcp.installation.clients import CLIENTS, Client, client_named
from mogplex_mcp.installation.difference import difference, printable
from mogplex_mcp.installation.entry import snippet_for
from mogplex_mcp.installation.installed import installed_entries
from mogplex_mcp.installation.launch import Installation, Launch, server_options
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.plan import Plan, plan_installation, plan_removal

# Clients prefix the names of tools with it, and those have a maximum length.
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


async def install(settings: Settings, given: Namespace) -> int:
    """List installations, or change those of the named clients."""
    try:
        machine = Machine.this(settings)
        clients = _selected_clients(machine, given)
    except InstallationError as error:
        say(f"mogplex-mcp: {error}")
        return ExitCode.USAGE
    if not clients:
        return _show_installed(machine, everything=given.all)
    try:
        launch = Launch("") if given.remove and not given.print else _launch(settings, given, machine)
    except InstallationError as error:
        say(f"mogplex-mcp: {error}")
        return ExitCode.FAILURE
    if given.print:
        for client in clients:
            path = machine.configuration(client, given.scope)
            say(f"{client.title}: {path or 'no configuration of the scope ' + given.scope}")
            _print(snippet_for(client, launch, given.name))
        return ExitCode.OK
    plans, failed = _plans(machine, clients, launch, given)
    if not await _confirm_changes(machine, plans, given):
        _print("Nothing was changed.")
        return ExitCode.FAILURE
    if plans:
        for note in filter(None, (launch.note, "" if given.remove else _url_note(settings, given))):
            _warn(f"Note: {note}")
    failed |= _write_files(machine, plans, given)
    if not given.remove and any(plan.changes for plan in plans) and not settings.demo:
        _print_token_advice(settings)
    return ExitCode.FAILURE if failed else ExitCode.OK


def _selected_clients(machine: Machine, given: Namespace) -> list[Client]:
    if not _NAME.fullmatch(given.name):
        raise InstallationError(f"--name: write up to 32 letters, digits, - and _, not {given.name!r}.")
    named = [client_named(name) for name in given.clients]
    found = [client for client in CLIENTS if machine.has(client)] if given.all else []
    return list(dict.fromkeys([*named, *found]))


def _launch(settings: Settings, given: Namespace, machine: Machine) -> Launch:
    return Installation.this(machine.home).launch(server_options(settings, vars(given)))


def _plans(machine: Machine, clients: Sequence[Client], launch: Launch, given: Namespace) -> tuple[list[Plan], bool]:
    """Return the plans, and whether one could not be made."""
    plans, failed = [], False
    for client in clients:
        try:
            plans.append(
                plan_removal(machine, client, given.scope, given.name, force=given.force)
                if given.remove
                else plan_installation(machine, client, given.scope, given.name, launch, force=given.force)
            )
        except InstallationError as error:
            _warn(f"{client.title}: {error}")
            failed = True
    return plans, failed


async def _confirm_changes(machine: Machine, plans: Sequence[Plan], given: Namespace) -> bool:
    """Show the changes, and ask for confirmation on a terminal."""
    changing = [plan for plan in plans if plan.changes]
    for plan in plans:
        where = machine.shown(plan.file.path)
        if plan.changes:
            _print(f"{plan.client.title}: {where}")
            for line in difference(plan.file.text, plan.text):
                _print(f"  {line}")
        elif given.remove:
            _print(f'{plan.client.title}: there is no entry "{plan.name}" in {where}')
        else:
            _print(f"{plan.client.title}: already installed in {where}")
        for note in plan.notes:
            _warn(f"  Note: {note}")
    if not changing or given.yes or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    files = "this file" if len(changing) == 1 else f"these {len(changing)} files"
    sys.stdout.write(f"Write {files}? [y/N] ")
    sys.stdout.flush()
    if sys.platform != "win32":
        await anyio.wait_readable(sys.stdin)  # so that Ctrl-C interrupts it
    return sys.stdin.readline().strip().lower() in ("y", "yes")


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


def _url_note(settings: Settings, given: Namespace) -> str:
    """Return a note about an address that is set in this shell only; "" if there is none."""
    if settings.base_url == DEFAULT_BASE_URL or "base_url" in given:
        return ""
    url = web_url(settings.base_url)
    return f"MOGPLEX_URL is set in this shell, and clients may not see it: add --url {url} to write it into the entry."


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


def _print(text: str) -> None:
    """Print a line to stdout; characters that its encoding lacks become question marks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(printable(text).encode(encoding, "replace").decode(encoding), flush=True)  # noqa: T201 - the output of the command
