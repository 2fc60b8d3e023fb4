"""Who calls over HTTP: each request shows its own token, or the operator's client key for the operator's token."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.transports.http.refusals import refuse

CALLER: Final = "mogplex_mcp.caller"
"""Where the scope of a request says whose it is: a `Token`, or None for the token of this process."""

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
        self._client_key = _digest(settings.client_key.value.encode()) if settings.client_key else b""
        self._demo = settings.demo

    def identify(self, headers: Mapping[str, str]) -> FoundToken | None:
        """Whose token counts for a request; None for the one of this process.

        Args:
            headers: Those of the request, their names in lower case, their values as Latin-1, as ASGI has them.

        Raises:
            RefusedError: The request shows neither a token nor the client key.
        """
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if self._demo:
            return None
        if scheme.lower() != "bearer" or not shown.strip():
            raise RefusedError("There is no bearer token in the Authorization header.")
        # Digests have one length: the comparison says nothing of that of the key either.
        if self._client_key and hmac.compare_digest(_digest(shown.strip().encode("latin-1")), self._client_key):
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
        """Answer 401, or let the request through, with its caller in the scope."""
        if scope["type"] == "http" and scope["path"].rstrip("/") == self._path:
            try:
                found = self._callers.identify(_headers(scope))
            except RefusedError as refused:
                challenge = 'Bearer realm="mogplex-mcp"'
                await refuse(send, 401, "unauthorized", f"{refused} {_HELP}", www_authenticate=challenge)
                return
            scope[CALLER] = found.token if found else None
        await self._app(scope, receive, send)


def _headers(scope: Scope) -> dict[str, str]:
    """The headers by name; a second Authorization is refused, since others might read the other one.

    Raises:
        RefusedError: There are two.
    """
    if sum(name == b"authorization" for name, _ in scope["headers"]) > 1:
        raise RefusedError("There is more than one Authorization header.")
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
