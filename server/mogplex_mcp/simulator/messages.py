"""Requests and answers as the simulator's routes see them."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

BASE_PATH = "/api/v1/mogplex"
MOST_BODY_BYTES = 10 * 1024 * 1024  # what is longer reaches the routes cut, and so as broken JSON

JSON = "application/json"
HTML = "text/html; charset=utf-8"
PLAIN = "text/plain"

Wait = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Request:
    """An HTTP request.

    Attributes:
        method: in upper case.
        raw_path: as sent, still percent-encoded, without the query.
        query: name to first value, decoded.
        headers: names in lower case, values stripped.
        wait: sleeps for seconds, on the clock of the simulator and within the patience of the client.
        raw_query: the query string as sent.
        units: how much of the token's minute it has cost so far.
        queue_failure: the queue behind starts is broken: seconds it takes to notice, or None.
    """

    method: str
    raw_path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    wait: Wait
    raw_query: str = ""
    units: int = 0
    queue_failure: float | None = None

    def json(self) -> Any:
        """Read the body as JSON the way the service's runtime does.

        Raises:
            ValueError: it is none, or longer than 10 MB.
        """
        if len(self.body) > MOST_BODY_BYTES:
            raise ValueError("body too long")
        text = self.body.decode("utf-8-sig", errors="replace")
        try:
            return json.loads(text, parse_constant=_no_constant)
        except RecursionError:
            return json.loads(_shallow(text))


@dataclass(slots=True)
class Response:
    """An HTTP response. Without a `content-length`, as the service answers: bodies are sent in chunks."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    def with_header(self, name: str, value: str) -> "Response":
        """Add a header and return the same response."""
        self.headers.append((name, value))
        return self


class Refusal(Exception):  # noqa: N818 - it is an answer of the API, not an error of this program
    """An error envelope as an exception, for routes to leave early.

    Args:
        status: HTTP status; may disagree with the code, as it does in the real API.
        code: one of the API's codes.
        message: for the caller.
        retry_after: seconds for the header of that name.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.response = error(status, code, message)
        if retry_after is not None:
            self.response.with_header("retry-after", str(retry_after))


class Uncaught(Refusal):
    """An error that the real service does not catch: 500 without an envelope and without a body."""

    def __init__(self) -> None:
        super().__init__(500, "INTERNAL_ERROR", "")
        self.response = Response(500)


def json_response(status: int, value: Any) -> Response:
    """Answer with JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate cannot be written as UTF-8; the real service writes the replacement character too.
    return Response(status, text.encode("utf-8", errors="replace"), [("content-type", JSON)])


def ok(data: dict[str, Any], status: int = 200) -> Response:
    """Answer with the success envelope."""
    return json_response(status, {"ok": True, "data": data})


def error(status: int, code: str, message: str) -> Response:
    """Answer with the error envelope."""
    return json_response(status, {"ok": False, "error": {"code": code, "message": message}})


def bad_request(message: str) -> Refusal:
    """Make the refusal of a request that is wrong in itself."""
    return Refusal(400, "BAD_REQUEST", message)


def not_found(message: str) -> Refusal:
    """Make the refusal of a request for something that is not there, or not the caller's."""
    return Refusal(404, "NOT_FOUND", message)


def internal_error(message: str) -> Refusal:
    """Make the 500 that the API answers to ids which are no UUIDs, among other things."""
    return Refusal(500, "INTERNAL_ERROR", message)


def redirect(status: int, location: str) -> Response:
    """Answer with a redirect; the body repeats the address, as recorded."""
    return Response(status, location.encode(), [("location", location)])


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _shallow(text: str, deepest: int = 200) -> str:
    """Drop what is nested deeper than Python's parser can go; no route looks that deep."""
    kept: list[str] = []
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
        if depth <= deepest:
            kept.append(character)
        if not in_string and character in "]}":
            depth -= 1
    return "".join(kept)
