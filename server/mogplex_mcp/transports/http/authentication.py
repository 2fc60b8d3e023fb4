"""Authentication over HTTP: each request carries its caller's token, or the client key for the operator's token.

A caller is identified here, once per request, and handed on in the ASGI scope (`CALLER`).
"""

import math
import re
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.config.environment import is_placeholder, unquoted
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.credentials.sources import FoundToken, SourceKind
from mogplex_mcp.credentials.verification import TokenVerification
from mogplex_mcp.server.request_scope import CALLER
from mogplex_mcp.transports.http.client_key import ClientKey
from mogplex_mcp.transports.http.observation import note_caller
from mogplex_mcp.transports.http.protected_resource import ProtectedResource
from mogplex_mcp.transports.http.refusals import REFUSED, Refusal, refuse

# Spaces and tabs only: of a key in UTF-8, single bytes look like other white space.
# Some clients put a second "Bearer" in front of what is the whole header in their configuration.
_BEARER: Final = re.compile(r"(bearer[ \t]+){1,2}(?P<credentials>\S.*?)[ \t]*", re.IGNORECASE | re.ASCII | re.DOTALL)
_LONGEST_PLACEHOLDER: Final = 300
# What Mogplex issues (mogplex-api.md, section 4). Where there is a client key, other texts may be that key with a
# mistake in it, and are not sent.
_ISSUED: Final = re.compile(r"[0-9A-Za-z]{32}")


class RefusedError(Exception):
    """A request without valid credentials; the message says what is missing.

    Attributes:
        error: The code of the challenge (RFC 6750, section 3.1); "" if there are no credentials at all.
    """

    def __init__(self, message: str, error: str = "") -> None:
        super().__init__(message)
        self.error = error


class Callers:
    """Identifies callers.

    Args:
        settings: The settings, with the client key if the operator has set one.
    """

    def __init__(self, settings: Settings) -> None:
        self._client_key = ClientKey(settings.client_key.value)
        self._demo = settings.demo

    def identify(self, headers: Mapping[str, str]) -> FoundToken | None:
        """Return the token of a request's caller; None for the token of this process.

        Args:
            headers: The headers of the request, names in lower case, values decoded as Latin-1.

        Raises:
            RefusedError: The request carries neither a token nor the client key.
        """
        if self._demo:
            return None
        header = headers.get("authorization", "").strip(" \t")
        bearer = _BEARER.fullmatch(header)
        credentials = bearer["credentials"] if bearer else header
        given = credentials.encode("latin-1")
        if bearer and self._client_key.matches(given):
            return None
        if self._client_key.resembles(given):
            raise RefusedError("The client key is not right.", "invalid_token")
        token, problem = _parsed(credentials)
        # Of tokens, only those of a sign-in can have the form of a placeholder.
        if (token is None or token.is_oauth) and is_placeholder(_shown(given)):
            message = "The Authorization header has a placeholder that your client did not replace by the token."
            raise RefusedError(message, "invalid_token")
        if bearer is None:
            missing = "" if token is None else ": 'Bearer' is missing"
            raise RefusedError(f"There is no bearer token in the Authorization header{missing}.")
        if token is not None and token.is_oauth and self._client_key.is_set and not _ISSUED.fullmatch(token.value):
            token, problem = None, "It is neither the client key nor a token of Mogplex."
        if token is None:
            raise RefusedError(problem, "invalid_token")
        return FoundToken(token, "the request", kind=SourceKind.REQUEST)


class CallerCheck:
    """ASGI middleware: refuse requests to MCP without valid credentials, or with a token that Mogplex refuses.

    Args:
        app: The app that is protected.
        settings: The settings.
        known: What Mogplex has shown of tokens.
        resource: How clients get a token.
    """

    def __init__(self, app: ASGIApp, settings: Settings, known: KnownTokens, resource: ProtectedResource) -> None:
        self._app = app
        self._callers = Callers(settings)
        self._known = known
        self._resource = resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 401, or pass the request on with its caller in the scope."""
        if scope["type"] == "http":
            try:
                caller = self._callers.identify(_headers(scope))
            except RefusedError as refused:
                description = "No valid token was sent" if refused.error else ""
                headers = self._resource.challenge(scope, refused.error, description)
                message = f"{refused} {self._resource.advice}"
                await refuse(scope, send, Refusal(401, "unauthorized", message, headers, REFUSED))
                return
            if caller and (refusal := refused_by_mogplex(scope, caller, self._known, self._resource)):
                await refuse(scope, send, refusal)
                return
            scope[CALLER] = caller
            note_caller(scope, caller)
        await self._app(scope, receive, send)


class AcceptanceCheck:
    """ASGI middleware: refuse requests to MCP with an access token that Mogplex, which is asked first, refuses.

    Args:
        app: The app that is protected.
        known: What Mogplex has shown of tokens.
        resource: How clients get a token.
        verification: Asks Mogplex.
    """

    def __init__(
        self, app: ASGIApp, known: KnownTokens, resource: ProtectedResource, verification: TokenVerification
    ) -> None:
        self._app = app
        self._known = known
        self._resource = resource
        self._verification = verification

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 401, or pass the request on."""
        if scope["type"] == "http" and scope["method"] == "POST" and (caller := scope[CALLER]):
            await self._verification.verify(caller)
            if refusal := refused_by_mogplex(scope, caller, self._known, self._resource):
                await refuse(scope, send, refusal)
                return
        await self._app(scope, receive, send)


def refused_by_mogplex(
    scope: Scope, caller: FoundToken, known: KnownTokens, resource: ProtectedResource
) -> Refusal | None:
    """Return the refusal of a token that Mogplex has refused lately; None for others."""
    if caller.token is None or not (seconds := math.ceil(known.refused_seconds(caller.token))):
        return None
    kept = f"this one is tried again in {seconds} seconds, if you send it again then."
    if caller.token.is_oauth:
        message = (
            "Mogplex does not accept the access token in your client's Authorization header: it may be expired. "
            f"{resource.advice} During an outage Mogplex refuses every token: {kept}"
        )
    else:
        message = (
            "Mogplex does not accept the token in your client's Authorization header: it may be revoked or expired. "
            f"Put a new one there ({resource.keys}). During an outage Mogplex refuses every token: {kept}"
        )
    headers = resource.challenge(scope, "invalid_token", "Mogplex does not accept the token")
    return Refusal(401, "invalid_token", message, headers, REFUSED)


def _parsed(credentials: str) -> tuple[Token | None, str]:
    """Return the token, or why there is none."""
    try:
        return Token.parse(credentials), ""
    except MogplexError as error:
        return None, error.message


def _shown(given: bytes) -> str:
    return unquoted(given[:_LONGEST_PLACEHOLDER].decode(errors="replace"))


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by name.

    Raises:
        RefusedError: There is more than one Authorization header; a proxy might have checked another one than this.
    """
    if sum(name == b"authorization" for name, _ in scope["headers"]) > 1:
        raise RefusedError("There is more than one Authorization header.", "invalid_request")
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
