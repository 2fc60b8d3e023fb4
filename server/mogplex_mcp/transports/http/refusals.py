"""Responses to requests that do not reach MCP: JSON, with what is wrong and what to send instead."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mcp_types import INVALID_REQUEST
from starlette.types import Scope, Send

MCP_PATH: Final = "/mcp"
METRICS_PATH: Final = "/metrics"

REFUSED: Final = -32010
"""A code of this server, for what HTTP has a status for: no valid token, too many requests."""


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused.

    Attributes:
        status: The HTTP status.
        error: A code for programs.
        message: What is wrong and what to do, for people. It never repeats text of the request.
        headers: More headers of the response.
        code: The JSON-RPC error code, for messages to MCP.
        request_id: The id of the JSON-RPC request, where it is known.
        data: More data of the JSON-RPC error.
    """

    status: int
    error: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    code: int = INVALID_REQUEST
    request_id: str | int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def body(self, path: str) -> bytes:
        """Return the JSON body: a JSON-RPC error for MCP, which MCP clients show; elsewhere as in RFC 6749, 5.2.

        Args:
            path: The path of the request.
        """
        shown: dict[str, Any] = {"error": self.error, "error_description": self.message, "message": self.message}
        if path == MCP_PATH:
            error = {"code": self.code, "message": self.message, "data": {"error": self.error, **self.data}}
            shown = {"jsonrpc": "2.0", "id": self.request_id, "error": error, "message": self.message}
        return json.dumps(shown, ensure_ascii=False).encode()


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Respond to a request that does not reach MCP."""
    await respond(send, refusal.status, "application/json", refusal.body(scope["path"]), refusal.headers)


async def respond(send: Send, status: int, kind: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send a whole response, which no cache keeps: it depends on the caller, the settings and the state of Mogplex.

    Args:
        send: The `send` of the request.
        status: The HTTP status.
        kind: The content type.
        body: The body.
        headers: More headers.
    """
    every = {"content-type": kind, "content-length": str(len(body)), "cache-control": "no-store", **headers}
    lines = [(name.encode(), value.encode("latin-1")) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
