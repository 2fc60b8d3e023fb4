"""Reading recordings: rows, what was cut out of them, and how answers are compared."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent.parent / "data"
OWN = (_DATA / "mogplex-transcripts.jsonl", _DATA / "mogplex-transcripts-2.jsonl")
CUT = re.compile(r"…\[cut[^\]]*\]\Z")
_SESSION = 1_000  # rows of one recording session share the thousands of their number
JSON = "application/json"
_CUT_REQUEST = re.compile(r"\.\.\.<(\d+) chars>\Z")


@dataclass(frozen=True)
class Row:
    """A recorded request and its answer."""

    n: int
    group: str
    case: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: str | None
    signed_in: bool = False

    @cached_property
    def json(self) -> Any:
        """The answer as JSON, as far as it was kept; None for anything else."""
        text = self.answer or ""
        kind = self.answer_headers.get("content-type", "" if self.answer_headers or text[:1] != "{" else JSON)
        if not text or not kind.startswith(JSON):
            return None
        return repaired(CUT.sub("", text)) if self.is_cut else json.loads(text)

    @cached_property
    def is_cut(self) -> bool:
        """Whether only the beginning of the answer was kept, with a mark or (in answers without headers) without."""
        if self.answer_headers or not (self.answer or "").startswith("{"):
            return CUT.search(self.answer or "") is not None
        try:
            json.loads(self.answer or "")
        except ValueError:
            return True
        return False

    @property
    def token(self) -> str | None:
        """What followed `Bearer `."""
        header = self.headers.get("Authorization", "")
        return header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else None


def replayed_sessions() -> Iterator[tuple[list[Row], set[int]]]:
    """Read the recordings to replay, one session after the other.

    Yields:
        The rows in order, and the numbers of those to compare. Other recordings of the same deployment
        (`MOGPLEX_TRANSCRIPTS`) are put between our own rows, which then only set the stage.
    """
    own = _sessions(OWN)
    other_path = os.environ.get("MOGPLEX_TRANSCRIPTS")
    other = _sessions([Path(other_path)]) if other_path else own
    for session, found in sorted(other.items()):
        known = own.get(session, {})
        same_deployment = all(known[n].case == found[n].case for n in known.keys() & found.keys())
        rows = known | found if same_deployment else found
        yield [rows[n] for n in sorted(rows)], set(found)


def _sessions(paths: Iterable[Path]) -> dict[int, dict[int, Row]]:
    sessions: dict[int, dict[int, Row]] = {}
    for path in paths:
        for row in _read(path):
            sessions.setdefault(row.n // _SESSION, {})[row.n] = row
    return sessions


def _read(path: Path) -> Iterator[Row]:
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        request, response = record["request"], record["response"]
        yield Row(
            n=record["n"],
            group=record["group"],
            case=record["case"],
            method=request["method"],
            path=request["path"],
            headers={name: value.removesuffix("…") for name, value in request["headers"].items()},
            body=_body(request["body"], request["headers"]),
            status=response["status"],
            answer_headers=response["headers"],
            answer=response["body"],
            signed_in=request.get("signed_in", False),
        )


def _body(text: str | None, headers: dict[str, str]) -> bytes:
    if text is None:
        return b""
    cut = _CUT_REQUEST.search(text)
    if cut:
        text = _grown(text[: cut.start()], int(cut[1]))
    body = text.encode("latin-1")
    if headers.get("Transfer-Encoding") == "chunked":
        _, _, rest = body.partition(b"\r\n")
        body = rest.partition(b"\r\n0\r\n")[0]
    return body


def _grown(prefix: str, length: int) -> str:
    """Bring a body that was cut back to its length: repeat its end and close what is open."""
    if prefix.startswith("[{"):
        first, _, _ = prefix.partition("}}}, ")
        element = json.loads(first[1:] + "}}}")
        count = next(n for n in range(1, 1_000) if len(json.dumps([element | {"id": i} for i in range(n)])) >= length)
        return json.dumps([element | {"id": number} for number in range(count)])
    in_string = prefix.count('"') % 2 == 1
    unit = prefix[-12:] if re.search(r"\\u\w{4}\\u\w{4}\Z", prefix) else prefix[-1]
    if in_string:
        closing = '"' + _closing(prefix + '"')
        return prefix + unit * ((length - len(prefix) - len(closing)) // len(unit)) + closing
    depth = (length - len(prefix.rstrip("[")) - len(_closing(prefix.rstrip("[")))) // 2
    opened = prefix.rstrip("[") + "[" * depth
    return opened + _closing(opened)


def _closing(text: str) -> str:
    """List the brackets that close what a JSON text leaves open, outside of strings."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    waiting: list[str] = []
    for character in bare:
        if character in "[{":
            waiting.append("]" if character == "[" else "}")
        elif character in "]}":
            waiting.pop()
    return "".join(reversed(waiting))


def repaired(text: str) -> Any:
    """Parse the complete part of a truncated JSON text."""
    for end in range(len(text), 0, -1):
        if text[end - 1] not in ',]}"elE0123456789':
            continue
        candidate = text[:end].rstrip(",")
        if len(re.sub(r"\\.", "", candidate).split('"')) % 2 == 0:
            continue
        try:
            return json.loads(candidate + _closing(candidate))
        except ValueError:
            continue
    return None


def shape(value: Any) -> Any:
    """Reduce JSON to its keys and types; a list becomes its elements' shapes put together."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        merged: Any = set()
        for item in value:
            merged = _merged(merged, shape(item))
        return [merged] if value else []
    return {type(value).__name__ if value is not None else "null"} - {"float"} or {"int"}


def _merged(first: Any, second: Any) -> Any:
    if first == set():
        return second
    if isinstance(first, dict) and isinstance(second, dict):
        return {
            key: _merged(first.get(key, {"absent"}), second.get(key, {"absent"}))
            for key in first.keys() | second.keys()
        }
    if isinstance(first, list) and isinstance(second, list):
        return [_merged(first[0], second[0])] if first and second else first or second
    return _types(first) | _types(second)


def difference(recorded: Any, simulated: Any, *, part: bool) -> str | None:
    """Find where two shapes differ.

    Args:
        recorded: the recorded shape.
        simulated: the simulator's.
        part: only the beginning was recorded, so the simulated one may have more.
    """
    return next(_differences(recorded, simulated, "", part=part), None)


def _differences(recorded: Any, simulated: Any, at: str, *, part: bool) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(simulated, dict):
        missing, added = recorded.keys() - simulated.keys(), simulated.keys() - recorded.keys()
        if missing or (added and not part):
            yield f"{at}: missing {sorted(missing)}, added {sorted(added)}"
        for key in recorded.keys() & simulated.keys():
            yield from _differences(recorded[key], simulated[key], f"{at}.{key}", part=part)
    elif isinstance(recorded, list) and isinstance(simulated, list):
        for kinds in zip(recorded, simulated, strict=False):
            yield from _differences(*kinds, f"{at}[]", part=part)
        if bool(recorded) != bool(simulated) and (recorded or not part):
            yield f"{at}: {len(recorded)} and {len(simulated)} kinds of elements"
    elif not _types(recorded) & _types(simulated):
        yield f"{at}: {recorded} and {simulated}"


def _types(part: Any) -> set[str]:
    """The types at one place; more than one where the elements of a list differ."""
    return part if isinstance(part, set) else {type(part).__name__}
