"""Plans of an installation or a removal in one client's configuration, made without writing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mogplex_mcp.installation import InstallationError, configuration_file
from mogplex_mcp.installation.clients import Client
from mogplex_mcp.installation.configuration_file import ConfigurationFile
from mogplex_mcp.installation.document import FORMATS, find, put_entry, remove_entry
from mogplex_mcp.installation.entry import entry_for, parse_entry
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.machine import Machine


@dataclass(frozen=True)
class Plan:
    """A planned change of one file.

    Attributes:
        client: The client that it belongs to.
        scope: user, project or local.
        name: The name of the entry.
        file: The file before the change.
        text: The content after it.
        notes: Hints for the user.
    """

    client: Client
    scope: str
    name: str
    file: ConfigurationFile
    text: str
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the file would change."""
        return self.text != self.file.text


def plan_installation(
    machine: Machine, client: Client, scope: str, name: str, launch: Launch, *, force: bool = False
) -> Plan:
    """Plan to write the entry, or to update it.

    Other fields of an entry of this server stay, and so do its options unless new ones are given.

    Args:
        machine: The user's paths.
        client: The client to install in.
        scope: user, project or local.
        name: The name of the entry.
        launch: The command of the entry.
        force: Allow a client that was not found, a file of another user, and replacing another server.

    Raises:
        InstallationError: It is not possible; the message has the remedy.
    """
    path = _path(machine, client, scope)
    if scope != "project" and not force and not machine.has(client):
        raise InstallationError(
            f"{client.title} was not found: {machine.shown(path.parent)} does not exist. "
            "Install it and start it once, or add --force to write the file anyway."
        )
    file, entries = _read(machine, client, scope, path, force=force)
    entries_path = machine.entries(client, scope)
    existing = entries.get(name)
    parsed = parse_entry(client, existing)
    if existing is not None and parsed.options is None and not force:
        raise InstallationError(
            f'{path} has an entry "{name}" already, for another server: '
            "choose another name with --name, or add --force to replace it."
        )
    kept = "" if launch.options else " ".join(parsed.options or ())
    launch = replace(launch, options=launch.options or parsed.options or ())
    entry = entry_for(client, launch)
    try:
        text = put_entry(client.format, file.text, [*entries_path, name], entry, whole=parsed.options is None)
    except InstallationError as error:
        raise InstallationError(f"{path}: {error}. Nothing was changed.") from None
    notes = [client.note, *_others(client, entries, name)]
    if kept and text != file.text:
        notes.append(f"It keeps its options: {kept}. To drop them, --remove it first.")
    if any(variable.value.startswith("mog_") for variable in parsed.environment.values()):
        notes.append("The entry contains a token; after `mogplex-mcp login` it needs none.")
    if parsed.is_disabled and "enabled" not in entry:
        notes.append(f"The entry is disabled in {client.title}.")
    if scope == "project":
        notes.append(
            f"{path.name} is shared by all who work on {machine.project.name}, but the command is on this machine: "
            "others have to run this too."
        )
    return Plan(client, scope, name, file, text, tuple(note for note in notes if note))


def plan_removal(machine: Machine, client: Client, scope: str, name: str, *, force: bool = False) -> Plan:
    """Plan to remove the entry; without one, the plan changes nothing.

    Raises:
        InstallationError: It is not possible; the message has the remedy.
    """
    path = _path(machine, client, scope)
    file, entries = _read(machine, client, scope, path, force=force)
    others = tuple(_others(client, entries, name))
    if name not in entries:
        return Plan(client, scope, name, file, file.text, others)
    if parse_entry(client, entries[name]).options is None and not force:
        raise InstallationError(
            f'{path} has an entry "{name}", but it starts another server: add --force to remove it anyway.'
        )
    try:
        text = remove_entry(client.format, file.text, [*machine.entries(client, scope), name])
    except InstallationError as error:
        raise InstallationError(f"{path}: {error}. Nothing was changed.") from None
    return Plan(client, scope, name, file, text, others)


def entries_in(machine: Machine, client: Client, scope: str, file: ConfigurationFile) -> dict[str, Any]:
    """Return the entries of a configuration, by name.

    Raises:
        InstallationError: It can't be parsed.
    """
    entries_path = machine.entries(client, scope)
    try:
        found = find(FORMATS[client.format].read(file.text), entries_path)
    except InstallationError as error:
        raise InstallationError(
            f"{file.path} isn't valid {client.format.upper()}: {error}. Nothing was changed; repair it in an editor."
        ) from None
    if found is not None and not isinstance(found, dict):
        raise InstallationError(f'{file.path}: "{entries_path[-1]}" has to be an object: repair it in an editor.')
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
        other for other, entry in entries.items() if other != name and parse_entry(client, entry).options is not None
    ]
    return [f'This server also has the entry "{other}": each entry starts its own server.' for other in others]
