"""Send one request to Mogplex with its token, deadline, budget and retries; return data or raise `MogplexError`."""

import json
import random as random_module
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit

import anyio

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import without_ids
from mogplex_mcp.api.responses import RATE_LIMIT_SECONDS, RUN_LIMIT_EXCEEDED, SERVER_ERRORS, ApiResponse, read_envelope
from mogplex_mcp.api.retry import retrying

if TYPE_CHECKING:
    import httpx2

    from mogplex_mcp.api.budget import Budget

JSON: TypeAlias = Mapping[str, Any]
"""A JSON object to send."""

T = TypeVar("T")

DEFAULT_TIMEOUT = 25.0

# What Mogplex responds with, and without an envelope, where it has no such route or method.
_MISSING = (404, 405)
_LOOK_SECONDS = 5.0
_MARGIN_SECONDS = 0.1
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass
class _Call(Generic[T]):
    """One logical request, over all of its attempts.

    Attributes:
        request: What each attempt sends.
        read: Returns the result of a response, or raises.
        changes: Whether it may change something at Mogplex.
        repeatable: Whether it is idempotent: sending it twice does no more than sending it once.
        units: What each attempt costs of the budget.
        watching: Whether it is background polling.
        route: Its method and path, without ids.
        may_have_happened: Whether an attempt so far may have taken effect without a response that says so.
    """

    request: "httpx2.Request"
    read: Callable[[ApiResponse], T]
    changes: bool
    repeatable: bool
    units: int
    watching: bool
    route: str
    may_have_happened: bool = False


