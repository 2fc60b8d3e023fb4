"""The recorded answers of a real deployment, one a line: n, group, case, request, response."""

import json
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[1] / "data" / "mogplex-transcripts.jsonl"
API = "/api/v1/mogplex"
CUT = "…[cut in this record"


@cache
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]


def row(number: int) -> dict[str, Any]:
    return next(row for row in rows() if row["n"] == number)


def path_of(recorded: dict[str, Any]) -> str:
    """The path below the API's base, without query; as it is for paths elsewhere."""
    path: str = recorded["request"]["path"].partition("?")[0]
    return path.removeprefix(API)


def envelope_of(recorded: dict[str, Any]) -> dict[str, Any]:
    """The envelope; of one that the recording cut, with as many whole members of its list as there are.

    Raises:
        ValueError: When it was cut before its list began.
    """
    text: str = recorded["response"]["body"]
    if CUT not in text:
        envelope: dict[str, Any] = json.loads(text)
        return envelope
    text = text.partition(CUT)[0]
    ends = [index + 1 for index, char in enumerate(text) if char in "}["]
    for end in reversed(ends):
        try:
            envelope = json.loads(text[:end] + "]}}")
        except ValueError:
            continue
        return envelope
    raise ValueError(recorded["n"])
