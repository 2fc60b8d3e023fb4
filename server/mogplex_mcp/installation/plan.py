"""Plans of an installation or a removal in one client's configuration, made without writing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mogplex_mcp.config.environment import is_placeholder, unquoted
from mogplex_mcp.config.options import OPTIONS, Option
from mogplex_mcp.core.nearest import did_you_mean
from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.installation import InstallationError, configuration_file
from mogplex_mcp.installation.client import BOM, Client
from mogplex_mcp.installation.configuration_file import ConfigurationFile
from mogplex_mcp.installation.difference import difference, shown_arguments
from mogplex_mcp.installation.document import FORMATS, find, put_entry, remove_entry
from mogplex_mcp.installation.entry import ServerCommand, entry_for, is_unfilled, parse_entry
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.strictness import check_strictness

TOKENS: Final = frozenset(name for option in OPTIONS if option.setting == "api_key" for name in option.environment)


@dataclass(frozen=True)
class Plan:
    """A planned change of one file.

    Attributes:
        client: The client that it belongs to.
        scope: user, project or local.
        name: The name of the entry.
        file: The file before the change.
        text: The content after it.
        difference: The change for display, without secrets.
        notes: Hints for the user.
    """

    client: Client
    scope: str
    name: str
    file: ConfigurationFile
    text: str
    difference: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the file would change; a byte order mark that the client refuses is left out."""
        return self.text != self.file.text or (self.file.has_mark and BOM not in self.client.accepts)