class MogplexHttp:
    """Sends requests to one Mogplex with one token.

    Args:
        transport: Made by `create_transport`, and closed by the maker.
        base_url: Made by `normalise_base_url`. The token goes there and nowhere else.
        token: None if the user has none; then every request raises `NO_TOKEN`.
        budget: The requests that the token may make.
        sleep: Waits between attempts.
        random: A number from 0 to 1, for the jitter of those waits.
    """

    def __init__(
        self,
        transport: "httpx2.AsyncBaseTransport",
        base_url: str,
        token: Token | None,
        budget: "Budget",
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._transport = transport
        self._base_url = base_url
        self._host = urlsplit(base_url).hostname or ""
        self._token = token
        self._budget = budget
        self._sleep = sleep
        self._random = random
        # The routes that responded as the Mogplex API does.
        self._known_routes: set[str] = set()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: JSON | None = None,
        idempotency_key: str | None = None,
        watching: bool = False,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - a value for people and tools, made a scope inside
        blocking: bool = False,
    ) -> dict[str, Any]:
        """Send a request to a v1 route (mogplex-api.md, section 1) and return the `data` of its envelope.

        GETs, and POSTs with an idempotency key, are retried (at most 3 attempts, inside the deadline) when the
        connection broke or Mogplex responded with 429, 502, 503 or 504.

        Args:
            method: GET, POST, PUT or DELETE.
            path: Below the base URL, made of checked ids only, such as "/runs/75ce86aa-...".
            query: Parameters of the URL.
            body: The JSON object to send.
            idempotency_key: The header of that name, 1 to 200 visible ASCII characters.
            watching: Whether this is background polling, which may use half of the budget only.
            timeout: Seconds for everything: waiting for the budget, all attempts, all pauses.
            blocking: Whether the route may be silent for all of `timeout` before it responds.

        Raises:
            MogplexError: Any failure; `may_have_happened` holds for requests that change something.
        """
        call = _Call(
            request=self._build(
                method,
                path,
                query=query,
                body=body,
                idempotency_key=idempotency_key,
                silence=timeout if blocking else None,
            ),
            read=read_envelope,
            changes=method != "GET",
            repeatable=method == "GET" or (method == "POST" and idempotency_key is not None),
            units=1,
            watching=watching,
            route=f"{method} {without_ids(path)}",
        )
        return await self._perform(call, timeout)

    async def exchange(
        self,
        path: str,
        body: JSON,
        *,
        read: Callable[[ApiResponse], T],
        read_only: bool,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - see `request`
        units: int = 1,
    ) -> T:
        """POST a body to a route that responds without the envelope; otherwise like `request`.

        Args:
            path: Below the base URL.
            body: The JSON object to send.
            read: Returns the result of a response, or raises a MogplexError.
            read_only: Whether this changes nothing, and so may be retried.
            timeout: Seconds for everything.
            units: What each attempt costs of the budget.

        Raises:
            MogplexError: As `request`.
        """
        call = _Call(
            request=self._build("POST", path, body=body, silence=None if read_only else timeout),
            read=read,
            changes=not read_only,
            repeatable=read_only,
            units=units,
            watching=False,
            route=f"POST {without_ids(path)}",
        )
        return await self._perform(call, timeout)

    def _build(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: JSON | None = None,
        idempotency_key: str | None = None,
        silence: float | None,
    ) -> "httpx2.Request":
        """Return the request of `request`, or refuse it before anything is spent.

        After `silence` seconds without a byte of the response it is given up; None is the default.
        """
        if self._token is None:
            raise MogplexError(
                ErrorCode.NO_TOKEN,
                "There is no Mogplex token: make one under Settings > API keys on the Mogplex web site, "
                "and set MOGPLEX_API_KEY to it.",
            )
        headers = {
            "Authorization": f"Bearer {self._token.value}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",  # the only coding that `read_body` decompresses up to a limit
        }
        if idempotency_key is not None:
            if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
                raise MogplexError(
                    ErrorCode.INVALID_ARGUMENT, "The idempotency key must be 1 to 200 visible ASCII characters."
                )
            headers["Idempotency-Key"] = idempotency_key
        _refuse_nul(query)
        _refuse_nul(body)
        from mogplex_mcp.api.exchange import READ_SECONDS, build_request  # noqa: PLC0415 - imports httpx2, not at start-up

        try:
            content = None
            if body is not None:
                content = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
                headers["Content-Type"] = "application/json"
            return build_request(
                method,
                self._base_url + path,
                query=query,
                content=content,
                headers=headers,
                read_seconds=READ_SECONDS if silence is None else silence,
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise MogplexError(
                ErrorCode.INVALID_ARGUMENT, f"An argument cannot be sent to Mogplex ({type(error).__name__})."
            ) from None

    async def _perform(self, call: _Call[T], seconds: float) -> T:
        """Run all attempts of a request within `seconds`."""
        with anyio.move_on_after(seconds):
            try:
                return await retrying(
                    lambda: self._try(call),
                    repeatable=call.repeatable,
                    changes=call.changes,
                    sleep=self._sleep,
                    random=self._random,
                )
            except MogplexError as error:
                if error.status not in _MISSING or _is_of_api(error) or call.route in self._known_routes:
                    raise
                raise await self._missing_route(call.route, error) from error
        raise MogplexError(
            ErrorCode.TIMED_OUT,
            f"{self._host} did not answer within {seconds:.4g} seconds.",
            may_have_happened=call.may_have_happened,
        )

    async def _missing_route(self, route: str, error: MogplexError) -> MogplexError:
        """Return what a 404 or 405 without an envelope means, after a look whether another route responds with one."""
        other = "/agents" if route == "GET /repos" else "/repos"
        is_api = None
        with anyio.move_on_after(_LOOK_SECONDS):
            is_api = await self._is_api(other)
        if is_api is None:
            return error
        if is_api:
            return MogplexError(
                ErrorCode.NOT_SUPPORTED,
                f"This Mogplex has no such route: {self._host} responded with {error.status} to {route}, and as the "
                "Mogplex API to another one. Nothing was done.",
            )
        return MogplexError(
            ErrorCode.UNEXPECTED_ANSWER,
            f"{self._host} responded with {error.status} to {route}, and to no other route as the Mogplex API does.",
            blame=Blame.ADDRESS,
        )

    async def _is_api(self, path: str) -> bool | None:
        """Return whether a route responds as the Mogplex API does; None if it is not known."""
        from mogplex_mcp.api.exchange import send  # noqa: PLC0415 - as below

        try:
            await self._budget.spend(1, watching=False)
            read_envelope(await send(self._transport, self._build("GET", path, query={"limit": 1}, silence=None)))
        except MogplexError as error:
            says_nothing = error.status in (None, HTTPStatus.TOO_MANY_REQUESTS) or error.status in SERVER_ERRORS
            return None if says_nothing else _is_of_api(error)
        return True

    async def _try(self, call: _Call[T]) -> T:
        """Make one attempt: wait for the budget, send the request, read the response."""
        from mogplex_mcp.api.exchange import send  # noqa: PLC0415 - as above

        before = call.may_have_happened
        try:
            await self._budget.spend(call.units, watching=call.watching)
            _end_silence_before_deadline(call.request)
            call.may_have_happened |= call.changes  # not known from here on, until a response says so
            result = call.read(await send(self._transport, call.request))
        except MogplexError as error:
            if _is_of_api(error):
                self._known_routes.add(call.route)
            call.may_have_happened = before or (call.changes and error.may_have_happened)
            error.may_have_happened = call.may_have_happened
            if error.code is ErrorCode.RATE_LIMITED and RUN_LIMIT_EXCEEDED not in error.message:
                await self._budget.pause(min(error.retry_after or 0.0, RATE_LIMIT_SECONDS))
            raise
        self._known_routes.add(call.route)
        return result


def _end_silence_before_deadline(request: "httpx2.Request") -> None:
    """Shorten the time-out of reading, so that a silence is noticed as one, and not as a request that was cancelled."""
    timeout = request.extensions["timeout"]
    left = anyio.current_effective_deadline() - anyio.current_time()
    request.extensions["timeout"] = {**timeout, "read": min(timeout["read"], max(left - _MARGIN_SECONDS, left / 2))}


def _is_of_api(error: MogplexError) -> bool:
    """Return whether an error was said in an envelope of the API."""
    return error.status is not None and error.code not in (ErrorCode.UNEXPECTED_ANSWER, ErrorCode.REDIRECTED)


def _refuse_nul(values: Mapping[str, object] | None) -> None:
    """Refuse a NUL, which Mogplex answers with 500 (mogplex-api.md, section 2, "Starting a run")."""
    for name, value in (values or {}).items():
        if isinstance(value, str) and "\0" in value:
            raise MogplexError(ErrorCode.INVALID_ARGUMENT, f"{name} holds a NUL character: leave it away.")
