"""Edit one entry of a configuration in JSON, TOML or YAML, and verify that nothing else changed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from mogplex_mcp.installation import InstallationError, json_text, toml_text, yaml_text


class Format(Protocol):
    """The common interface of `json_text`, `toml_text` and `yaml_text`."""

    def read(self, text: str) -> dict[str, Any]:
        """Parse a text."""

    def put(self, text: str, path: Sequence[str], value: Any) -> str:
        """Return the text with a value at a path."""

    def remove(self, text: str, path: Sequence[str]) -> str:
        """Return the text without the value at a path."""

    def foreign_comments(self, text: str, path: Sequence[str]) -> list[str]:
        """Return all comments except those inside the value at a path."""

    def render(self, value: Any) -> str:
        """Format a value as text."""


FORMATS: Final[Mapping[str, Format]] = {"json": json_text, "toml": toml_text, "yaml": yaml_text}


def find(data: Any, path: Sequence[str]) -> Any:
    """Return the value at a path; None if there is none."""
    for name in path:
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data


def put_entry(format_name: str, text: str, path: Sequence[str], entry: Mapping[str, Any], *, whole: bool) -> str:
    """Return the text with an entry at a path.

    Args:
        format_name: A key of `FORMATS`.
        text: The configuration.
        path: The path of the entry, its name last.
        entry: Its fields.
        whole: Replace the existing entry; otherwise only update the fields that differ, and keep the others.

    Raises:
        InstallationError: It is not possible, or not without changing something else.
    """
    format_ = FORMATS[format_name]
    existing = find(format_.read(text), path)
    if whole or not isinstance(existing, dict):
        if isinstance(existing, dict) and format_name == "toml":
            text = remove_entry(format_name, text, path)
        change = partial(_with_value, path=path, value=dict(entry))
        return _checked(format_, text, path, change, format_.put(text, path, dict(entry)))
    for name, value in entry.items():
        if isinstance(value, Mapping) and isinstance(existing.get(name), dict):
            text = put_entry(format_name, text, [*path, name], value, whole=False)
        elif name not in existing or existing[name] != value or type(existing[name]) is not type(value):
            field = [*path, name]
            text = _checked(
                format_, text, path, partial(_with_value, path=field, value=value), format_.put(text, field, value)
            )
    return text


def remove_entry(format_name: str, text: str, path: Sequence[str]) -> str:
    """Return the text without the entry at a path.

    Raises:
        InstallationError: It is not possible without changing something else.
    """
    format_ = FORMATS[format_name]
    return _checked(format_, text, path, partial(_without_value, path=path), format_.remove(text, path))


def _with_value(data: Any, path: Sequence[str], value: Any) -> Any:
    """Return a copy of the data with a value at a path; the rest is shared."""
    if not path:
        return value
    data = data or {}
    return {**data, path[0]: _with_value(data.get(path[0]), path[1:], value)}


def _without_value(data: Any, path: Sequence[str]) -> Any:
    if len(path) == 1:
        return {name: value for name, value in data.items() if name != path[0]}
    return {**data, path[0]: _without_value(data[path[0]], path[1:])}


def _checked(format_: Format, before: str, path: Sequence[str], change: Callable[[Any], Any], after: str) -> str:
    """Return the changed text if it parses to the expected data and no other comment is lost."""
    expected = change(format_.read(before))
    try:
        right = _without_empty(format_.read(after), path) == _without_empty(expected, path)
        right = right and format_.foreign_comments(before, path) == format_.foreign_comments(after, path)
    except InstallationError:
        right = False
    if not right:
        raise InstallationError("it is written in a way that can't be changed safely; change it in an editor")
    return after


def _without_empty(data: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return the data without an empty table of entries: in TOML it disappears with its last entry."""
    return _without_value(data, path[:-1]) if find(data, path[:-1]) == {} else data
