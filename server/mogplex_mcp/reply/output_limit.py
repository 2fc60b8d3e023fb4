"""The output limit: truncate replies for every client, untrusted text first, then lists."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic_core import to_json

TARGET_CHARACTERS: Final = 8_000
"""Codex truncates results at about 11,000 characters; all known clients pass 10,000."""

SHORTEST_TEXT: Final = 200
"""Texts are never truncated to fewer characters."""

_OWN: Final = ("notes", "next_steps")
_WHOLE: Final = ("cursor", "next_steps")  # useless if truncated
# Length of the note about omitted items, without the hint how to get them.
_NOTE_CHARACTERS: Final = 60


def limit_output(
    structured: dict[str, Any],
    to_text: Callable[[Mapping[str, Any]], str],
    *,
    narrow: str,
    together: int | None = None,
) -> tuple[dict[str, Any], str]:
    """Return the structured content and the text of a reply, truncated until both are below the target size.

    Untrusted text is truncated first, the longest before others, then the ends of lists are dropped, then other long
    text is truncated. `left_out` counts omitted items, `notes` says of which lists.

    Args:
        structured: The reply; changed in place.
        to_text: Renders its text.
        narrow: How to get what is omitted.
        together: How many characters text and structured content can have together; None for no such limit. Where both
            do not fit, untrusted text is left to the text, which has it between its marks.
    """
    own_notes = structured.get("notes", [])[:]
    own_left_out = structured.get("left_out", 0)
    left_out: dict[str, int] = {}
    while True:
        sent, text = structured, ""
        # The JSON is nearly always longer than the text, and faster to render.
        excess = _json_length(structured) - TARGET_CHARACTERS
        if excess <= 0:
            text = to_text(structured)
            excess = len(text) - TARGET_CHARACTERS
        if excess <= 0 and together is not None and len(text) + _json_length(sent) > together:
            sent = {name: value for name, value in structured.items() if name != "untrusted"}
            excess = len(text) + _json_length(sent) - together
        if excess <= 0:
            return sent, text
        if not left_out:
            excess += _NOTE_CHARACTERS + len(narrow)
        if not (
            _cut_longest(structured.get("untrusted", {}))
            or _drop_end(structured, excess, left_out)
            or _cut_longest(structured)
        ):
            facts = {name: [] if isinstance(value, list) else value for name, value in structured.items()}
            notes = {"notes": [narrow]} if narrow else {}
            hidden = dict.fromkeys(("notes", "untrusted", "next_steps"))
            structured = {name: value for name, value in facts.items() if name not in hidden}
            structured |= {"summary": "The answer was too long to be shown.", **notes}
            return structured, to_text(structured)
        if left_out:
            structured["left_out"] = own_left_out + sum(left_out.values())
            structured["notes"] = own_notes + [
                f"{count} more {name} left out to keep the answer short. {narrow}".strip()
                for name, count in left_out.items()
            ]


def lines_within(lines: Iterable[str], characters: int) -> list[str]:
    """Return the first lines that fit into a number of characters of JSON, at least one.

    For tools that return a cursor: `limit_output` must not omit lines that the cursor has passed.
    """
    kept: list[str] = []
    for line in lines:
        characters -= _json_length(line) + 1
        if characters < 0 and kept:
            break
        kept.append(line)
    return kept


def _json_length(value: Any) -> int:
    return len(to_json(value).decode())


def _cut_longest(value: dict[str, Any]) -> bool:
    """Truncate the longest texts to half the length of the longest; return False if none is long."""
    places = list(_texts(value))
    cap = max(SHORTEST_TEXT, max((len(holder[key]) for holder, key in places), default=0) // 2)
    long = [(holder, key) for holder, key in places if len(holder[key]) > cap]
    for holder, key in long:
        holder[key] = holder[key][: cap - 2].rstrip(" …") + " …"
    return bool(long)


def _texts(holder: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the container and key of every text."""
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        if key in _WHOLE:
            continue
        if isinstance(value, str):
            yield holder, key
        elif isinstance(value, dict | list):
            yield from _texts(value)


def _drop_end(structured: dict[str, Any], excess: int, left_out: dict[str, int]) -> bool:
    """Drop the excess from the end of the longest list; return False if no list has more than one item."""
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
