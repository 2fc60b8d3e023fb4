"""Edit one value of a YAML text and nothing else.

`ruamel.yaml` parses it, with the positions of all keys, and writes values. Where mappings are written with a line for
each key, the lines of one are replaced here, since it would also change blanks of other lines.
"""

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
    document = holder = _load(text)
    for depth, name in enumerate(path[:-1]):
        if not isinstance(holder, dict) or holder.get(name) is None:
            return put(text, path[: depth + 1], _nested(path[depth + 1 :], value))
        if not isinstance(holder[name], dict):
            raise InstallationError(f"{name} has to be a mapping")
        holder = holder[name]
    end = "\r\n" if "\r\n" in text else "\n"
    if document is None:
        return text + ("" if not text or text.endswith("\n") else end) + render({path[-1]: value}).replace("\n", end)
    if not _is_block(holder):
        holder[path[-1]] = value
        return _dump(document, text)
    lines = text.splitlines(keepends=True)
    exists = path[-1] in holder
    first, last = _block(lines, holder, path[-1] if exists else list(holder)[-1])
    column = _column(holder)
    new = [" " * column + line + end for line in render({path[-1]: value}).splitlines()]
    lines[last - 1] = lines[last - 1].rstrip("\r\n") + end
    return "".join([*lines[: first if exists else last], *new, *lines[last:]])


def remove(text: str, path: Sequence[str]) -> str:
    """Return the text without the value at a path, which has to exist, and without parents that have no other."""
    document = holder = _load(text)
    for name in path[:-1]:
        holder = holder[name]
    if not _is_block(holder):
        del holder[path[-1]]
        return _dump(document, text)
    if len(holder) == 1 and len(path) > 1:
        return remove(text, path[:-1])
    lines = text.splitlines(keepends=True)
    first, last = _block(lines, holder, path[-1])
    return "".join([*lines[:first], *lines[last:]])


def foreign_comments(text: str, path: Sequence[str]) -> list[str]:
    """Return all comments except those in the value at a path."""
    document = _load(text)
    holder = document
    for name in path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    lines = text.splitlines()
    has_block = isinstance(holder, dict) and _is_block(holder) and path[-1] in holder
    first, last = _block(lines, holder, path[-1]) if has_block else (0, 0)
    return [
        match.group(1).rstrip()
        for number, line in enumerate(lines)
        if not first <= number < last and (match := _COMMENT.match(line))
    ]


def render(value: Any) -> str:
    """Format a value."""
    return _dump(value, "")


def _nested(path: Sequence[str], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


def _is_block(holder: Any) -> bool:
    """Whether a mapping is written with a line for each key, and has one."""
    return bool(holder) and not holder.fa.flow_style()


def _column(holder: Any) -> int:
    return int(holder.lc.key(next(iter(holder)))[1])


def _block(lines: Sequence[str], holder: Any, name: str) -> tuple[int, int]:
    """Return the first line of a key of a block mapping, and the one after the last line of its value."""
    first, column = holder.lc.key(name)
    last = first + 1
    for number in range(first + 1, len(lines)):
        line = lines[number].strip()
        indent = len(lines[number]) - len(lines[number].lstrip(" "))
        # A list may begin in the column of its key.
        if line and (indent < column or (indent == column and not line.startswith("- "))):
            break
        if line and (indent > column or line.startswith("- ")):
            last = number + 1
    return first, last


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
