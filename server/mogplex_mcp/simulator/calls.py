"""What a route gets to answer a call, and what routes share."""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import ids
from .faults import Faults
from .limits import RateLimit, StartQuotas
from .messages import Request, Response, bad_request, internal_error
from .scripts import RunScript, script_of
from .world import Token, User, World

_LONGEST_KEY = 200
_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+)")


@dataclass(slots=True)
class State:
    """A world and what moves in it.

    Attributes:
        now: epoch seconds.
        run_seconds: how long a scripted run takes.
        planned: scripts of the next runs.
        sleep: waits for seconds on the simulator's clock.
        rate_limit: requests a minute.
        quotas: starts of runs.
        faults: what goes wrong on purpose.
    """

    world: World
    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    run_seconds: float
    rate_limit: RateLimit
    quotas: StartQuotas
    planned: deque[RunScript] = field(default_factory=deque)
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


@dataclass(slots=True)
class Call:
    """An authenticated request on its way to a route.

    Attributes:
        state: the world and what moves in it.
        request: what was asked.
        user: who asks.
        token: with which token.
        parameters: the variable parts of the path, decoded.
    """

    state: State
    request: Request
    user: User
    token: Token
    parameters: Mapping[str, str]

    @property
    def world(self) -> World:
        """The world of this call."""
        return self.state.world

    @property
    def now(self) -> float:
        """The moment, epoch seconds."""
        return self.state.now()

    def limit(self, default: int, most: int) -> int:
        """Read `limit` as the API does: what is no number means the default, everything else is clamped."""
        match = _LEADING_INTEGER.match(self.request.query.get("limit", ""))
        return default if match is None else max(1, min(most, int(match[1])))

    def uuid(self, name: str, otherwise: str) -> str:
        """Read an id from the path.

        Raises:
            Refusal: 500 with the given message, as its database refuses what is no UUID.
        """
        return uuid_or_500(self.parameters[name], otherwise)

    def idempotency_key(self) -> str:
        """Read the `Idempotency-Key`.

        Raises:
            Refusal: there is none, or it is longer than 200 characters.
        """
        key = self.request.headers.get("idempotency-key", "").strip()
        if not key:
            raise bad_request("Idempotency-Key is required")
        if len(key) > _LONGEST_KEY:
            raise bad_request(f"Idempotency-Key exceeds maximum length of {_LONGEST_KEY} characters")
        return key

    def json_or(self, fallback: Any) -> Any:
        """Read the body as JSON, or take something else for what is none."""
        try:
            return self.request.json()
        except ValueError:
            return fallback

    def json(self) -> Any:
        """Read the body as JSON.

        Raises:
            Refusal: 400, it is none.
        """
        try:
            return self.request.json()
        except ValueError as broken:
            raise bad_request("Invalid JSON body") from broken


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of a route: what answers, and the scope it wants (several reads want none in fact)."""

    handler: Handler
    scope: str | None = None


Routes = Mapping[str, Mapping[str, Endpoint]]
"""Path template below the base path, to method, to endpoint."""


def uuid_or_500(text: str, otherwise: str) -> str:
    """Read an id.

    Raises:
        Refusal: 500 with the given message where the database would refuse it.
    """
    found = ids.canonical(text)
    if found is None:
        raise internal_error(otherwise)
    return found


def text_field(body: Any, name: str) -> str | None:
    """Take a text from a body, trimmed; None where it is missing, blank or of another type."""
    value = body.get(name) if isinstance(body, dict) else None
    return (value.strip() or None) if isinstance(value, str) else None
