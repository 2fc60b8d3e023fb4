"""Limits of request bodies: JSON only, at most 1 MiB, within 30 seconds."""

import codecs
from collections.abc import Callable
from typing import Final

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mogplex_mcp.server.request_scope import CALLER
from mogplex_mcp.transports.http.refusals import REFUSED, Refusal, refuse

LARGEST_BODY: Final = 1024 * 1024
BODY_SECONDS: Final = 30.0


class _TooLargeError(Exception):
    """The body is larger than the limit."""


class BodyCheck:
    """ASGI middleware: read the whole body, within the limits, before the request reaches MCP.

    Args:
        app: The app that is protected.
        check: Returns why a body is refused.
        largest: The limit of its size, in bytes.
        seconds: The limit of the time that it may take.
    """

    def __init__(
        self,
        app: ASGIApp,
        check: Callable[[Scope, bytes], Refusal | None] = lambda *_: None,
        *,
        largest: int = LARGEST_BODY,
        seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._check = check
        self._largest = largest
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 405, 408, 413, 415 or what the check says, or pass the request on."""
        if CALLER not in scope:
            await self._app(scope, receive, send)
            return
        if scope["method"] != "POST":
            # A client that could listen in addition to its calls would hold a connection and a slot for nothing.
            message = "Messages are sent by POST. There are no sessions, and nothing is sent outside of a response."
            await refuse(scope, send, Refusal(405, "only_post", message, {"allow": "POST"}))
            return
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json" or headers.get(b"content-encoding", b"identity") != b"identity":
            # Browsers send other types without a preflight request.
            message = "Send the message as Content-Type: application/json, not compressed."
            await refuse(scope, send, Refusal(415, "not_json", message))
            return
        try:
            with anyio.fail_after(self._seconds):
                body = await self._read(receive, headers.get(b"content-length", b""))
        except TimeoutError:
            message = f"The body of the request did not come within {self._seconds:g} seconds."
            await refuse(scope, send, Refusal(408, "too_slow", message, {"connection": "close"}, REFUSED))
        except _TooLargeError:
            message = f"A message may have {self._largest} bytes at the most."
            await refuse(scope, send, Refusal(413, "too_large", message, {"connection": "close"}))
        except ClientDisconnect:
            return
        else:
            # Programs on Windows put a mark of the byte order first.
            body = body.removeprefix(codecs.BOM_UTF8)
            if refusal := self._check(scope, body):
                await refuse(scope, send, refusal)
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
