"""The context in which a route handles a request, and helpers that routes share."""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import formats
from .faults import Faults
from .limits import RateLimit, StartQuotas
from .messages import ApiError, Request, Response, bad_request, internal_error
from .scripts import SUCCESS, RunScript, script_of
from .world import ApiToken, User, World

_LONGEST_KEY = 200
_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+)")


@dataclass(slots=True)
class State:
    """The simulator's data and everything that changes over time.

    Attributes:
        now: epoch seconds.
        run_seconds: how long a scripted run takes.
        planned: scripts for the next runs.
        planned_job_endings: how the next runs of automations end.
        sleep: waits for seconds on the simulator's clock.
        rate_limit: requests a minute.
        quotas: starts of runs.
        faults: the injected faults.
    """

    world: World
    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    run_seconds: float
    rate_limit: RateLimit
    quotas: StartQuotas
    planned: deque[RunScript] = field(default_factory=deque)
    planned_job_endings: deque[str] = field(default_factory=deque)
    faults: Faults = field(default_factory=Faults)

    def next_script(self, prompt: str) -> RunScript:
        """Choose the script of a new run: a planned one, one the prompt names, or the world's default."""
        if self.planned:
            return self.planned.popleft()
        named = re.search(r"simulate:(\w+)", prompt)
        try:
            return script_of(named[1] if named else self.world.default_script)
        except KeyError:
            return script_of(self.world.default_script)

    def next_job_ending(self) -> str:
        """Choose how a new run of an automation ends: as planned, or well."""
        return self.planned_job_endings.popleft() if self.planned_job_endings else SUCCESS


@dataclass(slots=True)
class RouteContext:
    """An authenticated request with everything its route needs.

    Attributes:
        state: the simulator's data and everything that changes over time.
        request: the HTTP request.
        user: the owner of the token.
        token: the token of the request.
        parameters: the variable parts of the path, decoded.
    """

    state: State
    request: Request
    user: User
    token: ApiToken
    parameters: Mapping[str, str]

    @property
    def world(self) -> World:
        """Return the simulator's data."""
        return self.state.world

    @property
    def now(self) -> float:
        """Return the current time, epoch seconds."""
        return self.state.now()

    def limit(self, default: int, most: int) -> int:
        """Read `limit` as the API does: anything but a number means the default, numbers are clamped."""
        match = _LEADING_INTEGER.match(self.request.query.get("limit", ""))
        return default if match is None else max(1, min(most, int(match[1])))

    def uuid(self, name: str, otherwise: str) -> str:
        """Read an id from the path.

        Raises:
            ApiError: 500 with the given message for anything but a UUID, which the real database rejects.
        """
        return uuid_or_500(self.parameters[name], otherwise)

    def idempotency_key(self) -> str:
        """Read the `Idempotency-Key`.

        Raises:
            ApiError: there is none, or it is longer than 200 characters.
        """
        key = self.request.headers.get("idempotency-key", "").strip()
        if not key:
            raise bad_request("Idempotency-Key is required")
        if len(key) > _LONGEST_KEY:
            raise bad_request(f"Idempotency-Key exceeds maximum length of {_LONGEST_KEY} characters")
        return key

    def json_or(self, fallback: Any) -> Any:
        """Read the body as JSON; return the fallback if it isn't JSON."""
        try:
            return self.request.json()
        except ValueError:
            return fallback

    def json(self) -> Any:
        """Read the body as JSON.

        Raises:
            ApiError: 400, it isn't JSON.
        """
        try:
            return self.request.json()
        except ValueError as broken:
            raise bad_request("Invalid JSON body") from broken


Handler = Callable[[RouteContext], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of a route: its handler, and the scope it requires (several reads require none, as observed)."""

    handler: Handler
    scope: str | None = None


Routes = Mapping[str, Mapping[str, Endpoint]]
"""Endpoints by path template below the base path, then by method."""


def uuid_or_500(text: str, otherwise: str) -> str:
    """Read an id.

    Raises:
        ApiError: 500 with the given message if the real database would reject it.
    """
    found = formats.canonical(text)
    if found is None:
        raise internal_error(otherwise)
    return found


def require_funds(context: RouteContext) -> None:
    """Check that the caller has the means for a sandbox.

    Raises:
        ApiError: 403 with the code CONFLICT, the billing balance isn't positive.
    """
    if not context.user.funded:
        message = "Hosted sandbox compute requires a positive billing balance."
        raise ApiError(403, "CONFLICT", f"{message} Add funds or choose a plan in Settings > Billing.")


def text_field(body: Any, name: str) -> str | None:
    """Return a text field of a body, trimmed; None if it is missing, blank or of another type."""
    value = body.get(name) if isinstance(body, dict) else None
    return (value.strip() or None) if isinstance(value, str) else None
