"""Answers that are not what they should be: each field of the real one spoilt in turn."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2

from tests.faults.routes import Route

Place = tuple[str | int, ...]
Spoil = Callable[[Any], Any]

MISSING = object()
# Objects whose fields are what they tell.
_NAMED = ("http_headers", "env")
_HUGE_TEXT = "x\x1b[31m\u202e " * 3_000
_OTHER_TYPES: dict[type, Any] = {str: {"text": 7}, bool: "yes", int: "many", float: [], dict: "none", list: {"0": None}}
_STILL_OTHER_TYPES: dict[type, Any] = {str: 7, bool: 0, int: {"n": 1}, float: True, dict: [None], list: "none"}
_EMPTY: dict[type, Any] = {str: "", bool: None, int: -1, float: -0.5, dict: {}, list: []}


def _huge(value: Any) -> Any:
    match value:
        case str():
            return _HUGE_TEXT
        case dict():
            return value | {f"more-{number}": _HUGE_TEXT[:40] for number in range(200)}
        case list():
            return value * 100
        case _:
            return 10**40


SPOILS: dict[str, Spoil] = {
    "missing": lambda _: MISSING,
    "null": lambda _: None,
    "another type": lambda value: _OTHER_TYPES.get(type(value), ["something"]),
    "still another type": lambda value: _STILL_OTHER_TYPES.get(type(value), "something"),
    "empty": lambda value: _EMPTY.get(type(value), ""),
    "huge": _huge,
}


class Spoiling(httpx2.AsyncBaseTransport):
    """Spoils the JSON of the answers of one route.

    Args:
        whole: What answers.
        route: Whose answers are spoilt.

    Attributes:
        spoil: What is made of an answer; None leaves it as it is.
        last: The last answer of the route, before it was spoilt.
    """

    def __init__(self, whole: httpx2.AsyncBaseTransport, route: Route) -> None:
        self._whole = whole
        self._route = route
        self.spoil: Callable[[Any], Any] | None = None
        self.last: Any = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._whole.handle_async_request(request)
        if not self._route.fits(request.method, request.url.path):
            return answer
        self.last = json.loads(await answer.aread())
        value = self.last if self.spoil is None else self.spoil(copy.deepcopy(self.last))
        return httpx2.Response(
            answer.status_code, content=json.dumps(value), headers={"content-type": "application/json"}
        )


def places(value: Any, deepest: int, above: Place = ()) -> Iterator[Place]:
    """Where something stands in an answer; of a list, its first member stands for all."""
    yield above
    if len(above) < deepest:
        inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
        for step, inner in inside:
            yield from places(inner, deepest, (*above, step))


def spoilt(value: Any, place: Place, spoil: Spoil) -> Any:
    """The answer with another value in one place."""
    if not place:
        new = spoil(value)
        return {} if new is MISSING else new
    *way, last = place
    inner = value
    for step in way:
        inner = inner[step]
    new = spoil(inner[last])
    if new is MISSING:
        del inner[last]
    else:
        inner[last] = new
    return value


def with_more(value: Any) -> Any:
    """The answer with fields that nobody knows in each of its objects."""
    if isinstance(value, dict):
        return {name: inner if name in _NAMED else with_more(inner) for name, inner in value.items()} | {
            "brandNew": {"deep": [None]},
            "brand_new": 1,
        }
    return [with_more(inner) for inner in value] if isinstance(value, list) else value
