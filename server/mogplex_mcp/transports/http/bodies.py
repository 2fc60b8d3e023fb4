"""Limits of request bodies: JSON only, at most 1 MiB, within 30 seconds."""

from typing import Final

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mogplex_mcp.server.request_scope import CALLER
from mogplex_mcp.transports.http.authentication import refuse

LARGEST_BODY: Final = 1024 * 1024
BODY_SECONDS: Final = 30.0


class _TooLargeError(Exception):
    """The body is larger than the limit."""


class BodyCheck:
    """ASGI middleware: read the whole body, within the limits, before the request reaches MCP."""

    def __init__(self, app: ASGIApp, *, largest: int = LARGEST_BODY, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._largest = largest
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 405, 408, 413 or 415, or pass the request on."""
        if CALLER not in scope:
            await self._app(scope, receive, send)
            return
        if scope["method"] != "POST":
            # A client that could listen in addition to its calls would hold a connection and a slot for nothing.
            message = "Messages are sent by POST. There are no sessions, and nothing is sent outside of a response."
            await refuse(send, 405, "only_post", message, allow="POST")
            return
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            # Browsers send other types without a preflight request.
            await refuse(send, 415, "not_json", "Send the message as Content-Type: application/json.")
            return
        try:
            with anyio.fail_after(self._seconds):
                body = await self._read(receive, headers.get(b"content-length", b""))
        except TimeoutError:
            message = f"The body of the request did not come within {self._seconds:g} seconds."
            await refuse(send, 408, "too_slow", message, connection="close")
        except _TooLargeError:
            message = f"A message may have {self._largest} bytes at the most."
            await refuse(send, 413, "too_large", message, connection="close")
        except ClientDisconnect:
            return
        else:
            await self._app(scope, _with(body, receive), send)

    async def _read(self, receive: Receive, declared: bytes) -> bytes:
        if declared.isdigit() and int(declared) > self._largest:
            raise _TooLargeError
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._largest:
                raise _TooLargeError
            more = message.get("more_body", False)
        return bytes(body)


def _with(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body that was read, and then the messages after it."""
    read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return read.pop() if read else await receive()

    return again