def plan_installation(
    machine: Machine,
    client: Client,
    scope: str,
    name: str,
    launch: Launch,
    *,
    force: bool = False,
    drop_token: bool = False,
    path: Path | None = None,
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
        drop_token: Take a token out of the entry; a placeholder for one is taken out in any case.
        path: The file; None for the client's main one.

    Raises:
        InstallationError: It is not possible; the message has the remedy.
    """
    path = path or _path(machine, client, scope)
    if scope != "project" and not force and not machine.has(client):
        *others, last = map(machine.shown, machine.traces(client))
        missing = f"neither {', '.join(others)} nor {last} exists" if others else f"{last} does not exist"
        below = " For a program on Windows, add --wsl or run this in PowerShell." if machine.is_wsl else ""
        raise InstallationError(
            f"{client.title} was not found: {missing}. "
            f"Install it and start it once, or add --force to write the file anyway.{below}"
        )
    file, entries, entry_path = _read(machine, client, scope, path, name, force=force)
    check_strictness(client, file)
    existing = entries.get(name)
    parsed = parse_entry(client, existing)
    if existing is not None and parsed.options is None and not force:
        raise InstallationError(
            f'{path} has an entry "{name}" already, for another server: '
            "choose another name with --name, or add --force to replace it."
        )
    given = launch.options
    launch = replace(launch, options=given or parsed.options or ())
    _check_precedence(path, launch)
    if not given:
        _check_options(path, launch.options)
    entry = entry_for(client, launch, name)
    if client.forwarded in entry:
        entry[client.forwarded] = list(dict.fromkeys([*parsed.forwarded, *entry[client.forwarded]]))
    dropped = [one for one in _droppable(client, parsed, drop_token=drop_token) if parsed.options is not None]
    try:
        text = put_entry(client.format, file.text, entry_path, entry, whole=parsed.options is None)
        for variable in dropped:
            text = remove_entry(client.format, text, [*entry_path, client.variables, variable])
    except InstallationError as error:
        raise InstallationError(f"{path}: {error}. Nothing was changed.") from None
    notes = [client.note if existing is None else "", *_others(client, entries, name)]
    notes += _option_notes(parsed, given) if text != file.text else []
    notes += _token_notes(parsed, dropped)
    if file.has_mark:
        notes.append("The byte order mark at its beginning is left out.")
    if parsed.is_disabled and not {"enabled", "disabled"} & set(entry):
        notes.append(f"The entry is disabled in {client.title}.")
    if scope == "project":
        notes.append(
            f"{path.name} is shared by all who work on {machine.project.name}, but the command is on this machine: "
            "others have to run this too."
        )
    return _plan(client, scope, entry_path, file=file, text=text, notes=[note for note in notes if note])


def plan_removal(
    machine: Machine, client: Client, scope: str, name: str, *, force: bool = False, path: Path | None = None
) -> Plan:
    """Plan to remove the entry; without one, the plan changes nothing.

    Raises:
        InstallationError: It is not possible; the message has the remedy.
    """
    path = path or _path(machine, client, scope)
    file, entries, entry_path = _read(machine, client, scope, path, name, force=force)
    others = tuple(_others(client, entries, name))
    if name not in entries:
        return Plan(client, scope, name, replace(file, has_mark=False), file.text, (), others)
    if parse_entry(client, entries[name]).options is None and not force:
        raise InstallationError(
            f'{path} has an entry "{name}", but it starts another server: add --force to remove it anyway.'
        )
    try:
        text = remove_entry(client.format, file.text, entry_path)
    except InstallationError as error:
        raise InstallationError(f"{path}: {error}. Nothing was changed.") from None
    return _plan(client, scope, entry_path, file=file, text=text, notes=others)


def entries_in(machine: Machine, client: Client, scope: str, file: ConfigurationFile) -> dict[str, Any]:
    """Return the entries of a configuration, by name.

    Raises:
        InstallationError: It can't be parsed.
    """
    return _entries(machine, client, scope, file)[0]


def _plan(
    client: Client, scope: str, entry_path: Sequence[str], *, file: ConfigurationFile, text: str, notes: Sequence[str]
) -> Plan:
    format_ = FORMATS[client.format]
    before, after = (find(format_.read(one), entry_path) for one in (file.text, text))
    shown = difference(client, entry_path, before, after) if text != file.text else []
    return Plan(client, scope, entry_path[-1], file, text, tuple(shown), tuple(notes))


def _entries(
    machine: Machine, client: Client, scope: str, file: ConfigurationFile
) -> tuple[dict[str, Any], tuple[str, ...]]:
    try:
        data = FORMATS[client.format].read(file.text)
    except InstallationError as error:
        raise InstallationError(
            f"{file.path} isn't valid {client.format.upper()}: {error}. Nothing was changed; repair it in an editor."
        ) from None
    entries_path = machine.entries(client, scope, data)
    found = find(data, entries_path)
    if found is not None and not isinstance(found, dict):
        raise InstallationError(f'{file.path}: "{entries_path[-1]}" has to be an object: repair it in an editor.')
    return found or {}, entries_path


def _path(machine: Machine, client: Client, scope: str) -> Path:
    path = machine.configuration(client, scope)
    if path is None:
        scopes = " or ".join(client.scopes)
        raise InstallationError(f"{client.title} has no configuration of the scope {scope}: use --scope {scopes}.")
    return path


def _read(
    machine: Machine, client: Client, scope: str, path: Path, name: str, *, force: bool
) -> tuple[ConfigurationFile, dict[str, Any], tuple[str, ...]]:
    """Return a file, its entries, and the path of one entry in it."""
    file = configuration_file.read(path)
    if not force:
        configuration_file.check_owner(file)
    entries, entries_path = _entries(machine, client, scope, file)
    return file, entries, (*entries_path, name)


def _check_precedence(path: Path, launch: Launch) -> None:
    """Refuse an option of the entry that would silently override a setting of the shell.

    Raises:
        InstallationError: There is one; the message has what to add.
    """
    for option in OPTIONS:
        variable = option.environment[0]
        value = launch.variables.get(variable)
        if value is not None and option.metavar and f"--{option.flag}" in launch.options:
            raise InstallationError(
                f"the entry in {path} has --{option.flag} already, which takes precedence over {variable} of this "
                f"shell: add --{option.flag} {value} to write that, or unset the variable."
            )


def _check_options(path: Path, options: Sequence[str]) -> None:
    """Refuse options of an entry that the server would refuse; names of tools are checked by the server only.

    Raises:
        InstallationError: One is unknown or has an invalid value; the message has the remedy.
    """
    by_flag = {f"--{option.flag}": option for option in OPTIONS if option.flag and not option.commands}
    words = iter(options)
    for word in words:
        flag, equals, text = word.partition("=")
        option = by_flag.get(flag)
        value = text if equals or not (option and option.metavar) else next(words, "")
        unknown = did_you_mean(flag, list(by_flag)) or "there is no such option."
        problem = _problem_of(option, value) if option else unknown
        if problem:
            raise InstallationError(
                f"the entry in {path} has {' '.join(shown_arguments([flag]))}, which the server refuses: "
                f"{without_keys(problem)} Give the right options, or --remove the entry first."
            )


def _problem_of(option: Option, text: str) -> str:
    """Return why a value of an option is invalid, as a sentence; "" if it is valid."""
    value = unquoted(text)
    try:
        if option.metavar and not is_placeholder(value):
            option.read(value)
    except ValueError as error:
        return f"{error}".rstrip(".") + "."
    return ""


def _droppable(client: Client, parsed: ServerCommand, *, drop_token: bool) -> list[str]:
    """Return the variables of tokens that are to be taken out of an entry."""
    held = {name: secret.value for name, secret in parsed.environment.items() if name in TOKENS}
    return [name for name, value in held.items() if drop_token or is_unfilled(client, value)]


def _option_notes(parsed: ServerCommand, given: Sequence[str]) -> list[str]:
    if not parsed.options or tuple(given) == parsed.options:
        return []
    options = " ".join(shown_arguments(parsed.options))
    if given:
        return [f"Its options are replaced: {options}."]
    return [f"It keeps its options: {options}. To drop them, --remove it first."]


def _token_notes(parsed: ServerCommand, dropped: Sequence[str]) -> list[str]:
    notes = [f"{name} is taken out of the entry; `mogplex-mcp login` stores a token for it." for name in dropped]
    if any(secret.value.startswith("mog_") for name, secret in parsed.environment.items() if name not in dropped):
        notes.append(
            "The entry contains a token; after `mogplex-mcp login` it needs none. Add --drop-token to take it out."
        )
    return notes


def _others(client: Client, entries: dict[str, Any], name: str) -> Sequence[str]:
    others = [
        other for other, entry in entries.items() if other != name and parse_entry(client, entry).options is not None
    ]
    return [f'This server also has the entry "{other}": each entry starts its own server.' for other in others]
