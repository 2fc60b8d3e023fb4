"""HTTP requests, responses and error envelopes of the simulator."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any

BASE_PATH = "/api/v1/mogplex"
MOST_BODY_BYTES = 10 * 1024 * 1024  # longer bodies reach the routes truncated, and so as broken JSON

JSON = "application/json"
HTML = "text/html; charset=utf-8"
PLAIN = "text/plain"
_LOGIN_BYTES = 37_361
_NOT_FOUND_BYTES = 21_500  # as recorded

Wait = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Request:
    """An HTTP request.

    Attributes:
        method: in upper case.
        raw_path: as sent, still percent-encoded, without the query.
        query: name to first value, decoded.
        headers: names in lower case, values stripped.
        wait: sleeps for seconds, on the simulator's clock and within the client's read timeout.
        raw_query: the query string as sent.
        units: rate-limit units that it has cost so far.
        queue_failure: seconds until the broken queue behind starts is noticed; None if it works.
        queue_hang: seconds for which the queue behind starts does not respond; None if it does.
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
    queue_hang: float | None = None

    def json(self) -> Any:
        """Parse the body as JSON the way the service's runtime does.

        Raises:
            ValueError: it isn't JSON, or is longer than 10 MB.
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
    """An HTTP response, without `content-length`: the service sends bodies in chunks."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    def with_header(self, name: str, value: str) -> "Response":
        """Add a header and return the same response."""
        self.headers.append((name, value))
        return self


class ApiError(Exception):
    """An error of the API, raised by routes and sent as an error envelope.

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


class UncaughtError(ApiError):
    """An error that the real service does not catch: 500 without an envelope and without a body."""

    def __init__(self) -> None:
        super().__init__(500, "INTERNAL_ERROR", "")
        self.response = Response(500)


def json_response(status: int, value: Any) -> Response:
    """Return a JSON response."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate can't be encoded as UTF-8; the real service writes the replacement character too.
    return Response(status, text.encode("utf-8", errors="replace"), [("content-type", JSON)])


def ok(data: dict[str, Any], status: int = 200) -> Response:
    """Return a response with the success envelope."""
    return json_response(status, {"ok": True, "data": data})


def error(status: int, code: str, message: str) -> Response:
    """Return a response with the error envelope."""
    return json_response(status, {"ok": False, "error": {"code": code, "message": message}})


def bad_request(message: str) -> ApiError:
    """Return the error for an invalid request."""
    return ApiError(400, "BAD_REQUEST", message)


def not_found(message: str) -> ApiError:
    """Return the error for something that does not exist or is not the caller's."""
    return ApiError(404, "NOT_FOUND", message)


def internal_error(message: str) -> ApiError:
    """Return the 500 with which the API responds to ids that aren't UUIDs, among other things."""
    return ApiError(500, "INTERNAL_ERROR", message)


def redirect(status: int, location: str) -> Response:
    """Return a redirect; the body repeats the address, as recorded."""
    return Response(status, location.encode(), [("location", location)])


def login_page(form: str) -> Response:
    """Return the login page of the web application: 200 and HTML for any method, also after the 307 of a POST."""
    return _page(200, "Log in to Mogplex", _LOGIN_BYTES, form)


def not_found_page(path: str) -> Response:
    """Return the web application's HTML page for an unknown path."""
    return _page(404, f"404: {escape(path)} could not be found.", _NOT_FOUND_BYTES)


def _page(status: int, text: str, size: int, rest: str = "") -> Response:
    head, tail = f"<!DOCTYPE html><html><body><h1>{text}</h1>{rest}<script>/*", "*/</script></body></html>"
    filling = "self.__next_f.push([1]);" * (size // 24 + 1)
    body = head + filling[: max(0, size - len(head) - len(tail))] + tail
    return Response(status, body.encode(), [("content-type", HTML)])


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} isn't JSON")


def _shallow(text: str, deepest: int = 200) -> str:
    """Remove what is nested deeper than Python's parser allows; no route reads that deep."""
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
