"""Check JSON before it is parsed: its cost follows from the number of values and their nesting, not from its bytes."""

import re
from typing import Final

MAX_VALUES: Final = 250_000
"""The most values in one response: the largest is 200 events with payloads of 20,000 characters."""

MAX_DEPTH: Final = 64
"""The deepest nesting; payloads are cut at depth 3, and graphs and schemas are seldom deeper than 20."""

_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_MOST_SURROGATES: Final = 100_000
# A high one without a low one behind it, or a low one without a high one before it.
_LONE_SURROGATE: Final = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F][0-9a-fA-F]{2})"
)
_TOO_MANY: Final = f"with more than {MAX_VALUES:,} values"


def find_excess(body: bytes) -> str:
    """Return how JSON exceeds the limits; "" if it does not, or isn't JSON.

    Every step is one pass of C code over the bytes: 20 MB take less than a tenth of a second.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Each value has at most a name and a text, of two quotes each.
    if body.count(b'"') > 4 * MAX_VALUES:
        return _TOO_MANY
    outside = b"".join(body.split(b'"')[::2])
    if sum(map(outside.count, (b",", b"[", b"{"))) > MAX_VALUES:
        return _TOO_MANY
    brackets = outside.translate(_SQUARE, _ALL_BUT_BRACKETS)
    for _ in range(MAX_DEPTH):
        inner = brackets.replace(b"[]", b"")
        if len(inner) == len(brackets):
            return ""  # none is left, or they are not in pairs, which the parser reports
        brackets = inner
    return f"that is nested more than {MAX_DEPTH} deep" if brackets else ""


def replace_lone_surrogates(body: bytes) -> bytes:
    """Replace each half of an emoji, where the service cut a text: legal JSON, but it can't be encoded again."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    # With these out of the way, no backslash before a "u" is itself escaped.
    plain = body.replace(b"\\\\", b"\0\0")
    return _LONE_SURROGATE.sub(b"?", plain, _MOST_SURROGATES).replace(b"\0\0", b"\\\\")
