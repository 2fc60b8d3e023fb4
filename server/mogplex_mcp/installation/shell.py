"""Settings and variables that this shell has and a client may not have: what of them goes into an entry."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mogplex_mcp.config.environment import KEYRING_VARIABLES, has_credentials
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.installation.launch import Launch

_DEFAULTS = Settings()


def with_variables(
    launch: Launch, settings: Settings, given: Mapping[str, Any], *, has_keyring: bool
) -> tuple[Launch, list[str]]:
    """Return a launch with the variables of this shell, and notes about each of them.

    Args:
        launch: The command of an entry.
        settings: The settings of this shell.
        given: The parsed command line, by setting: what is there is among the options of the command already.
        has_keyring: Whether a token can be in the keyring.
    """
    notes, variables = [], {}
    for option in OPTIONS:
        text, variable = settings.from_shell.get(option.setting), option.environment[0]
        value = getattr(settings, option.setting)
        if text is None or option.commands or given.get(option.setting) is not None or not option.flag:
            continue
        if value == getattr(_DEFAULTS, option.setting):
            continue
        if option.widens:
            notes.append(f"{variable} is set in this shell only: add --{option.flag} to write it into the entry.")
            continue
        variables[variable] = str(value.absolute()) if isinstance(value, Path) else text
        notes.append(f"{variable} is set in this shell, which clients may not see: it is written into the entry.")
    found = {name: value for name, value in settings.forwarded.items() if has_keyring or name not in KEYRING_VARIABLES}
    secret = {name for name, value in found.items() if has_credentials(value)}
    notes += [
        f"{name} contains a password, so it is not written: set it where the client gets its environment from."
        if name in secret
        else f"{name} is set in this shell, which clients may not see: the entry passes it on."
        for name in found
    ]
    forwarded = {name: value for name, value in found.items() if name not in secret}
    return replace(launch, variables=variables, forwarded=forwarded, hidden=tuple(sorted(secret))), notes
