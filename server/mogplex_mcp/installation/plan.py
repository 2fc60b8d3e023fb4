"""What an installation or a removal would change in one client's configuration; nothing is written yet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mogplex_mcp.installation import configuration_file
from mogplex_mcp.installation.clients import Client
from mogplex_mcp.installation.configuration_file import ConfigurationFile
from mogplex_mcp.installation.document import FORMATS, find, put_entry, remove_entry
from mogplex_mcp.installation.entry import entry_for, started_by
from mogplex_mcp.installation.errors import InstallationError
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.machine import Machine


@dataclass(frozen=True)
class Plan:
    """A change of one file.

    Attributes:
        client: Whose.
        scope: user, project or local.
        name: Of the entry.
        file: As it is.
        text: As it would be.
        notes: What the user should know of it.
    """

    client: Client
    scope: str
    name: str
    file: ConfigurationFile
    text: str
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether there is something to write."""
        return self.text != self.file.text


def plan_installation(
    machine: Machine, client: Client, scope: str, name: str, launch: Launch, *, force: bool = False
) -> Plan:
    """What writes the entry, or brings it up to date.

    What else stands in an entry of this server stays there, its options too where none are given now.

    Args:
        machine: Whose files.
        client: Which client.
        scope: user, project or local.
        name: Of the entry.
        launch: What it shall start.
        force: Also for a client that is not there, a file of another user, and in place of another server.

    Raises:
        InstallationError: It cannot be done, with what to do.
    """
    path = _path(machine, client, scope)
    if scope != "project" and not force and not machine.has(client):
        raise InstallationError(
            f"{client.title} was not found: there is no {machine.shown(path.parent)}. "
            "Install it and start it once, or add --force to write the file anyway."
        )
    file, entries = _read(machine, client, scope, path, force=force)
    step = machine.entries(client, scope)
    there = entries.get(name)
    started = started_by(client, there)
    if there is not None and started.options is None and not force:
        raise InstallationError(
            f'{path} has an entry "{name}" already, for something else: '
            "choose another name with --name, or add --force to replace it."
        )
    kept = "" if launch.options else " ".join(started.options or ())
    launch = replace(launch, options=launch.options or started.options or ())
    entry = entry_for(client, launch)
    try:
        text = put_entry(client.kind, file.text, [*step, name], entry, whole=started.options is None)
    except InstallationError as error:
        raise InstallationError(f"{path}: {error}. Nothing was changed.") from None
    notes = [client.note, *_others(client, entries, name)]
    if kept and text != file.text:
        notes.append(f"It keeps the options that it had: {kept}. To drop them, --remove it first.")
    if any(variable.value.startswith("mog_") for variable in started.environment.values()):
        notes.append("The entry has a token in it; after `mogplex-mcp login` it needs none.")
    if started.is_off and "enabled" not in entry:
        notes.append(f"The entry is switched off in {client.title}.")
    if scope == "project":
        notes.append(
            f"{path.name} is for everybody who works on {machine.project.name}, and the command is on this machine: "
            "others run this themselves."
        )
    return Plan(client, scope, name, file, text, tuple(note for note in notes if note))


def plan_removal(machine: Machine, client: Client, scope: str, name: str, *, force: bool = False) -> Plan:
    """What takes the entry out; nothing, if there is none.

    Raises:
        InstallationError: It cannot be done, with what to do.
    """
    path = _path(machine, client, scope)
    file, entries = _read(machine, client, scope, path, force=force)
    others = tuple(_others(client, entries, name))
    if name not in entries:
        return Plan(client, scope, name, file, file.text, others)
    if started_by(client, entries[name]).options is None and not force:
        raise InstallationError(
            f'{path} has an entry "{name}", but it starts something else: add --force to remove it nevertheless.'
        )
    try:
        text = remove_entry(client.kind, file.text, [*machine.entries(client, scope), name])
    except InstallationError as error:
        raise InstallationError(f"{path}: {error}. Nothing was changed.") from None
    return Plan(client, scope, name, file, text, others)


def entries_in(machine: Machine, client: Client, scope: str, file: ConfigurationFile) -> dict[str, Any]:
    """All servers in a configuration, by name.

    Raises:
        InstallationError: It cannot be read.
    """
    step = machine.entries(client, scope)
    try:
        found = find(FORMATS[client.kind].read(file.text), step)
    except InstallationError as error:
        raise InstallationError(
            f"{file.path} is no valid {client.kind.upper()}: {error}. Nothing was changed; repair it in an editor."
        ) from None
    if found is not None and not isinstance(found, dict):
        raise InstallationError(f'{file.path}: "{step[-1]}" has to be an object, and it is something else; repair it.')
    return found or {}


def _path(machine: Machine, client: Client, scope: str) -> Path:
    path = machine.configuration(client, scope)
    if path is None:
        scopes = " or ".join(client.scopes)
        raise InstallationError(f"{client.title} has no configuration of the scope {scope}: use --scope {scopes}.")
    return path


def _read(
    machine: Machine, client: Client, scope: str, path: Path, *, force: bool
) -> tuple[ConfigurationFile, dict[str, Any]]:
    file = configuration_file.read(path)
    if not force:
        configuration_file.check_owner(file)
    return file, entries_in(machine, client, scope, file)


def _others(client: Client, entries: dict[str, Any], name: str) -> Sequence[str]:
    others = [
        other for other, entry in entries.items() if other != name and started_by(client, entry).options is not None
    ]
    return [f'This server also stands there as "{other}": each entry starts a server of its own.' for other in others]
