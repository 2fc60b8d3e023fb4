"""Every entry of this server in the clients of one machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mogplex_mcp.installation import configuration_file
from mogplex_mcp.installation.clients import CLIENTS, Client
from mogplex_mcp.installation.entry import Started, started_by
from mogplex_mcp.installation.errors import InstallationError
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.plan import entries_in
from mogplex_mcp.secret import Secret


@dataclass(frozen=True)
class InstalledEntry:
    """One entry, or a configuration that cannot be read.

    Attributes:
        client: Whose.
        scope: user, project or local.
        path: The file.
        name: Of the entry; "" for a file that cannot be read.
        command: What the client starts.
        args: What that is given.
        environment: Variables that it is given.
        problem: Why it does not work, with what to do; None if nothing is known against it.
    """

    client: Client
    scope: str
    path: Path
    name: str = ""
    command: str = ""
    args: tuple[str, ...] = ()
    environment: Mapping[str, Secret] = field(default_factory=dict)
    problem: str | None = None


def installed_entries(machine: Machine) -> list[InstalledEntry]:
    """Every entry of this server, in the order of clients and scopes; starts nothing and changes nothing."""
    return [entry for client in CLIENTS for scope in client.scopes for entry in _entries(machine, client, scope)]


def _entries(machine: Machine, client: Client, scope: str) -> Iterator[InstalledEntry]:
    path = machine.configuration(client, scope)
    if path is None or (scope == "project" and path == machine.configuration(client, "user")):
        return
    try:
        entries = entries_in(machine, client, scope, configuration_file.read(path))
    except InstallationError as error:
        if scope != "local":  # the same file as the user's, and said already
            yield InstalledEntry(client, scope, path, problem=str(error))
        return
    for name, entry in entries.items():
        started = started_by(client, entry)
        if started.options is not None:
            problem = _problem(machine, client, name, started)
            yield InstalledEntry(client, scope, path, name, started.command, started.args, started.environment, problem)


def _problem(machine: Machine, client: Client, name: str, started: Started) -> str | None:
    again = f"run `mogplex-mcp install {client.name}" + ("" if name == "mogplex" else f" --name {name}") + "`"
    if started.is_off:
        return f"It is switched off in {client.title}."
    if not Path(started.command).is_absolute():
        return f"{started.command} is found only where the client has your shell's PATH: {again} for a whole path."
    if not Path(started.command).exists():
        return f"{machine.shown(Path(started.command))} is not there any more: {again}."
    return None
