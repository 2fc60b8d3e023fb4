"""Every entry of this server in the clients of one machine."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.installation import configuration_file
from mogplex_mcp.installation.clients import CLIENTS, Client
from mogplex_mcp.installation.entry import Started, started_by
from mogplex_mcp.installation.errors import InstallationError
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.plan import entries_in


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
        problem: Why it does not work; None if nothing is known against it.
        is_off: Whether it is switched off in the client.
    """

    client: Client
    scope: str
    path: Path
    name: str = ""
    command: str = ""
    args: tuple[str, ...] = ()
    environment: Mapping[str, Secret] = field(default_factory=dict)
    problem: str | None = None
    is_off: bool = False

    @property
    def remedy(self) -> str:
        """What to do if it does not work; "" for a file that cannot be read, since its problem says it."""
        if not self.name:
            return ""
        if self.is_off:
            return f"Switch it on in {self.client.title}."
        scope = "" if self.scope == "user" else f" --scope {self.scope}"
        name = "" if self.name == "mogplex" else f" --name {shlex.quote(self.name)}"
        return f"Run `mogplex-mcp install {self.client.name}{scope}{name}` to write it anew."


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
            yield InstalledEntry(
                client,
                scope,
                path,
                name,
                started.command,
                started.args,
                started.environment,
                _problem(machine, started),
                started.is_off,
            )


def _problem(machine: Machine, started: Started) -> str | None:
    if started.is_off:
        return "It is switched off."
    if not Path(started.command).is_absolute():
        return f"{started.command} is found only where the client has your shell's PATH."
    if not Path(started.command).exists():
        return f"{machine.shown(Path(started.command))} is not there any more."
    return None
