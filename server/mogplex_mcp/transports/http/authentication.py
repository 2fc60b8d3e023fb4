"""Authentication over HTTP: each request carries its caller's token, or the client key for the operator's token.

A caller is identified here, once per request, and handed on in the ASGI scope (`CALLER`).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken, SourceKind
from mogplex_mcp.server.request_scope import CALLER

_HELP: Final = (
    "Send 'Authorization: Bearer mog_…' with your own Mogplex token (https://mogplex.com/settings/api-keys) "
    "in each request."
)


class RefusedError(Exception):
    """A request without valid credentials; the message says what is missing."""


class Callers:
    """Identifies callers.

    Args:
        settings: The settings, with the client key if the operator has set one.
    """

    def __init__(self, settings: Settings) -> None:
        self._client_key = _digest(settings.client_key.value.encode()) if settings.client_key else b""
        self._demo = settings.demo

    def identify(self, headers: Mapping[str, str]) -> FoundToken | None:
        """Return the token of a request's caller; None for the token of this process.

        Args:
            headers: The headers of the request, names in lower case, values decoded as Latin-1.

        Raises:
            RefusedError: The request carries neither a token nor the client key.
        """
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if self._demo:
            return None
        if scheme.lower() != "bearer" or not credentials.strip():
            raise RefusedError("There is no bearer token in the Authorization header.")
        # Digests have one length, so the comparison does not leak the length of the key either.
        if self._client_key and hmac.compare_digest(_digest(credentials.strip().encode("latin-1")), self._client_key):
            return None
        try:
            return FoundToken(Token.parse(credentials), "the request", kind=SourceKind.REQUEST)
        except MogplexError as error:
            raise RefusedError(error.message) from None


class CallerCheck:
    """ASGI middleware: refuse requests to MCP without valid credentials."""

    def __init__(self, app: ASGIApp, callers: Callers, path: str) -> None:
        self._app = app
        self._callers = callers
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 401, or pass the request on with its caller in the scope."""
        if scope["type"] == "http" and scope["path"].rstrip("/") == self._path:
            try:
                scope[CALLER] = self._callers.identify(_headers(scope))
            except RefusedError as refused:
                challenge = 'Bearer realm="mogplex-mcp"'
                await refuse(send, 401, "unauthorized", f"{refused} {_HELP}", www_authenticate=challenge)
                return
        await self._app(scope, receive, send)


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by name.

    Raises:
        RefusedError: There is more than one Authorization header; a proxy might have checked another one than this.
    """
    if sum(name == b"authorization" for name, _ in scope["headers"]) > 1:
        raise RefusedError("There is more than one Authorization header.")
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


async def refuse(send: Send, status: int, error: str, message: str, **headers: str) -> None:
    """Respond to a request that does not reach MCP.

    Args:
        send: The `send` of the request.
        status: The HTTP status.
        error: A code for programs.
        message: What is wrong and what to do, for people. It never repeats text of the request.
        headers: More headers, with `_` for `-`.
    """
    body = json.dumps({"error": error, "message": message}, ensure_ascii=False).encode()
    every = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    lines = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
