"""Limits of connections: their number, and how long a client may take to send a request head or to read a response.

uvicorn limits only the idle time between two requests: without this module, a client that sends its headers one byte
at a time (slowloris), or does not read its response, holds its connection for ever.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

FIRST_HEAD_SECONDS: Final = 15.0
# Longer than proxies keep idle connections (60 s is common): if this side closed first, a request that is on its way
# would be lost.
NEXT_HEAD_SECONDS: Final = 75.0
UNREAD_SECONDS: Final = 60.0
# For connections to Mogplex, the state file, the log and other files.
_FILES_OF_OTHERS: Final = 400

_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 2\r\nconnection: close\r\n"
    b"content-length: 91\r\n\r\n"
    b'{"error": "busy", "message": "This server has no free connection. Try again in a moment."}\n'
)


class TimeLimitedProtocol(H11Protocol):
    """One connection, aborted when its client exceeds a time limit.

    Attributes:
        most: The limit of concurrent connections.
    """

    most: int = 4_000
    first_head_seconds: float = FIRST_HEAD_SECONDS
    next_head_seconds: float = NEXT_HEAD_SECONDS
    unread_seconds: float = UNREAD_SECONDS

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._head = _Timer(self.loop, self._abort)
        self._reading = _Timer(self.loop, self._abort)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base class
        """Accept the connection, or respond with 503 if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(_FULL)
            transport.close()
        self._head.start(self.first_head_seconds)

    def data_received(self, data: bytes) -> None:
        """Process received data; stop the timer once a request head is complete."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_answering():
            self._head.stop()

    def on_response_complete(self) -> None:
        """Start the timer for the next request, unless it has arrived already."""
        super().on_response_complete()
        if not self._is_answering():
            self._head.start(self.next_head_seconds)

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
    return type("LimitedProtocol", (TimeLimitedProtocol,), {"most": max(1, min(most, allowed - _FILES_OF_OTHERS))})


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
