"""Limits of connections: their number, and how long a client may take to send a request head or to read a response.

uvicorn limits only the idle time between two requests: without this module, a client that sends its headers one byte
at a time (slowloris), or does not read its response, holds its connection for ever.
"""

import asyncio
import json
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

FIRST_HEAD_SECONDS: Final = 15.0
# Longer than proxies keep idle connections (60 s is common): if this side closed first, a request that is on its way
# would be lost.
NEXT_HEAD_SECONDS: Final = 75.0
UNREAD_SECONDS: Final = 60.0
# Real clients send a request as soon as they are connected, and open a new connection if an idle one was closed.
DISPLACED_SECONDS: Final = 2.0
# For connections to Mogplex, the state file, the log and other files.
_FILES_OF_OTHERS: Final = 400

# Heads and chunks cost time per line, before anything is known of the client. Real ones have fewer than a hundred.
_LINE_END: Final = b"\r\n"
_MOST_LINES: Final = 1_000


# Anyone can send what is no HTTP: a line for each would fill the log.
_logger: Final = logging.getLogger("uvicorn.error.connections")
_logger.setLevel(logging.ERROR)


def _response(status: str, error: str, message: str, headers: str = "") -> bytes:
    body = json.dumps({"error": error, "error_description": message, "message": message}).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}connection: close\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


_FULL: Final = _response(
    "503 Service Unavailable",
    "busy",
    "This server has no free connection. Try again in a moment.",
    "retry-after: 2\r\n",
)
_TOO_SLOW: Final = _response("408 Request Timeout", "too_slow", "The head of the request did not come in time.")
_NOT_HTTP: Final = _response(
    "400 Bad Request", "not_http", "This isn't a valid HTTP/1.1 request, or its head or its chunks are too many."
)


class TimeLimitedProtocol(H11Protocol):
    """One connection, aborted when its client exceeds a time limit.

    Attributes:
        most: The limit of concurrent connections.
        waiting: The connections that wait for a request, with the time since when, the oldest first.
    """

    most: int = 4_000
    first_head_seconds: float = FIRST_HEAD_SECONDS
    next_head_seconds: float = NEXT_HEAD_SECONDS
    unread_seconds: float = UNREAD_SECONDS
    displaced_seconds: float = DISPLACED_SECONDS
    waiting: "ClassVar[OrderedDict[TimeLimitedProtocol, float]]" = OrderedDict()  # noqa: RUF012 - ruff does not read the quoted ClassVar

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.logger = _logger
        self._head = _Timer(self.loop, self._give_up)
        self._reading = _Timer(self.loop, self._abort)
        self._lines = 0
        self._has_part = False
        self._is_chunked = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base class
        """Accept the connection; if there are too many, close the one that has waited longest, or respond with 503."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            oldest, since = next(iter(self.waiting.items()), (self, self.loop.time()))
            if self.loop.time() - since >= self.displaced_seconds:
                oldest.displace()
            else:
                transport.write(_FULL)
                transport.close()
        self._wait(self.first_head_seconds)

    def data_received(self, data: bytes) -> None:
        """Process received data; stop the timer once a request head is complete."""
        if self.transport.is_closing():
            return
        self._has_part = True
        self._lines += self._costly_part(data).count(_LINE_END)
        if self._lines > _MOST_LINES:
            self.send_400_response("")
            return
        super().data_received(data)
        if self._is_answering():
            self._head.stop()
            self.waiting.pop(self, None)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - as in the base class
        """Respond to what is no HTTP; within a response, only close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_NOT_HTTP)
        self.transport.close()

    def on_response_complete(self) -> None:
        """Start the timer for the next request, unless it has arrived already."""
        super().on_response_complete()
        if not self._is_answering():
            # What is left of a refused body need not come.
            is_complete = self.conn.their_state in (h11.IDLE, h11.DONE)
            self._wait(self.next_head_seconds if is_complete else self.first_head_seconds)

    def pause_writing(self) -> None:
        """Start the timer for a client that does not read."""
        super().pause_writing()
        self._reading.start(self.unread_seconds)

    def resume_writing(self) -> None:
        """Stop the timer: the client reads."""
        super().resume_writing()
        self._reading.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        super().connection_lost(exc)
        self._head.stop()
        self._reading.stop()
        self.waiting.pop(self, None)

    def displace(self) -> None:
        """Close the connection, which waits for a request, in favour of a new one."""
        self.waiting.pop(self, None)
        self._abort()

    def _wait(self, seconds: float) -> None:
        self._lines = 0
        self._has_part = False
        self._is_chunked = False
        self._head.start(seconds)
        self.waiting[self] = self.loop.time()
        self.waiting.move_to_end(self)

    def _costly_part(self, data: bytes) -> bytes:
        """Return what is parsed line by line: the head, and a chunked body, but not a body of a given length."""
        if self._is_answering():
            return data if self._is_chunked else b""
        head, _, _ = data.partition(2 * _LINE_END)
        self._is_chunked = self._is_chunked or b"chunked" in head.lower()
        return data if self._is_chunked else head

    def _give_up(self) -> None:
        if self._has_part and self.conn.our_state is h11.IDLE:
            self.transport.write(_TOO_SLOW)
            self.transport.close()
        else:
            self._abort()

    def _abort(self) -> None:
        # Closing would wait for the client to read the rest.
        self.transport.abort()

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return cycle is not None and not cycle.response_complete


class _Timer:
    """Calls a function after some time, unless stopped before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_timeout: Callable[[], None]) -> None:
        self._loop = loop
        self._on_timeout = on_timeout
        self._timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> None:
        self.stop()
        self._timer = self._loop.call_later(seconds, self._on_timeout)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def limited_to(most: int) -> type[TimeLimitedProtocol]:
    """Return the protocol for so many connections, or fewer where the system does not allow as many open files."""
    allowed = _raised_file_limit(most + _FILES_OF_OTHERS)
    limits = {"most": max(1, min(most, allowed - _FILES_OF_OTHERS)), "waiting": OrderedDict()}
    return type("LimitedProtocol", (TimeLimitedProtocol,), limits)


def _raised_file_limit(wanted: int) -> int:
    """Raise the soft limit of open files to `wanted` if possible, and return it; 1,024 and 256 are common defaults."""
    if sys.platform == "win32":
        return wanted
    import resource  # noqa: PLC0415 - not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    except (ValueError, OSError):
        return soft
    return target
