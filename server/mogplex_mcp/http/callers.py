"""Who calls over HTTP: each request shows its own token, or the operator's client key for the operator's token."""

import hmac
import json
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mogplex_mcp.api.credentials import Token
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.settings import Settings
from mogplex_mcp.token_source import FoundToken

_HELP: Final = (
    "Send 'Authorization: Bearer mog_…' with your own Mogplex token (https://mogplex.com/settings/api-keys) "
    "in each request."
)


class RefusedError(Exception):
    """A caller that showed nothing that counts here; the message says what is missing."""


class Callers:
    """Tells callers apart.

    Args:
        settings: With the client key, if the operator has set one.
    """

    def __init__(self, settings: Settings) -> None:
        self._client_key = settings.client_key.value.encode()
        self._demo = settings.demo

    def identify(self, headers: Mapping[str, str]) -> FoundToken | None:
        """Whose token counts for a request; None for the one of this process.

        Raises:
            RefusedError: The request shows neither a token nor the client key.
        """
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if self._demo:
            return None
        if scheme.lower() != "bearer" or not shown.strip():
            raise RefusedError("There is no bearer token in the Authorization header.")
        if self._client_key and hmac.compare_digest(shown.strip().encode(), self._client_key):
            return None
        try:
            return FoundToken(Token.parse(shown), "the request")
        except MogplexError as error:
            raise RefusedError(error.message) from None


class CallerCheck:
    """ASGI middleware: no request reaches MCP without showing who it is for."""

    def __init__(self, app: ASGIApp, callers: Callers, path: str) -> None:
        self._app = app
        self._callers = callers
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or let the request through."""
        if scope["type"] == "http" and scope["path"].rstrip("/") == self._path:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            try:
                self._callers.identify(headers)
            except RefusedError as refused:
                await _answer_401(str(refused), send)
                return
        await self._app(scope, receive, send)


async def _answer_401(reason: str, send: Send) -> None:
    body = json.dumps({"error": "unauthorized", "message": f"{reason} {_HELP}"}, ensure_ascii=False).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"www-authenticate", b'Bearer realm="mogplex-mcp"'),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
