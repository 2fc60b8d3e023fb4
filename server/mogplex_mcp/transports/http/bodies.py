"""What a request may carry: JSON, not too much of it, and not slower than any honest network."""

from typing import Final

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mogplex_mcp.transports.http.authentication import CALLER
from mogplex_mcp.transports.http.refusals import refuse

LARGEST_BODY: Final = 1024 * 1024
BODY_SECONDS: Final = 30.0


class _TooLargeError(Exception):
    """There is more of a body than there may be."""


class BodyCheck:
    """ASGI middleware: MCP sees a request when its body is there, complete and no larger than it may be."""

    def __init__(self, app: ASGIApp, *, largest: int = LARGEST_BODY, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._largest = largest
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 405, 408, 413 or 415, or let the request through."""
        if CALLER not in scope:
            await self._app(scope, receive, send)
            return
        if scope["method"] != "POST":
            # A client that may listen beside its calls would hold a connection and a place for nothing.
            message = "Messages are sent by POST. There are no sessions here, and nothing is told outside of an answer."
            await refuse(send, 405, "only_post", message, allow="POST")
            return
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            # A page may send other kinds without asking first.
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
    """What receives the body that was read, and then whatever comes after it."""
    read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return read.pop() if read else await receive()

    return again
