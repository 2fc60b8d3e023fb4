"""Reading JSON with comments and trailing commas into a tree that knows where in the text everything stands."""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mogplex_mcp.installation.errors import InstallationError

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


class Token(NamedTuple):
    """One piece of the text.

    Attributes:
        kind: comment, string, number, word, mark, or end.
        text: As it stands there.
        start: Its first character.
        end: Behind its last character.
    """

    kind: str
    text: str
    start: int
    end: int


@dataclass(slots=True)
class Node:
    """One value.

    Attributes:
        value: As Python has it; of members with the same name, the last one counts, as it does for clients.
        start: Its first character.
        end: Behind its last character.
        members: What is in an object, in order; None for what is no object.
    """

    value: Any
    start: int
    end: int
    members: list["Member"] | None = None


@dataclass(slots=True)
class Member:
    """One name and value of an object.

    Attributes:
        name: Without quotes and escapes.
        start: The first quote of the name.
        node: The value.
        comma: Where the comma behind it is; None where there is none.
    """

    name: str
    start: int
    node: Node
    comma: int | None = None


@dataclass(slots=True)
class Tree:
    """A whole text.

    Attributes:
        root: The value; None for a text that is empty but for comments.
        comments: All of them, in order.
    """

    root: Node | None
    comments: list[Token] = field(default_factory=list)


@functools.lru_cache(maxsize=2)  # a change looks at the text before and the text after it, several times
def parse(text: str) -> Tree:
    """The tree of a text, which must not be changed.

    Raises:
        InstallationError: It is no JSON, not even with comments and trailing commas; the message has the line.
    """
    return _Parser(text).parse()


def line_of(text: str, position: int) -> int:
    """The number of the line, from 1, in which a position is."""
    return text.count("\n", 0, position) + 1


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._comments: list[Token] = []
        self._tokens = self._split()
        self._token = next(self._tokens)

    def parse(self) -> Tree:
        root = None if self._token.kind == "end" else self._value(0)
        if self._token.kind != "end":
            raise self._wrong("nothing more is expected here")
        return Tree(root, self._comments)

    def _split(self) -> Iterator[Token]:
        position, kind = 0, ""
        while kind != "end":
            match = _TOKEN.match(self._text, position)
            if match is None:
                blanks = len(self._text) - position - len(self._text[position:].lstrip(" \t\r\n"))
                raise _problem(self._text, position + blanks, "this is no JSON")
            kind = match.lastgroup or ""
            position = match.end()
            token = Token(kind, match.group(kind), match.start(kind), position)
            if kind == "comment":
                self._comments.append(token)
            else:
                yield token

    def _next(self) -> Token:
        taken, self._token = self._token, next(self._tokens)
        return taken

    def _wrong(self, what: str) -> InstallationError:
        return _problem(self._text, self._token.start, what)

    def _value(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise self._wrong("it is nested too deeply here")
        if self._token.text == "{":
            return self._object(depth)
        if self._token.text == "[":
            return self._list(depth)
        if self._token.kind not in ("string", "number", "word"):
            raise self._wrong("a value is missing here")
        return Node(self._plain(self._token), self._token.start, self._next().end)

    def _plain(self, token: Token) -> Any:
        try:
            return json.loads(token.text)
        except ValueError:  # an escape that does not exist, or a number with thousands of digits
            raise _problem(self._text, token.start, "this value cannot be read") from None

    def _object(self, depth: int) -> Node:
        start = self._next().start
        members: list[Member] = []
        while self._token.text != "}":
            if self._token.kind != "string":
                raise self._wrong('a name in "quotes" is missing here')
            name = self._next()
            if self._token.text != ":":
                raise self._wrong("a colon is missing here")
            self._next()
            members.append(Member(self._plain(name), name.start, self._value(depth + 1)))
            if self._token.text == ",":
                members[-1].comma = self._next().start
            elif self._token.text != "}":
                raise self._wrong("a comma or } is missing here")
        value = {member.name: member.node.value for member in members}
        return Node(value, start, self._next().end, members)

    def _list(self, depth: int) -> Node:
        start = self._next().start
        values: list[Any] = []
        while self._token.text != "]":
            values.append(self._value(depth + 1).value)
            if self._token.text == ",":
                self._next()
            elif self._token.text != "]":
                raise self._wrong("a comma or ] is missing here")
        return Node(values, start, self._next().end)


def _problem(text: str, position: int, what: str) -> InstallationError:
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return InstallationError(f"line {line_of(text, position)}, column {column}: {what}")
