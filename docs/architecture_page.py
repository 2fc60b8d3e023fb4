"""Generate the drawing and the table of the packages from their imports and docstrings."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parent.parent / "server" / "mogplex_mcp"
_NAME: Final = "mogplex_mcp"

Rooms = Mapping[str, frozenset[str]]
"""The packages, each with those that it imports."""


def rooms() -> Rooms:
    """Return every package of the server with the packages that its modules import."""
    names = sorted(folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists())
    return {name: frozenset(set(_imported(name)) & set(names) - {name}) for name in names}


def drawing() -> str:
    """Return a Mermaid flowchart, with an arrow for each import that does not follow from two others."""
    found = rooms()
    arrows = [f"    {room} --> {below}" for room in ranked(found) for below in sorted(_direct(room, found))]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```"])


def table() -> str:
    """Return a Markdown table of the packages, from top to bottom, with the first sentences of their docstrings."""
    rows = [f"| [`{room}/`](../server/{_NAME}/{room}) | {_purpose(room)} |" for room in ranked(rooms())]
    return "\n".join(["| Package | Contents |", "|---|---|", *rows])


def ranked(found: Rooms) -> list[str]:
    """Return the packages from top to bottom: each one before all that it imports."""
    left, order = dict(found), list[str]()
    while left:
        imported = {below for room in left for below in found[room] & left.keys()}
        top = sorted(left.keys() - imported)
        if not top:
            raise ValueError(f"these packages import each other in a circle: {', '.join(sorted(left))}")
        order += top
        for room in top:
            del left[room]
    return order


def _direct(room: str, found: Rooms) -> set[str]:
    """Return what a package imports, without what one of these imports again."""
    return {below for below in found[room] if not any(below in _reached(other, found) for other in found[room])}


def _reached(room: str, found: Rooms) -> set[str]:
    reached, left = set[str](), list(found[room])
    while left:
        if (one := left.pop()) not in reached:
            reached.add(one)
            left += found[one]
    return reached


def _imported(room: str) -> Iterator[str]:
    for module in (PACKAGE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module == _NAME:
                names = [f"{_NAME}.{alias.name}" for alias in node.names]
            else:
                names = [getattr(node, "module", None) or ""] if isinstance(node, ast.ImportFrom) else []
            yield from (name.split(".")[1] for name in names if name.startswith(f"{_NAME}."))


def _purpose(room: str) -> str:
    docstring = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split()).rstrip(":")
