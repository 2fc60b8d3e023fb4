"""Changing one entry of a configuration, whatever its format, and making sure that nothing else changed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from mogplex_mcp.installation import json_text, toml_text
from mogplex_mcp.installation.errors import InstallationError


class Format(Protocol):
    """What `json_text` and `toml_text` have in common."""

    def read(self, text: str) -> dict[str, Any]:
        """What a text holds."""

    def put(self, text: str, path: Sequence[str], value: Any) -> str:
        """The text with a value at a path."""

    def remove(self, text: str, path: Sequence[str]) -> str:
        """The text without what is at a path."""

    def foreign_comments(self, text: str, path: Sequence[str]) -> list[str]:
        """All comments but those of the value at a path."""

    def render(self, value: Any) -> str:
        """A value as text."""


FORMATS: Final[Mapping[str, Format]] = {"json": json_text, "toml": toml_text}


def find(data: Any, path: Sequence[str]) -> Any:
    """The value at a path; None where there is none."""
    for name in path:
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data


def put_entry(kind: str, text: str, path: Sequence[str], entry: Mapping[str, Any], *, whole: bool) -> str:
    """The text with an entry at a path.

    Args:
        kind: A key of `FORMATS`.
        text: The configuration.
        path: Where the entry belongs, its name last.
        entry: Its fields.
        whole: Replace what is there; otherwise only the fields that differ are changed, and the others stay.

    Raises:
        InstallationError: It cannot be done, or not without a change of something else.
    """
    one = FORMATS[kind]
    there = find(one.read(text), path)
    if whole or not isinstance(there, dict):
        if isinstance(there, dict) and kind == "toml":
            text = remove_entry(kind, text, path)
        change = partial(_with, path=path, value=dict(entry))
        return _checked(one, text, path, change, one.put(text, path, dict(entry)))
    for name, value in entry.items():
        if name not in there or there[name] != value or type(there[name]) is not type(value):
            field = [*path, name]
            text = _checked(one, text, path, partial(_with, path=field, value=value), one.put(text, field, value))
    return text


def remove_entry(kind: str, text: str, path: Sequence[str]) -> str:
    """The text without the entry at a path.

    Raises:
        InstallationError: It cannot be done without a change of something else.
    """
    one = FORMATS[kind]
    return _checked(one, text, path, partial(_without, path=path), one.remove(text, path))


def _with(data: Any, path: Sequence[str], value: Any) -> Any:
    """A copy of the data with a value at a path; what is not on the way is shared."""
    if not path:
        return value
    data = data or {}
    return {**data, path[0]: _with(data.get(path[0]), path[1:], value)}


def _without(data: Any, path: Sequence[str]) -> Any:
    if len(path) == 1:
        return {name: value for name, value in data.items() if name != path[0]}
    return {**data, path[0]: _without(data[path[0]], path[1:])}


def _checked(one: Format, before: str, path: Sequence[str], change: Callable[[Any], Any], after: str) -> str:
    """The changed text, if it says what it should and no comment of others is lost."""
    expected = change(one.read(before))
    try:
        right = _without_empty(one.read(after), path) == _without_empty(expected, path)
        right = right and one.foreign_comments(before, path) == one.foreign_comments(after, path)
    except InstallationError:
        right = False
    if not right:
        raise InstallationError("it is written in a way that cannot be changed safely; change it in an editor")
    return after


def _without_empty(data: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The data without the table of entries if it is empty: in TOML it is gone with its last entry."""
    return _without(data, path[:-1]) if find(data, path[:-1]) == {} else data
