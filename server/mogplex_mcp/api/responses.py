"""Read a response of the API: data, or the error that it means."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from http import HTTPStatus
from typing import Any, Final, NoReturn
from urllib.parse import urljoin, urlsplit

from pydantic_core import from_json

from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.api.json_limits import find_excess, replace_lone_surrogates
from mogplex_mcp.core.cleaning import clean_line

# What POST /runs says of a repo id that it does not know, each time (mogplex-api.md, section 2, "Starting a run").
RUN_LIMITER_UNAVAILABLE = "run rate limit unavailable"
# What POST /runs says when its own quota of starts is used up; other requests of this token still pass.
RUN_LIMIT_EXCEEDED = "run rate limit exceeded"

# Classes of statuses (RFC 9110, section 15).
SUCCESSES: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_CLIENT_ERRORS: Final = range(400, 500)
SERVER_ERRORS: Final = range(500, 600)

_LONGEST_REASON = 300

# The window of the rate limit, in seconds: what Retry-After says, and the default where a 429 has no such header.
RATE_LIMIT_SECONDS = 60.0

_CODES = {
    "BAD_REQUEST": ErrorCode.BAD_REQUEST,
    "UNAUTHORIZED": ErrorCode.UNAUTHORIZED,
    "FORBIDDEN": ErrorCode.FORBIDDEN,
    "NOT_FOUND": ErrorCode.NOT_FOUND,
    "CONFLICT": ErrorCode.CONFLICT,
    "IDEMPOTENCY_CONFLICT": ErrorCode.IDEMPOTENCY_CONFLICT,
    "RATE_LIMITED": ErrorCode.RATE_LIMITED,
    "INTERNAL_ERROR": ErrorCode.INTERNAL_ERROR,
    "SERVICE_UNAVAILABLE": ErrorCode.SERVICE_UNAVAILABLE,
}
# Statuses that are right where the code in the body was seen to differ, such as 404 with BAD_REQUEST.
_CODES_BY_STATUS = {
    401: ErrorCode.UNAUTHORIZED,
    402: ErrorCode.BILLING,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    429: ErrorCode.RATE_LIMITED,
    501: ErrorCode.NOT_SUPPORTED,
    502: ErrorCode.SERVICE_UNAVAILABLE,
    504: ErrorCode.SERVICE_UNAVAILABLE,
}
_CODES_BY_STATUS_WITHOUT_CODE = {
    409: ErrorCode.CONFLICT,
    503: ErrorCode.SERVICE_UNAVAILABLE,
}
# What a server or a proxy before Mogplex says without an envelope.
_OWN_WORDS = {
    407: (ErrorCode.UNREACHABLE, "A proxy before {host} asks for a user name and password"),
    413: (ErrorCode.BAD_REQUEST, "{host} does not accept a request of this size: send less in one request"),
    414: (ErrorCode.BAD_REQUEST, "{host} does not accept an address of this length: shorten the arguments"),
    431: (
        ErrorCode.BAD_REQUEST,
        "{host} does not accept headers of this size; this program sends few, so a proxy may add to them",
    ),
}
_TITLE_START = re.compile(r"<title[^>]{0,200}>", re.IGNORECASE)
_TITLE_END = re.compile(r"</title", re.IGNORECASE)
_LONGEST_DATE = 100


@dataclass(frozen=True)
class ApiResponse:
    """One response, its body read to the end and decompressed.

    Attributes:
        url: The request's URL. It holds no secret: the token is in a header.
        status: The HTTP status.
        content_type: The header, lower case, without parameters; "" when there was none.
        location: The target of a redirect; "" when there was none.
        retry_after: Seconds, from the header of that name; None when there was none.
        body: The bytes, decompressed.
    """

    url: str
    status: int
    content_type: str
    location: str
    retry_after: float | None
    body: bytes

    @property
    def host(self) -> str:
        """Return the host of the request."""
        return urlsplit(self.url).hostname or ""

    def json(self) -> Any:
        """Return the body as JSON that can be encoded again.

        Raises:
            MogplexError: `REDIRECTED`, or `UNEXPECTED_ANSWER` (`RATE_LIMITED` for a bare 429) if it isn't JSON.
        """
        if self.location and self.status in _REDIRECTS:
            raise self._redirect_error()
        if self.content_type != "application/json":
            self.refuse()
        if excess := find_excess(self.body):
            self.refuse(excess)
        try:
            return from_json(self.body, allow_inf_nan=False, cache_strings="keys")
        except ValueError:
            pass
        try:
            return from_json(replace_lone_surrogates(self.body), allow_inf_nan=False, cache_strings="keys")
        except ValueError:
            self.refuse("that cannot be read")

    def refuse(self, why: str = "", what: str = "") -> NoReturn:
        """Raise an error that describes a response which did not come from the Mogplex API.

        Args:
            why: What is wrong with it, as a relative clause.
            what: What it is, if its body was not read.
        """
        is_limit = self.status == HTTPStatus.TOO_MANY_REQUESTS
        code = ErrorCode.RATE_LIMITED if is_limit else ErrorCode.UNEXPECTED_ANSWER
        if self.status in _OWN_WORDS:
            code, words = _OWN_WORDS[self.status]
            blame = Blame.PROXY if code is ErrorCode.UNREACHABLE else None
            raise MogplexError(code, f"{words.format(host=self.host)} (status {self.status}).", blame=blame)
        came = f"{what or self._describe()}{why and ' '}{why} with status {self.status}"
        text = f"Received {came} from {self.host} instead of an answer of the Mogplex API."
        if self.status == HTTPStatus.INTERNAL_SERVER_ERROR and self.content_type in ("", "text/plain"):
            # An uncaught error of Mogplex itself (mogplex-api.md, section 2, "Auth and paths").
            code, text = ErrorCode.INTERNAL_ERROR, f"{self.host} failed without a reason: it sent {came}."
        raise MogplexError(
            code,
            text,
            status=self.status,
            retry_after=_retry_seconds(code, self.retry_after),
            may_have_happened=self.status in SUCCESSES or self.status in SERVER_ERRORS,
        )

    def _describe(self) -> str:
        size = f"{len(self.body)} bytes"
        if not self.body:
            return "an empty answer"
        start = self.body[:20_000].decode("utf-8", "replace")
        if self.content_type in ("text/html", "application/xhtml+xml"):
            title = _title_of(start)
            return f"an HTML page ({f'title: {title}, ' if title else ''}{size})"
        kind = (
            "JSON" if self.content_type == "application/json" else clean_line(self.content_type, 60) or "untyped data"
        )
        if "\x00" in start or "\ufffd" in start:
            return f"{kind} ({size})"
        return f'{kind} ({size}: "{clean_line(start, 120)}")'

    def _redirect_error(self) -> MogplexError:
        try:
            target = urlsplit(urljoin(self.url, self.location))
            host, path = target.hostname or self.host, target.path
        except ValueError:
            host, path = "an unreadable address", ""
        if path.rstrip("/").endswith("/login"):
            hint = "That is the login page: the token was not accepted as a Bearer token."
        else:
            hint = "Redirects are not followed, so that the token stays where it belongs."
        return MogplexError(
            ErrorCode.REDIRECTED,
            f"{self.host} redirects to {clean_line(host, 100)} (status {self.status}). {hint}",
            status=self.status,
        )


def read_envelope(response: ApiResponse) -> dict[str, Any]:
    """Return the `data` of a response's envelope (mogplex-api.md, section 1, "Envelope").

    Raises:
        MogplexError: The error in the envelope; `REDIRECTED` or `UNEXPECTED_ANSWER` without an envelope.
    """
    envelope = response.json()
    if not isinstance(envelope, dict):
        response.refuse("without an envelope")
    if envelope.get("ok") is False:
        error = envelope.get("error")
        raise service_error(error if isinstance(error, dict) else {}, response.status, response.retry_after)
    data = envelope.get("data")
    if envelope.get("ok") is not True or response.status not in SUCCESSES or not isinstance(data, dict):
        response.refuse("without an envelope")
    return data


def _title_of(page: str) -> str:
    begin = _TITLE_START.search(page)
    # Only after the first one: a pattern for both takes quadratic time where many titles have no end.
    end = _TITLE_END.search(page, begin.end()) if begin else None
    return clean_line(unescape(page[begin.end() : end.start()]), 120) if begin and end else ""


def service_error(error: dict[str, Any], status: int, retry_after: float | None) -> MogplexError:
    """Return the error for a `{"code", "message"}` of Mogplex and the status of its response."""
    said = error.get("message")
    message = clean_line(said, _LONGEST_REASON) if isinstance(said, str) else ""
    code = _error_code(error.get("code"), status)
    # After a 5xx it isn't known: a 500 of POST /runs was seen to leave a run behind.
    may_have_happened = status in SERVER_ERRORS and code is not ErrorCode.NOT_SUPPORTED
    if RUN_LIMITER_UNAVAILABLE in message:
        may_have_happened = False  # the limiter comes before everything else
        message += ". Mogplex answers this, for ever, for a repo id that it does not know: check the repo id."
        retry_after = None
    return MogplexError(
        code,
        message or f"Mogplex gave no reason (status {status})",
        status=status,
        retry_after=_retry_seconds(code, retry_after),
        may_have_happened=may_have_happened,
    )


def read_retry_after(header: str, now: datetime | None = None) -> float | None:
    """Return the seconds of a `Retry-After` header (RFC 9110, 10.2.3: seconds or a date); None for neither.

    Args:
        header: The header.
        now: What time it is on the clock of the server, which the date is of; None takes the clock of this machine.
    """
    header = header.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", header, re.ASCII):
        return float(header)
    moment = read_date(header)
    if moment is None:
        return None
    return float(max(0, math.ceil((moment - (now or datetime.now(UTC))).total_seconds())))


def read_date(header: str) -> datetime | None:
    """Return the time in a header (RFC 9110, 5.6.7); None if it isn't a date."""
    if not header or len(header) > _LONGEST_DATE:
        return None
    try:
        moment = parsedate_to_datetime(header)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _error_code(code: object, status: int) -> ErrorCode:
    if (status, code) == (403, "CONFLICT"):  # about the balance of the account (mogplex-api.md, section 2)
        return ErrorCode.BILLING
    if status in _CODES_BY_STATUS:
        return _CODES_BY_STATUS[status]
    if isinstance(code, str) and code in _CODES:
        return _CODES[code]
    if status in _CODES_BY_STATUS_WITHOUT_CODE:
        return _CODES_BY_STATUS_WITHOUT_CODE[status]
    return ErrorCode.BAD_REQUEST if status in _CLIENT_ERRORS else ErrorCode.INTERNAL_ERROR


def _retry_seconds(code: ErrorCode, retry_after: float | None) -> float | None:
    return RATE_LIMIT_SECONDS if retry_after is None and code is ErrorCode.RATE_LIMITED else retry_after
