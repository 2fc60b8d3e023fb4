"""Edit one value of a JSON text and nothing else: comments, order, indentation and trailing commas stay."""

import contextlib
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.json_tree import Member, Node, Tree, line_of, parse

_INDENT: Final = "  "


def read(text: str) -> dict[str, Any]:
    """Parse a text; an empty one is an empty object.

    Raises:
        InstallationError: It isn't JSON, or isn't an object.
    """
    # Ten times as fast for a file without comments, which may have megabytes.
    with contextlib.suppress(ValueError, RecursionError):
        plain = json.loads(text)
        if isinstance(plain, dict):
            return plain
    root = parse(text).root
    if root is None:
        return {}
    if root.members is None:
        raise InstallationError(f"line {line_of(text, root.start)}: an object {{…}} is expected")
    value: dict[str, Any] = root.value
    return value


def put(text: str, path: Sequence[str], value: Any) -> str:
    """Return the text with a value at a path; missing parents are created.

    Raises:
        InstallationError: A parent isn't an object, or occurs twice.
    """
    read(text)
    tree = parse(text)
    if tree.root is None:
        return _first(text, _nested(path, value))
    node = tree.root
    for depth, name in enumerate(path):
        member = _member(text, node, name)
        if member is None:
            return _insert(text, tree, node, name, _nested(path[depth + 1 :], value))
        if depth + 1 == len(path) or member.node.value is None:
            new = _render(_nested(path[depth + 1 :], value), text, _indent_at(text, member.start))
            return text[: member.node.start] + new + text[member.node.end :]
        if member.node.members is None:
            where = f"line {line_of(text, member.start)}"
            raise InstallationError(f'{where}: "{name}" has to be an object {{…}}')
        node = member.node
    raise AssertionError(path)


def remove(text: str, path: Sequence[str]) -> str:
    """Return the text without the member at a path, which has to exist; comments outside of its value stay."""
    tree = parse(text)
    node = tree.root
    for name in path[:-1]:
        member = _member(text, node, name) if node else None
        node = member.node if member else None
    member = _member(text, node, path[-1]) if node else None
    if node is None or member is None:
        raise InstallationError(f'there is no "{".".join(path)}"')
    return _cut(text, node, member)


def foreign_comments(text: str, path: Sequence[str]) -> list[str]:
    """Return all comments except those inside the value at a path."""
    tree = parse(text)
    node = tree.root
    for name in path:
        found = [member for member in (node.members if node and node.members else ()) if member.name == name]
        node = found[-1].node if found else None
    inside = range(node.start, node.end) if node else range(0)
    return [comment.text for comment in tree.comments if comment.start not in inside]


def render(value: Any) -> str:
    """Format a value, indented by two spaces, short lists on one line."""
    return _render(value, "", "")


def _member(text: str, node: Node, name: str) -> Member | None:
    found = [member for member in node.members or () if member.name == name]
    if len(found) > 1:
        lines = " and ".join(str(line_of(text, member.start)) for member in found)
        raise InstallationError(f'"{name}" occurs more than once, in lines {lines}; keep one of them')
    return found[0] if found else None


def _nested(path: Sequence[str], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


def _first(text: str, value: Any) -> str:
    end = _line_end(text)
    before = text.rstrip()
    return before + (end if before else "") + _render(value, text, "") + end


def _insert(text: str, tree: Tree, node: Node, name: str, value: Any) -> str:
    """Add a member at the end of an object, after its last comment."""
    members = node.members or []
    last = members[-1] if members else None
    inside = node.start + 1
    if last:
        inside = last.node.end if last.comma is None else last.comma + 1
    # The end of the last member or comment of the object.
    behind = max([inside, *(comment.end for comment in tree.comments if inside <= comment.start < node.end)])
    needs_comma = last is not None and last.comma is None
    trailing = "," if last is not None and last.comma is not None else ""
    key = json.dumps(name, ensure_ascii=False)
    if _on_one_line(text, tree, node):
        new = f"{key}: {json.dumps(value, ensure_ascii=False)}{trailing}"
        between = text[inside:behind] + " " + new
        return text[:inside] + ("," if needs_comma else "") + between + text[behind:]
    end, outer = _line_end(text), _indent_at(text, node.start)
    indent = _indent_at(text, last.start) if last and _begins_line(text, last.start) else outer + _unit(text)
    new = f"{end}{indent}{key}: {_render(value, text, indent)}{trailing}"
    rest = text[behind : node.end - 1]
    closing = rest if last and "\n" in rest else end + outer
    return text[:inside] + ("," if needs_comma else "") + text[inside:behind] + new + closing + text[node.end - 1 :]


def _cut(text: str, node: Node, member: Member) -> str:
    members = node.members or []
    position = next(index for index, one in enumerate(members) if one is member)
    # Without its last member, an object must not end with the comma before it.
    comma = members[position - 1].comma if member.comma is None and position else member.comma
    pieces = [(member.start, member.node.end), *([] if comma is None else [(comma, comma + 1)])]
    for first, behind in sorted(pieces, reverse=True):
        text = text[:first] + text[behind:]
    at = member.start - (comma is not None and comma < member.start)
    closing = node.end - 1 - sum(behind - first for first, behind in pieces)
    if len(members) == 1 and not text[node.start + 1 : closing].strip():
        return text[: node.start + 1] + text[closing:]
    return _without_gap(text, at)


def _without_gap(text: str, at: int) -> str:
    """Return the text without the whitespace around a removed part: a whole line, or the space before it."""
    before = len(text[:at].rstrip(" \t"))
    behind = at + len(text[at:]) - len(text[at:].lstrip(" \t"))
    if re.match(r"\r?\n", text[behind:]) and (before == 0 or text[before - 1] == "\n"):
        # The line is empty now: remove it with the line break before it.
        start = before - (2 if text[:before].endswith("\r\n") else 1)
        return text[: max(start, 0)] + text[behind:]
    if _begins_line(text, at):
        return text[:at] + text[behind:]
    return text[:before] + text[behind if text[behind : behind + 1] in ("\r", "\n") else at :]


def _on_one_line(text: str, tree: Tree, node: Node) -> bool:
    """Whether an added member belongs on the line of the others."""
    if not node.members:
        root = tree.root
        return bool(root and root is not node and "\n" not in text[root.start : root.end])
    return "\n" not in text[node.start : node.end]


def _render(value: Any, text: str, indent: str) -> str:
    unit, end = _unit(text), _line_end(text)
    if isinstance(value, dict) and value:
        inner = indent + unit
        lines = [
            f"{inner}{json.dumps(name, ensure_ascii=False)}: {_render(one, text, inner)}" for name, one in value.items()
        ]
        return "{" + end + f",{end}".join(lines) + end + indent + "}"
    return json.dumps(value, ensure_ascii=False)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent_at(text: str, position: int) -> str:
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _begins_line(text: str, position: int) -> bool:
    return not text[text.rfind("\n", 0, position) + 1 : position].strip()


def _unit(text: str) -> str:
    """Return the indentation of one level: that of the first indented name."""
    match = re.search(r'^([ \t]+)"', text, re.MULTILINE)
    return match.group(1) if match else _INDENT
