"""Finds the members of a JSON-RPC message that tell what it is, also in a line that is no valid JSON."""

import json
import re
from dataclasses import dataclass, field
from typing import Final

LARGEST_EXCERPT: Final = 65_536
"""How much of the beginning and of the end of a long line is searched, in bytes."""

NO_ID: Final = b"null"

_MAX_SCANNED: Final = 262_144
_MAX_BATCH: Final = 1_000
_MAX_ID_BYTES: Final = 1_024
_TELLING: Final = frozenset({"id", "method", "result", "error"})

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+'
# Strings, also one that the end of the line cuts off, and brackets; everything else is skipped.
_TOKEN: Final = re.compile(_STRING + rb'(?:"|\\?$)|[\[{]++|[\]}]++', re.DOTALL)
_VALUE: Final = re.compile(rb"\s*+:\s*+(" + _STRING + rb'"|[^\s,\[\]{}":]++)?', re.DOTALL)
_INTEGER: Final = re.compile(rb"(-?(?:0|[1-9][0-9]*))(?:\.0+)?")

# The last members of an object, as long as they are no objects themselves.
_LAST_MEMBERS: Final = re.compile(
    rb',\s*((?:"\w{1,20}"\s*:\s*(?:"(?:[^"\\]|\\.){0,1024}"|[\w.+-]{1,1024})\s*,?\s*){1,4}\}\s*)$'
)


@dataclass(frozen=True)
class Members:
    """The members of an object that make it a request, a notification or a response.

    Attributes:
        values: Their names, each with its value as JSON; empty if that is an array or an object, or cut off.
    """

    values: dict[str, bytes] = field(default_factory=dict)

    @property
    def is_notification(self) -> bool:
        """Return whether it has a method and no id."""
        return "method" in self.values and "id" not in self.values

    @property
    def is_response(self) -> bool:
        """Return whether it has a result or an error and no method."""
        return "method" not in self.values and not self.values.keys().isdisjoint(("result", "error"))

    @property
    def id(self) -> bytes:
        """Return the id as JSON; `null` if it is neither a string nor an integer (7.0 is 7)."""
        value = self.values.get("id", b"")
        if len(value) > _MAX_ID_BYTES:
            return NO_ID
        if number := _INTEGER.fullmatch(value):
            return number[1]
        try:
            text = json.loads(value)
            text.encode()  # no unpaired surrogates
            return json.dumps(text).encode()
        except (ValueError, AttributeError):
            return NO_ID


@dataclass(frozen=True)
class Scan:
    """What was found in a line.

    Attributes:
        objects: The object that the line is, or the objects of a batch.
        is_complete: Whether every bracket is closed, as far as the line was searched.
    """

    objects: list[Members]
    is_complete: bool


def scan(line: bytes | bytearray) -> Scan:
    """Find the members of the object, or of each object of a batch, in a line."""
    if len(line) > _MAX_SCANNED:
        return scan_ends(line[:LARGEST_EXCERPT], line[-LARGEST_EXCERPT:])
    start = line.lstrip()[:1]
    if start not in (b"{", b"["):
        return Scan([], is_complete=False)
    level = 1 if start == b"{" else 2
    objects: list[Members] = []
    depth = 0
    for token in _TOKEN.finditer(line):
        text = token[0]
        first = text[:1]
        if first in b"[{":
            begins_at = level - depth - 1
            if begins_at >= 0 and text[begins_at : begins_at + 1] == b"{" and len(objects) < _MAX_BATCH:
                objects.append(Members())
            depth += len(text)
        elif first in b"]}":
            depth -= len(text)
        elif depth == level and objects and (value := _VALUE.match(line, token.end())):
            name = _name(text)
            if name in _TELLING:
                # A number at the end of the line may go on.
                objects[-1].values[name] = (value[1] or b"") if value.end() < len(line) else b""
    return Scan(objects, is_complete=depth == 0)


def scan_ends(head: bytes | bytearray, tail: bytes | bytearray) -> Scan:
    """Find the members of the object, or the first objects of a batch, in a line of which both ends are given."""
    objects = scan(head).objects
    # Several clients write the id behind the parameters.
    if len(objects) == 1 and "id" not in objects[0].values and (last := _LAST_MEMBERS.search(tail)):
        objects = [Members(objects[0].values | scan(b"{" + last[1]).objects[0].values)]
    return Scan(objects, is_complete=tail.rstrip().endswith((b"}", b"]")))


def _name(text: bytes | bytearray) -> str:
    try:
        return str(json.loads(text)) if b"\\" in text else text[1:-1].decode()
    except ValueError:
        return ""
