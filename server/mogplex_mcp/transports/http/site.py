"""What is served in addition to MCP: a page for people, health and readiness, and JSON for every other path.

No path redirects: behind a proxy that ends TLS, a redirect would lead to http://.
"""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mogplex_mcp import __version__
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.readiness import Readiness
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.transports.http.page import page
from mogplex_mcp.transports.http.protected_resource import METADATA_PATHS, ProtectedResource, address_of
from mogplex_mcp.transports.http.refusals import MCP_PATH, Refusal, refuse, respond

# Where clients look for an authorization server after a 401 (RFC 8414, RFC 9728, OpenID Connect Discovery, and the
# default endpoints of the 2025-03-26 protocol).
_SIGN_IN: Final = re.compile(r"(?:/mcp)?/\.well-known/(?:oauth-|openid-)|/(?:register|authorize|token|oauth)(?:/|$)")
_PAGE_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}

_ABSOLUTE: Final = re.compile(r"^https?://[^/]*", re.IGNORECASE)

_Page = Callable[[Scope], Awaitable[tuple[int, str, bytes]]]


class Site:
    """ASGI app: hands requests for `/mcp` on, and answers all others.

    Args:
        mcp: The app that serves MCP, and the lifespan.
        settings: The settings.
        shutdown: The graceful shutdown of this process.
        readiness: Whether this process should get requests.
        resource: How clients get a token.
    """

    def __init__(
        self, mcp: ASGIApp, settings: Settings, shutdown: Shutdown, readiness: Readiness, resource: ProtectedResource
    ) -> None:
        self._mcp = mcp
        self._settings = settings
        self._resource = resource
        self._shutdown = shutdown
        self._readiness = readiness
        self._pages: dict[str, _Page] = {"/": self._front, "/healthz": self._health, "/readyz": self._ready}
        if resource.has_sign_in:
            self._pages |= dict.fromkeys(METADATA_PATHS, self._metadata)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._mcp(scope, receive, send)
            return
        if self._shutdown.is_draining:
            send = _closing(send)
        # A request target may be a whole URI (RFC 9112, 3.2.2).
        path = _ABSOLUTE.sub("", scope["path"], count=1).rstrip("/") or "/"
        if path == MCP_PATH:
            await self._mcp({**scope, "path": MCP_PATH, "raw_path": MCP_PATH.encode()}, receive, send)
        elif path not in self._pages:
            await refuse(scope, send, self._not_found(path))
        elif scope["method"] not in ("GET", "HEAD"):
            message = f"This path is read by GET. MCP is at {MCP_PATH}: messages are sent there by POST."
            await refuse(scope, send, Refusal(405, "only_get", message, {"allow": "GET, HEAD"}))
        else:
            status, kind, body = await self._pages[path](scope)
            await respond(send, status, kind, body, _PAGE_HEADERS if path == "/" else {})

    def _not_found(self, path: str) -> Refusal:
        is_demo = self._settings.demo
        if _SIGN_IN.match(path):
            return self._no_sign_in()
        header = "" if is_demo else ", with the header 'Authorization: Bearer mog_…'"
        message = (
            f"There is nothing at this path. MCP is at {MCP_PATH}: send JSON-RPC messages there by POST{header}; "
            "health is at /healthz and /readyz."
        )
        return Refusal(404, "not_found", message)

    def _no_sign_in(self) -> Refusal:
        resource = self._resource
        if resource.has_sign_in:
            message = (
                f"This server is not an authorization server. Sign in at Mogplex, as {METADATA_PATHS[0]} says: its "
                f"metadata is at {resource.issuer}/.well-known/oauth-authorization-server."
            )
            return Refusal(404, "sign_in_elsewhere", message)
        message = "This server has no OAuth sign-in. " + (
            "It is a demo, which needs no token."
            if self._settings.demo
            else "Configure your client to send your own Mogplex token in each request, as the header "
            f"'Authorization: Bearer mog_…'; you get one at {resource.keys}. For clients that can only sign in, the "
            "operator can start this server with --oauth."
        )
        return Refusal(404, "sign_in_not_supported", message)

    async def _front(self, scope: Scope) -> tuple[int, str, bytes]:
        shown = page(self._settings, f"{address_of(scope)}{MCP_PATH}", has_sign_in=self._resource.has_sign_in)
        return 200, "text/html; charset=utf-8", shown.encode()

    async def _metadata(self, scope: Scope) -> tuple[int, str, bytes]:
        return 200, "application/json", json.dumps(self._resource.metadata(scope)).encode()

    async def _health(self, _: Scope) -> tuple[int, str, bytes]:
        return 200, "application/json", json.dumps({"status": "ok", "version": __version__}).encode()

    async def _ready(self, _: Scope) -> tuple[int, str, bytes]:
        problem = await self._readiness.problem()
        status = {"status": problem or "ready", "version": __version__}
        return 503 if problem else 200, "application/json", json.dumps(status).encode()


def _closing(send: Send) -> Send:
    """Return a `send` that closes the connection after the response, so that a proxy opens its next one elsewhere."""

    async def send_and_close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return send_and_close
