"""Making an answer short enough for every client: first the words of others, then the ends of lists."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic_core import to_json

TARGET_CHARACTERS: Final = 8_000
"""Codex cuts answers at about 11,000 characters; what is under 10,000 arrives whole in all known clients."""

SHORTEST_TEXT: Final = 200
"""A text is never cut below this: less would say nothing."""

_OWN: Final = ("notes", "next_steps")
_WHOLE: Final = ("cursor", "next_steps")  # half of what is sent back would be worth nothing
# What the note takes that says what was left out, beside how to get it.
_NOTE_CHARACTERS: Final = 60


def fit(
    structured: dict[str, Any], to_text: Callable[[Mapping[str, Any]], str], *, narrow: str
) -> tuple[dict[str, Any], str]:
    """The structured content of a reply and its text, shortened until both are under the target size.

    The longest text of others is cut first, then lists lose their end, then whatever is long is cut. What was left out
    is said in `notes`.

    Args:
        structured: The answer; changed in place.
        to_text: Makes its text.
        narrow: How to get what is left out.
    """
    own_notes = structured.get("notes", [])[:]
    left_out: dict[str, int] = {}
    while True:
        # The JSON is nearly always the longer one, and faster made.
        excess = _json_length(structured) - TARGET_CHARACTERS
        if excess <= 0:
            text = to_text(structured)
            excess = len(text) - TARGET_CHARACTERS
        if excess <= 0:
            return structured, text
        if not left_out:
            excess += _NOTE_CHARACTERS + len(narrow)
        if not (
            _cut_longest(structured.get("untrusted", {}))
            or _drop_end(structured, excess, left_out)
            or _cut_longest(structured)
        ):
            structured = {"summary": "The answer was too long to be shown.", **({"notes": [narrow]} if narrow else {})}
            return structured, to_text(structured)
        if left_out:
            structured["notes"] = own_notes + [
                f"{count} more {name} left out to keep the answer short. {narrow}".strip()
                for name, count in left_out.items()
            ]


def fitting(lines: Iterable[str], room: int) -> list[str]:
    """As many lines from the first one on as fit into so many characters of JSON, at least one.

    For tools that tell where to read on: what `fit` leaves out afterwards, nobody would ask for again.
    """
    kept: list[str] = []
    for line in lines:
        room -= _json_length(line) + 1
        if room < 0 and kept:
            break
        kept.append(line)
    return kept


def _json_length(value: Any) -> int:
    return len(to_json(value).decode())


def _cut_longest(value: dict[str, Any]) -> bool:
    """Cut the longest texts to half the length of the longest, at their end; False when none is long."""
    places = list(_texts(value))
    cap = max(SHORTEST_TEXT, max((len(holder[key]) for holder, key in places), default=0) // 2)
    long = [(holder, key) for holder, key in places if len(holder[key]) > cap]
    for holder, key in long:
        holder[key] = holder[key][: cap - 2].rstrip(" …") + " …"
    return bool(long)


def _texts(holder: Any) -> Iterator[tuple[Any, Any]]:
    """The place of every text inside, as what holds it and the key there."""
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        if key in _WHOLE:
            continue
        if isinstance(value, str):
            yield holder, key
        elif isinstance(value, dict | list):
            yield from _texts(value)


def _drop_end(structured: dict[str, Any], excess: int, left_out: dict[str, int]) -> bool:
    """Drop as much of the end of the longest list as is too much; False when no list has more than one item."""
    holders = (structured, structured.get("untrusted", {}))
    lists: dict[str, list[list[Any]]] = {}
    for holder in holders:
        for name, value in holder.items():
            if isinstance(value, list) and len(value) > 1 and not (holder is structured and name in _OWN):
                lists.setdefault(name, []).append(value)
    if not lists:
        return False
    name, same = max(lists.items(), key=lambda one: _json_length(one[1]))
    kept = count = max(map(len, same))
    while excess > 0 and kept > 1:
        kept -= 1
        excess -= sum(_json_length(item) + 1 for values in same for item in values[kept : kept + 1])
    for values in same:
        del values[kept:]
    left_out[name] = left_out.get(name, 0) + count - kept
    return True
