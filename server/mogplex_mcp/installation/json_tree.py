"""Parser for JSON with comments and trailing commas; the tree has the positions of all values."""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mogplex_mcp.installation import InstallationError

DEEPEST: Final = 200
_TOKEN: Final = re.compile(
    r"[ \t\r\n]*(?:(?P<comment>//[^\r\n]*|/\*.*?\*/)"
    r'|(?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")'
    r"|(?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))"
    r"|(?P<word>(?:true|false|null)\b)"
    r"|(?P<mark>[{}\[\]:,])"
    r"|(?P<end>\Z))",
    re.DOTALL,
)


class Lexeme(NamedTuple):
    """A token of the text.

    Attributes:
        kind: comment, string, number, word, mark, or end.
        text: As written.
        start: Index of its first character.
        end: Index after its last character.
    """

    kind: str
    text: str
    start: int
    end: int


@dataclass(slots=True)
class Node:
    """A value.

    Attributes:
        value: The Python value; of members with the same name, the last one counts, as it does for clients.
        start: Index of its first character.
        end: Index after its last character.
        members: The members of an object, in order; None for other values.
    """

    value: Any
    start: int
    end: int
    members: list["Member"] | None = None


@dataclass(slots=True)
class Member:
    """A name and value of an object.

    Attributes:
        name: Without quotes and escapes.
        start: Index of the first quote of the name.
        node: The value.
        comma: Index of the comma after it; None if there is none.
    """

    name: str
    start: int
    node: Node
    comma: int | None = None


@dataclass(slots=True)
class Tree:
    """A parsed text.

    Attributes:
        root: The value; None for a text with nothing but comments.
        comments: All of them, in order.
        trailing_commas: Indices of commas before a closing bracket.
    """

    root: Node | None
    comments: list[Lexeme] = field(default_factory=list)
    trailing_commas: list[int] = field(default_factory=list)


@functools.lru_cache(maxsize=2)  # a change parses the text before and after it several times
def parse(text: str) -> Tree:
    """Parse a text; the tree is cached and must not be changed.

    Raises:
        InstallationError: It isn't JSON, not even with comments and trailing commas; the message has the line.
    """
    return _Parser(text).parse()


def line_of(text: str, position: int) -> int:
    """Return the line number, from 1, of an index."""
    return text.count("\n", 0, position) + 1


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._comments: list[Lexeme] = []
        self._commas: list[int] = []
        self._tokens = self._split()
        self._lexeme = next(self._tokens)

    def parse(self) -> Tree:
        root = None if self._lexeme.kind == "end" else self._value(0)
        if self._lexeme.kind != "end":
            raise self._wrong("the end of the text is expected here")
        return Tree(root, self._comments, self._commas)

    def _split(self) -> Iterator[Lexeme]:
        position, kind = 0, ""
        while kind != "end":
            match = _TOKEN.match(self._text, position)
            if match is None:
                blanks = len(self._text) - position - len(self._text[position:].lstrip(" \t\r\n"))
                raise _problem(self._text, position + blanks, "this isn't JSON")
            kind = match.lastgroup or ""
            position = match.end()
            token = Lexeme(kind, match.group(kind), match.start(kind), position)
            if kind == "comment":
                self._comments.append(token)
            else:
                yield token

    def _next(self) -> Lexeme:
        taken, self._lexeme = self._lexeme, next(self._tokens)
        return taken

    def _wrong(self, what: str) -> InstallationError:
        return _problem(self._text, self._lexeme.start, what)

    def _value(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise self._wrong("it is nested too deeply here")
        if self._lexeme.text == "{":
            return self._object(depth)
        if self._lexeme.text == "[":
            return self._list(depth)
        if self._lexeme.kind not in ("string", "number", "word"):
            raise self._wrong("a value is missing here")
        return Node(self._plain(self._lexeme), self._lexeme.start, self._next().end)

    def _plain(self, token: Lexeme) -> Any:
        try:
            return json.loads(token.text)
        except ValueError:  # an unknown escape, or a number with thousands of digits
            raise _problem(self._text, token.start, "this value is invalid") from None

    def _object(self, depth: int) -> Node:
        start = self._next().start
        members: list[Member] = []
        while self._lexeme.text != "}":
            if self._lexeme.kind != "string":
                raise self._wrong('a name in "quotes" is missing here')
            name = self._next()
            if self._lexeme.text != ":":
                raise self._wrong("a colon is missing here")
            self._next()
            members.append(Member(self._plain(name), name.start, self._value(depth + 1)))
            if self._lexeme.text == ",":
                members[-1].comma = self._comma("}")
            elif self._lexeme.text != "}":
                raise self._wrong("a comma or } is missing here")
        value = {member.name: member.node.value for member in members}
        return Node(value, start, self._next().end, members)

    def _comma(self, closing: str) -> int:
        start = self._next().start
        if self._lexeme.text == closing:
            self._commas.append(start)
        return start

    def _list(self, depth: int) -> Node:
        start = self._next().start
        values: list[Any] = []
        while self._lexeme.text != "]":
            values.append(self._value(depth + 1).value)
            if self._lexeme.text == ",":
                self._comma("]")
            elif self._lexeme.text != "]":
                raise self._wrong("a comma or ] is missing here")
        return Node(values, start, self._next().end)


def _problem(text: str, position: int, what: str) -> InstallationError:
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return InstallationError(f"line {line_of(text, position)}, column {column}: {what}")
