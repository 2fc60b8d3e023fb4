"""Arguments that a tool does not have: dropped, named with the one that was meant, refused, or noted.

A field that its host added is dropped. A name close to a real one is a slip, and is an error with a suggestion. The
rest is left out with a note: a model cannot take back what its host adds. But a tool that changes something refuses a
name that asks it to do less, or elsewhere: what it did despite a `dry_run` or `branch` could not be undone.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.toolkit.host_fields import is_host_field
from mogplex_mcp.toolkit.size_limits import MOST_ARGUMENTS, MOST_CHARACTERS

_SHOWN_CHARACTERS: Final = 60
_MOST_NAMED: Final = 5
# Longer names are not compared: those of tools are shorter, and comparing takes time.
_LONGEST_COMPARED: Final = 40
_ABSENT: Final = frozenset({"", "null", "none", "undefined"})
_ENDINGS: Final = frozenset({"id", "ids", "uuid", "name", "names", "full_name", "branch", "text", "value", "url", "s"})
_SYNONYMS: Final[Mapping[str, str]] = {
    "repository": "repo",
    "repositories": "repo",
    "continue": "continue_run",
    "continue_from": "continue_run",
    "resume": "continue_run",
    "resume_run": "continue_run",
}
# Words of names that ask a call to do less, or elsewhere or otherwise, or claim that the user agrees to it.
_RESTRICTING: Final = re.compile(
    r"(?:^|_)(?:dry|dryrun|simulate|simulation|preview|test|validate|check|only|except|exclude|skip|without|no|not|draft"
    r"|confirm|confirmed|consent|approve|approved|approval|force|yes|max|maximum|min|minimum|limit|budget|cost|timeout"
    r"|deadline|schedule|delay|after|until|branch|ref|tag|commit|sha|dir|directory|path|files?|model|agent|environment"
    r"|env|target|team|project|type|readonly)(?:_|$)"
)
# What some clients wrap the arguments in once more.
_WRAPPERS: Final = frozenset({"arguments", "args", "input", "kwargs", "parameters", "params"})


def quoted(value: Any) -> str:
    """Return a value as JSON of ASCII characters, cut to a length that fits into a sentence, without keys."""
    text = json.dumps(value[: 2 * _SHOWN_CHARACTERS] if isinstance(value, str) else value, default=repr)
    return without_keys(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…")


def is_absent(value: Any) -> bool:
    """Return whether models send this value for an argument that they leave out."""
    return value is None or value in ([], {}) or (isinstance(value, str) and value.strip().lower() in _ABSENT)


def parsed(value: Any) -> Any:
    """Return what JSON text of a sensible length stands for; any other value unchanged."""
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def sort_arguments(
    tool: str, given: Mapping[str, Any], known: Collection[str], *, changes: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments that the tool has, and a note on each other one that was left out.

    Args:
        tool: The name of the tool.
        given: What the client sent, unchecked; it may be huge.
        known: The names of the tool's arguments.
        changes: Whether the tool changes anything.

    Raises:
        InvalidArgumentError: An argument is unknown, and leaving it out could be wrong.
    """
    given = _unwrapped(given, known)
    if len(given) > MOST_ARGUMENTS:
        named = [_no_argument(tool, name) for name in islice(_unknown(given, known), _MOST_NAMED)]
        many = f"{len(given)} arguments were given; no tool takes more than {MOST_ARGUMENTS}."
        raise InvalidArgumentError(" ".join([many, *named, _takes(known)]))
    problems, notes = [], []
    for number, name in enumerate(_unknown(given, known)):
        if meant := _same(name, known) or (_nearest(name, known) if number < _MOST_NAMED else ""):
            problems.append(f"{_no_argument(tool, name)} Did you mean {meant}?")
        elif changes and _restricts(name) and not is_absent(given[name]):
            reason = "A tool that changes something is not called with an argument that it would ignore."
            problems.append(f"{_no_argument(tool, name)} {reason}")
        else:
            notes.append(f"{_no_argument(tool, name)} It was left out.")
        if len(problems) == _MOST_NAMED:
            break
    if problems:
        raise InvalidArgumentError(" ".join([*dict.fromkeys(problems), _takes(known)]))
    return {name: value for name, value in given.items() if name in known}, notes[:_MOST_NAMED]


def _unwrapped(given: Mapping[str, Any], known: Collection[str]) -> Mapping[str, Any]:
    if len(given) == 1:
        ((name, inner),) = given.items()
        if name in _WRAPPERS and name not in known:
            inner = parsed(inner)
            return inner if isinstance(inner, Mapping) else given
    return given


def _unknown(given: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    return (name for name in given if name not in known and not is_host_field(name))


def _no_argument(tool: str, name: str) -> str:
    return f"{tool} has no argument {quoted(name)}."


def _takes(known: Collection[str]) -> str:
    return f"It takes: {', '.join(known)}." if known else "It takes none."


def _snake(name: str) -> str:
    name = name[: 2 * _LONGEST_COMPARED].strip().strip("\"'`")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\s.-]+", "_", name).lower()


def _same(name: str, known: Collection[str]) -> str:
    """Return the argument with the same letters, or the same but for an ending."""
    plain = _snake(name)
    letters = plain.replace("_", "")
    for one in known:
        if letters == one.replace("_", "") or _SYNONYMS.get(plain) == one or _differ_by_ending(plain, one):
            return one
    return ""


def _nearest(name: str, known: Collection[str]) -> str:
    """Return the argument that differs by a slip of few letters."""
    letters = _snake(name).replace("_", "")
    found = []
    for one in known if len(letters) <= _LONGEST_COMPARED else ():
        other = one.replace("_", "")
        most = max(1, min(len(letters), len(other)) // 4)
        if abs(len(letters) - len(other)) <= most and (distance := _distance(letters, other)) <= most:
            found.append((distance, one))
    return min(found)[1] if found else ""


def _restricts(name: str) -> bool:
    """Return whether a name asks a call to do less or otherwise; that of an identifier, such as `agentId`, does not."""
    plain = _snake(name)
    return not plain.endswith(("_id", "_uuid")) and _RESTRICTING.search(plain) is not None


def _differ_by_ending(name: str, other: str) -> bool:
    short, long = sorted((name, other), key=len)
    return long.startswith(short) and long[len(short) :].removeprefix("_") in _ENDINGS


def _distance(first: str, second: str) -> int:
    """Return the number of letters to insert, remove, replace or swap (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(second, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
