"""Edit one table of a TOML text and nothing else.

`tomlkit` changes values and writes new ones. Tables are added and removed here: `tomlkit` assigns the comments between
two tables to the first one, so that removing it would lose them, and inserts a new table after the most similar one,
where it would take over the comment of the next one, or the values of a table with dotted names.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from mogplex_mcp.installation import InstallationError

_PIECE: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<end>\n)"
    r"|(?P<open>[\[{])"
    r"|(?P<close>[\]}])"
    r"|.",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A logical line: a header, a key with its value, a comment or an empty line.

    Attributes:
        start: Index of its first character.
        end: Index after its line end.
        table: The path of the table that it begins or belongs to.
        is_header: Whether it begins a table.
        is_value: Whether it is a key with a value.
        comments: The comments in it.
    """

    start: int
    end: int
    table: tuple[str, ...]
    is_header: bool
    is_value: bool
    comments: tuple[str, ...]


def read(text: str) -> dict[str, Any]:
    """Parse a text.

    Raises:
        InstallationError: It isn't TOML; the message has the line.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InstallationError(str(error)) from None


def put(text: str, path: Sequence[str], value: Any) -> str:
    """Return the text with a value at a path; a new table is added at the end.

    Raises:
        InstallationError: A parent isn't a table.
    """
    tables: Any = read(text)
    for name in path[:-1]:
        if not isinstance(tables.get(name, {}), dict):
            raise InstallationError(f"{name} has to be a table")
        tables = tables.get(name, {})
    if isinstance(value, dict) and path[-1] not in tables and not _is_inline(text, path[:-1]):
        return _append(text, path, value)
    if path[-1] not in tables and not isinstance(value, dict):
        lines = [one for one in _statements(text) if one.table == tuple(path[:-1]) and (one.is_header or one.is_value)]
        if lines:
            return _add_line(text, lines[-1].end, {path[-1]: value})
    document: Any = _parse(text)
    holder = document
    for name in path[:-1]:
        holder = holder[name]
    if isinstance(value, dict):
        inline = tomlkit.inline_table()
        inline.update(value)
        value = inline
    holder[path[-1]] = value
    return tomlkit.dumps(document)


def remove(text: str, path: Sequence[str]) -> str:
    """Return the text without the table at a path, which has to exist; comments before and after it stay."""
    statements = list(_statements(text))
    if not any(_is_within(one.table, path) for one in statements):
        document: Any = _parse(text)
        holder = document
        for name in path[:-1]:
            holder = holder[name]
        del holder[path[-1]]
        return tomlkit.dumps(document)
    remaining: list[str] = []
    for index, one in enumerate(statements):
        if not _belongs(statements, index, path):
            remaining.append(text[one.start : one.end])
        elif one.is_header and remaining and not remaining[-1].strip() and _is_gap(statements, index, path):
            remaining.pop()  # the empty line above
    return "".join(remaining)


def foreign_comments(text: str, path: Sequence[str]) -> list[str]:
    """Return all comments except those in the table at a path."""
    statements = list(_statements(text))
    remaining = [one for index, one in enumerate(statements) if not _belongs(statements, index, path)]
    return [comment for one in remaining for comment in one.comments]


def render(value: Any) -> str:
    """Format a table of tables."""
    return tomlkit.dumps(value)


def _append(text: str, path: Sequence[str], value: Any) -> str:
    for name in reversed(path):
        value = {name: value}
    end = "\r\n" if "\r\n" in text else "\n"
    before = text if not text or text.endswith("\n") else text + end
    return before + (end if before else "") + tomlkit.dumps(value).replace("\n", end)


def _add_line(text: str, at: int, value: Any) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    before = text[:at] if text[:at].endswith("\n") else text[:at] + end
    return before + tomlkit.dumps(value).replace("\n", end) + text[at:]


def _parse(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise InstallationError(str(error)) from None


def _is_inline(text: str, path: Sequence[str]) -> bool:
    table: Any = _parse(text)
    for name in path:
        if name not in table:
            return False
        table = table[name]
        if isinstance(table, InlineTable):
            return True
    return False


def _belongs(statements: Sequence[_Statement], index: int, path: Sequence[str]) -> bool:
    """Whether a statement is part of a table, which ends with its last value."""
    one = statements[index]
    if not _is_within(one.table, path):
        return False
    if one.is_header or one.is_value:
        return True
    for later in statements[index + 1 :]:
        if later.is_header:
            return False
        if later.is_value:
            return True
    return False


def _is_gap(statements: Sequence[_Statement], index: int, path: Sequence[str]) -> bool:
    """Whether the table that begins here is followed by an empty line or the end."""
    for later in range(index + 1, len(statements)):
        if not _belongs(statements, later, path):
            one = statements[later]
            return not (one.is_header or one.is_value or one.comments)
    return True


def _is_within(table: Sequence[str], path: Sequence[str]) -> bool:
    return tuple(table[: len(path)]) == tuple(path)


def _statements(text: str) -> Iterator[_Statement]:
    table: tuple[str, ...] = ()
    start, depth = 0, 0
    comments: list[str] = []
    for piece in _PIECE.finditer(text):
        depth += (piece.lastgroup == "open") - (piece.lastgroup == "close")
        if piece.lastgroup == "comment":
            comments.append(piece.group().rstrip("\r"))
        last = piece.end() == len(text)
        if (piece.lastgroup == "end" and depth == 0) or last:
            statement = text[start : piece.end()].strip()
            is_header = statement.startswith("[")
            if is_header:
                table = _header(statement)
            is_value = bool(statement) and not is_header and not statement.startswith("#")
            yield _Statement(start, piece.end(), table, is_header, is_value, tuple(comments))
            start, comments = piece.end(), []


def _header(statement: str) -> tuple[str, ...]:
    path = []
    value: Any = tomllib.loads(statement)
    while value:
        name, value = next(iter(value.items()))
        path.append(name)
        if isinstance(value, list):
            value = value[0]
    return tuple(path)
