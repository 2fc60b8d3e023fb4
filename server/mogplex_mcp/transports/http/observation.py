"""Observation of HTTP requests, for the access log and for metrics: facts from closed sets, no text of a caller."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mcp_types.methods import SPEC_CLIENT_METHODS, SPEC_CLIENT_NOTIFICATION_METHODS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.transports.http.protected_resource import METADATA_PATHS
from mogplex_mcp.transports.http.refusals import MCP_PATH

OTHER: Final = "other"

_OBSERVED: Final = "mogplex_mcp.observed"
_PATHS: Final = frozenset({"/", MCP_PATH, "/healthz", "/readyz", *METADATA_PATHS})
_HTTP_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_MCP_METHODS: Final = SPEC_CLIENT_METHODS | SPEC_CLIENT_NOTIFICATION_METHODS
_CALL: Final = "tools/call"


@dataclass
class Observed:
    """What is known of one HTTP request.

    Attributes:
        method: Its method.
        path: Its path.
        status: The status of the response; None if there was none.
        seconds: The time until the end of the response.
        mcp_method: The method of the message.
        tool: The tool that is called.
        caller: A hash of the caller's token, `own` for the token of this process; None if the caller is not identified.
    """

    method: str
    path: str
    status: int | None = None
    seconds: float = 0.0
    mcp_method: str | None = None
    tool: str | None = None
    caller: str | None = None


class Observation:
    """ASGI middleware: observes requests and hands them on.

    Args:
        app: The app.
        observers: Called when a request has ended.
        tools: The names of the offered tools.
    """

    def __init__(self, app: ASGIApp, observers: Sequence[Callable[[Observed], None]], tools: frozenset[str]) -> None:
        self._app = app
        self._observers = observers
        self._tools = tools
        self._key = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Observe a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].rstrip("/") or "/"
        method = scope["method"] if scope["method"] in _HTTP_METHODS else OTHER
        observed = Observed(method, path if path in _PATHS else OTHER)

        began = time.perf_counter()
        is_open = True

        def finish() -> None:
            nonlocal is_open
            if is_open:
                is_open = False
                observed.seconds = time.perf_counter() - began
                for observe in self._observers:
                    observe(observed)

        async def send_and_observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                observed.status = message["status"]
            elif not message.get("more_body"):
                finish()  # before it is sent: the next request of the caller comes later in the log
            await send(message)

        try:
            await self._app({**scope, _OBSERVED: (self, observed)}, receive, send_and_observe)
        finally:
            finish()

    def note_caller(self, observed: Observed, caller: FoundToken | None) -> None:
        """Note who the caller is: a hash that is the same for the life of this process, and tells nothing after it."""
        value = caller.token.value if caller and caller.token else ""
        hashed = hashlib.blake2b(value.encode(), key=self._key, digest_size=8).hexdigest()
        observed.caller = hashed if value else "own"

    def note_message(self, observed: Observed, message: Mapping[str, Any]) -> None:
        """Note what the message asks for."""
        method = message.get("method")
        observed.mcp_method = method if isinstance(method, str) and method in _MCP_METHODS else OTHER
        if observed.mcp_method == _CALL:
            name = (message.get("params") or {}).get("name")
            observed.tool = name if isinstance(name, str) and name in self._tools else OTHER


def note_caller(scope: Scope, caller: FoundToken | None) -> None:
    """Note the caller of a request, if requests are observed."""
    if _OBSERVED in scope:
        observation, observed = scope[_OBSERVED]
        observation.note_caller(observed, caller)


def note_message(scope: Scope, message: Mapping[str, Any]) -> None:
    """Note the message of a request, if requests are observed."""
    if _OBSERVED in scope:
        observation, observed = scope[_OBSERVED]
        observation.note_message(observed, message)


def log_access(observed: Observed) -> None:
    """Write a line of the access log to stderr."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    say(json.dumps({"time": now, **vars(observed), "seconds": round(observed.seconds, 6)}))
