"""Edit one mapping of a YAML text and nothing else, with `ruamel.yaml`, which keeps comments, order and quotes."""

import io
import re
from collections.abc import Sequence
from typing import Any, Final

from mogplex_mcp.installation import InstallationError

_COMMENT: Final = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|[^"'#])*?(?:^|(?<=\s))(#.*)""")
_WIDEST: Final = 1_000_000


def read(text: str) -> dict[str, Any]:
    """Parse a text; an empty one is an empty mapping.

    Raises:
        InstallationError: It isn't YAML, or isn't a mapping; the message has the line, and nothing of the text.
    """
    value = _plain(_load(text))
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InstallationError("line 1: a mapping of names to values is expected")
    return value


def put(text: str, path: Sequence[str], value: Any) -> str:
    """Return the text with a value at a path; missing parents are created.

    Raises:
        InstallationError: A parent isn't a mapping.
    """
    read(text)
    document = _load(text)
    if document is None:
        for name in reversed(path):
            value = {name: value}
        return text.rstrip() + ("\n" if text.strip() else "") + render(value)
    holder = document
    for name in path[:-1]:
        if holder.get(name) is None:
            holder[name] = {}
        holder = holder[name]
        if not isinstance(holder, dict):
            raise InstallationError(f"{name} has to be a mapping")
    holder[path[-1]] = value
    return _dump(document, text)


def remove(text: str, path: Sequence[str]) -> str:
    """Return the text without the value at a path, which has to exist."""
    document = _load(text)
    holder = document
    for name in path[:-1]:
        holder = holder[name]
    del holder[path[-1]]
    return _dump(document, text)


def foreign_comments(text: str, path: Sequence[str]) -> list[str]:
    """Return all comments except those in the value at a path."""
    document = _load(text)
    first, last = _lines_of(document, path)
    lines = text.splitlines()
    return [
        match.group(1).rstrip()
        for number, line in enumerate(lines)
        if not first <= number < last and (match := _COMMENT.match(line))
    ]


def render(value: Any) -> str:
    """Format a value."""
    return _dump(value, "")


def _lines_of(document: Any, path: Sequence[str]) -> tuple[int, int]:
    """Return the first line of the value at a path, and the line after its last key; (0, 0) if there is none."""
    holder = document
    for name in path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or path[-1] not in holder:
        return 0, 0
    position: Any = getattr(holder, "lc")  # noqa: B009 - where ruamel.yaml keeps lines
    return position.key(path[-1])[0], _last_line(holder[path[-1]], position.value(path[-1])[0]) + 1


def _last_line(value: Any, line: int) -> int:
    position: Any = getattr(value, "lc", None)
    if isinstance(value, dict):
        return max([line, *(_last_line(one, position.value(name)[0]) for name, one in value.items())])
    if isinstance(value, list):
        return max([line, *(_last_line(one, position.item(number)[0]) for number, one in enumerate(value))])
    return line


def _load(text: str) -> Any:
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415 - slow to import, for few clients

    try:
        return _editor(text).load(text)
    except MarkedYAMLError as error:
        # Its own text quotes the line, which may hold a secret.
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InstallationError(f"{where}this isn't YAML") from None
    except (YAMLError, ValueError, RecursionError):
        raise InstallationError("this isn't YAML") from None


def _editor(text: str) -> Any:
    from ruamel.yaml import YAML  # noqa: PLC0415 - slow to import, and for few clients

    editor: Any = YAML(typ="rt")
    editor.preserve_quotes = True
    editor.width = _WIDEST
    editor.line_break = "\r\n" if "\r\n" in text else None
    # Lists below a key are indented or not: as in the text.
    indented = re.search(r"^( *)[^\s#-][^\n]*:[ ]*\r?\n\1( +)- ", text, re.MULTILINE)
    if indented:
        offset = len(indented.group(2))
        editor.indent(mapping=2, sequence=offset + 2, offset=offset)
    return editor


def _dump(value: Any, text: str) -> str:
    stream = io.StringIO(newline="")
    _editor(text).dump(value, stream)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value
