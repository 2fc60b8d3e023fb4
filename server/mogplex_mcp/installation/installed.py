"""The entries of this server in the clients of one machine."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.installation import InstallationError, configuration_file
from mogplex_mcp.installation.clients import CLIENTS, Client
from mogplex_mcp.installation.entry import ServerCommand, parse_entry
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.plan import entries_in


@dataclass(frozen=True)
class InstalledEntry:
    """An entry, or a configuration that can't be read.

    Attributes:
        client: The client that it belongs to.
        scope: user, project or local.
        path: The configuration file.
        name: The name of the entry; "" for a file that can't be read.
        command: The command that the client starts.
        args: Its arguments.
        environment: Its environment variables.
        problem: Why it does not work; None if no problem is known.
        is_disabled: Whether it is disabled in the client.
    """

    client: Client
    scope: str
    path: Path
    name: str = ""
    command: str = ""
    args: tuple[str, ...] = ()
    environment: Mapping[str, Secret] = field(default_factory=dict)
    problem: str | None = None
    is_disabled: bool = False

    @property
    def remedy(self) -> str:
        """Return what to do about the problem; "" for a file that can't be read, whose problem says it."""
        if not self.name:
            return ""
        if self.is_disabled:
            return f"Enable it in {self.client.title}."
        scope = "" if self.scope == "user" else f" --scope {self.scope}"
        name = "" if self.name == "mogplex" else f" --name {shlex.quote(self.name)}"
        return f"Run `mogplex-mcp install {self.client.name}{scope}{name}` to rewrite it."


def installed_entries(machine: Machine) -> list[InstalledEntry]:
    """Return the entries of this server, in the order of clients and scopes; start and change nothing."""
    return [entry for client in CLIENTS for scope in client.scopes for entry in _entries(machine, client, scope)]


def _entries(machine: Machine, client: Client, scope: str) -> Iterator[InstalledEntry]:
    path = machine.configuration(client, scope)
    if path is None or (scope == "project" and path == machine.configuration(client, "user")):
        return
    try:
        entries = entries_in(machine, client, scope, configuration_file.read(path))
    except InstallationError as error:
        if scope != "local":  # the same file as the user's, reported already
            yield InstalledEntry(client, scope, path, problem=str(error))
        return
    for name, entry in entries.items():
        parsed = parse_entry(client, entry)
        if parsed.options is not None:
            yield InstalledEntry(
                client,
                scope,
                path,
                name,
                parsed.command,
                parsed.args,
                parsed.environment,
                _problem(machine, parsed),
                parsed.is_disabled,
            )


def _problem(machine: Machine, parsed: ServerCommand) -> str | None:
    if parsed.is_disabled:
        return "It is disabled."
    if not Path(parsed.command).is_absolute():
        return f"{parsed.command} is only found if the client has your shell's PATH."
    if not Path(parsed.command).exists():
        return f"{machine.shown(Path(parsed.command))} does not exist any more."
    return None
