"""The entries of this server in the clients of one machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.installation import InstallationError, configuration_file
from mogplex_mcp.installation.client import BOM, Client
from mogplex_mcp.installation.clients import CLIENTS
from mogplex_mcp.installation.entry import ServerCommand, parse_entry
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.plan import entries_in
from mogplex_mcp.installation.strictness import check_strictness

LOST: Final = "was installed, but the entry is gone from"


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
        forwarded: Names of variables that the client passes on.
        problem: Why it does not work; None if no problem is known.
        is_disabled: Whether it is disabled in the client.
        unreadable: Why the client can't read the file; "" if it can.
    """

    client: Client
    scope: str
    path: Path
    name: str = ""
    command: str = ""
    args: tuple[str, ...] = ()
    environment: Mapping[str, Secret] = field(default_factory=dict)
    forwarded: tuple[str, ...] = ()
    problem: str | None = None
    is_disabled: bool = False
    unreadable: str = ""

    @property
    def remedy(self) -> str:
        """Return what to do about the problem; "" for a file that can't be read, whose problem says it."""
        if not self.name:
            return ""
        if self.is_disabled:
            return f"Enable it in {self.client.title}."
        return f"Run `{self.install()}` to rewrite it." if self.problem != self.unreadable else ""

    def install(self, *options: str) -> str:
        """Return the command that writes the entry again."""
        scope = [] if self.scope == "user" else ["--scope", self.scope]
        name = [] if self.name in ("", "mogplex") else ["--name", f'"{self.name}"' if " " in self.name else self.name]
        return " ".join(["mogplex-mcp install", self.client.name, *scope, *name, *options])


def installed_entries(machine: Machine) -> list[InstalledEntry]:
    """Return the entries of this server, in the order of clients and scopes; start and change nothing."""
    return [
        entry
        for client in CLIENTS
        for scope in client.scopes
        for path in machine.configurations(client, scope)
        for entry in _entries(machine, client, scope, path)
    ]


def lost_entries(machine: Machine) -> list[tuple[Client, Path]]:
    """Return the clients, with their files, whose entry was written and is gone: they wrote the file from memory.

    The newest backup is from before the last change. If it has no entry of this server, that was an installation.
    """
    return [
        (client, path)
        for client in CLIENTS
        for path in machine.configurations(client, "user")
        if _is_lost(machine, client, path)
    ]


def _is_lost(machine: Machine, client: Client, path: Path) -> bool:
    try:
        newest = next(iter(configuration_file.backups(path)), None)
        return newest is not None and not any(
            parse_entry(client, entry).options is not None
            for one in (path, newest)
            for entry in entries_in(machine, client, "user", configuration_file.read(one)).values()
        )
    except (InstallationError, OSError):
        return False


def _entries(machine: Machine, client: Client, scope: str, path: Path) -> Iterator[InstalledEntry]:
    if scope == "project" and path in machine.configurations(client, "user"):
        return
    try:
        file = configuration_file.read(path)
        entries = entries_in(machine, client, scope, file)
    except InstallationError as error:
        if scope != "local":  # the same file as the user's, reported already
            yield InstalledEntry(client, scope, path, problem=str(error))
        return
    unreadable = _unreadable(client, file)
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
                parsed.forwarded,
                unreadable or _problem(machine, parsed),
                parsed.is_disabled,
                unreadable,
            )


def _unreadable(client: Client, file: configuration_file.ConfigurationFile) -> str:
    """Return why the client can't read a file that this program can; "" if it can."""
    try:
        check_strictness(client, file)
    except InstallationError as error:
        return str(error)
    if file.has_mark and BOM not in client.accepts:
        return f"{client.title} cannot read {file.path}: it begins with {BOM}; installing again removes it."
    return ""


def _problem(machine: Machine, parsed: ServerCommand) -> str | None:
    if parsed.is_disabled:
        return "It is disabled."
    if not Path(parsed.command).is_absolute():
        return f"{parsed.command} is only found if the client has your shell's PATH."
    if not Path(parsed.command).exists():
        return f"{machine.shown(Path(parsed.command))} does not exist any more."
    return None
