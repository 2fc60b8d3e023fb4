"""The change of an entry for display: nothing of other servers, and no secrets of this one.

A file may hold tokens of other programs under any name, on any line. So the lines shown are made from the entry alone,
and what is not known to be harmless is hidden in it.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mogplex_mcp.config.environment import FORWARDED, has_credentials
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.core.redaction import MARK
from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.document import FORMATS
from mogplex_mcp.installation.entry import parse_entry
from mogplex_mcp.installation.launch import options_in

_WIDEST: Final = 160
# Variables whose values can be shown: the settings that are also flags, and those handed on from the shell.
SHOWN_VARIABLES: Final = frozenset(
    [*FORWARDED, *(name for option in OPTIONS if option.flag for name in option.environment)]
)
_SHOWN_FLAGS: Final = frozenset(["-m", "--from", "--with", *(f"--{option.flag}" for option in OPTIONS if option.flag)])
# Fields that hold no free text. Values of all others are hidden.
_SHOWN_FIELDS: Final = frozenset({"type", "command", "cmd", "name", "source", "cwd", "env_vars", "env_keys", "tools"})

# Control characters, which a terminal would execute.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def difference(client: Client, path: Sequence[str], before: Any, after: Any) -> list[str]:
    """Return the lines of an entry with the prefix `+`, `-` or a space.

    Args:
        client: The client that the entry is for.
        path: Where the entries are in the file, with the name of this one last.
        before: The entry as it is; None if there is none.
        after: The entry as it will be; None if it is removed.
    """
    old, new = _lines(client, path, before), _lines(client, path, after)
    return [_shown(line) for line in difflib.ndiff(old, new) if not line.startswith("?")]


def printable(text: str) -> str:
    """Replace control characters by a visible mark."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def shown_arguments(value: Sequence[Any]) -> list[str]:
    """Return the words of a command line; the values of unknown options, which may be secrets, are hidden."""
    words = list(map(str, value))
    shown: list[str] = []
    for index, word in enumerate(words):
        before = words[index - 1] if index else ""
        harmless = word.startswith("-") or before in _SHOWN_FLAGS or options_in(word, ()) is not None
        shown.append(MARK if not harmless or "=" in word or has_credentials(word) else word)
    return shown


def _lines(client: Client, path: Sequence[str], entry: Any) -> list[str]:
    if entry is None:
        return []
    value: Any = _without_secrets(client, entry)
    for step in reversed(path):
        value = {step: value}
    lines = FORMATS[client.format].render(value).rstrip("\n").split("\n")
    around = {"json": len(path), "yaml": len(path) - 1}.get(client.format, 0)
    return lines[around : len(lines) - (around if client.format == "json" else 0)]


def _without_secrets(client: Client, entry: Any) -> Any:
    parsed = parse_entry(client, entry)
    if not isinstance(entry, dict) or parsed.options is None:
        return "(an entry of another server)"
    return {str(name): _without_secret(client, str(name), value) for name, value in entry.items()}


def _without_secret(client: Client, name: str, value: Any) -> Any:
    if name == client.variables and isinstance(value, Mapping):
        return {str(one): _variable(str(one), text) for one, text in value.items()}
    if name == "args":
        return shown_arguments(value) if isinstance(value, list) else MARK
    if name == client.command_field and isinstance(value, list):
        return [*value[:1], *shown_arguments(value[1:])]
    if isinstance(value, bool | int | float) or value in (None, [], {}):
        return value
    return value if name in _SHOWN_FIELDS and not has_credentials(str(value)) else MARK


def _variable(name: str, value: Any) -> Any:
    return value if name in SHOWN_VARIABLES and not has_credentials(str(value)) else MARK


def _shown(line: str) -> str:
    line = printable(line[0] + line[2:])
    return line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…"
