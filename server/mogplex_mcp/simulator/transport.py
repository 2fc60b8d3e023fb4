"""The simulator as an httpx2 transport: no sockets, and connection faults as httpx2's exceptions."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any, NoReturn

import httpx2

from .messages import Response
from .wire import WIRE, ConnectionEnded, Wire

Message = MutableMapping[str, Any]
App = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


class SimulatorTransport(httpx2.AsyncBaseTransport):
    """Sends requests to an ASGI application.

    Args:
        app: the application.
        sleep: waits for seconds.
        now: seconds since the epoch, for the `Date` of responses.
    """

    def __init__(self, app: App, sleep: Callable[[float], Awaitable[None]], now: Callable[[], float]) -> None:
        self._app = app
        self._now = now
        self._sleep = sleep

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            httpx2.ConnectError: fault `refused`.
            httpx2.ReadError: faults `reset_before_write` and `reset_after_write`.
            httpx2.ReadTimeout: the response takes longer than the client's read timeout.
            httpx2.RemoteProtocolError: fault `cut_body`, when the body is read.
        """
        content = await request.aread()
        wire = _InProcessWire(self._sleep, request)
        collected = _ResponseCollector()
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if asked:
                return {"type": "http.disconnect"}
            asked = True
            return {"type": "http.request", "body": content, "more_body": False}

        try:
            await self._app(_scope(request, wire), receive, collected.take)
        except ConnectionEnded:
            return wire.partial_response()
        date = (b"date", formatdate(self._now(), usegmt=True).encode())
        return httpx2.Response(
            collected.status, headers=[date, *collected.headers], stream=_Stream(collected.body), request=request
        )


class _ResponseCollector:
    """Collects the messages that the application sends."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def take(self, message: Message) -> None:
        """Take one message."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")


class _Stream(httpx2.AsyncByteStream):
    """A body that may end with an error."""

    def __init__(self, body: bytes, broken: Exception | None = None) -> None:
        self._body = body
        self._broken = broken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body
        if self._broken is not None:
            raise self._broken


class _InProcessWire(Wire):
    """A wire whose client is the code that awaits the transport."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]], request: httpx2.Request) -> None:
        super().__init__(sleep)
        self._request = request
        self._read_timeout: float | None = request.extensions.get("timeout", {}).get("read")
        self._partial: httpx2.Response | None = None

    async def wait(self, seconds: float) -> None:
        """Sleep for seconds, at most until the client's read timeout."""
        if self._read_timeout is not None and seconds > self._read_timeout:
            await self._sleep(self._read_timeout)
            raise httpx2.ReadTimeout("fault: slow", request=self._request)
        await self._sleep(seconds)

    async def refuse(self) -> NoReturn:
        """Refuse the connection."""
        raise httpx2.ConnectError("fault: refused", request=self._request)

    async def reset(self) -> NoReturn:
        """Reset the connection."""
        raise httpx2.ReadError("fault: reset", request=self._request)

    async def send_part(self, response: Response, sent: bytes, declared: int) -> NoReturn:
        """Prepare a response whose body ends at the declared length, or breaks off before."""
        broken = None
        if declared > len(sent):
            message = "peer closed connection without sending complete message body"
            broken = httpx2.RemoteProtocolError(message, request=self._request)
        self._partial = httpx2.Response(
            response.status,
            headers=[*response.headers, ("content-length", str(declared))],
            stream=_Stream(sent[:declared], broken),
            request=self._request,
        )
        raise ConnectionEnded

    def partial_response(self) -> httpx2.Response:
        """Return the response that `send_part` prepared."""
        if self._partial is None:
            raise httpx2.ReadError("fault: connection ended", request=self._request)
        return self._partial


def _scope(request: httpx2.Request, wire: Wire) -> dict[str, Any]:
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 1),
        "extensions": {WIRE: wire},
    }
