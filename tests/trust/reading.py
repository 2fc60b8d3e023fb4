"""What is read of an answer, and which part of it is ours."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mcp_types import CallToolResult

from mogplex_mcp.reply.untrusted import SHORT_WARNING, WARNING
from tests.tools.support import text_of

WALL: Final = 10_000
CORPUS: Final[dict[str, str]] = {
    one["style"]: one["text"] for one in json.loads((Path(__file__).parents[1] / "data/injections.json").read_text())
}
# Variation selectors, tags, fillers and marks that are letters by their category, but cannot be seen.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_WARNINGS: Final = "|".join(map(re.escape, (WARNING, SHORT_WARNING)))
_FENCED: Final = re.compile(
    rf"(?:^|\n)(?:{_WARNINGS})\n<<<untrusted (?P<nonce>[0-9a-f]{{12}})\n.*\nuntrusted (?P=nonce)>>>\Z",
    re.DOTALL,
)


def hidden(text: str) -> set[str]:
    """The characters of a text that cannot be seen or do something to a terminal."""
    return {
        one
        for one in text
        if one not in "\n\t" and (unicodedata.category(one) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    } | set(_UNSEEN.findall(text))


def ours(text: str) -> str:
    """A text without the fence at its end."""
    return _FENCED.sub("", text)


def leaves(value: Any) -> Iterator[str]:
    """All texts of a JSON value, keys included."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif isinstance(value, str):
        yield value


def check(result: CallToolResult, *marks: str) -> None:
    """The answer is clean and short, and no mark stands outside of what is said to be others'."""
    text, structured = text_of(result), result.structured_content
    assert len(text) <= WALL
    assert not hidden(text)
    for mark in marks:
        assert mark not in ours(text), text
    if structured is not None:
        assert len(json.dumps(structured, ensure_ascii=False)) <= WALL
        trusted = {name: value for name, value in structured.items() if name != "untrusted"}
        for leaf in leaves(structured):
            assert not hidden(leaf)
        for leaf in leaves(trusted):
            for mark in marks:
                assert mark not in leaf, trusted
