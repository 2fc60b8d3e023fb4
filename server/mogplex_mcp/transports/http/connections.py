"""Connections of callers: not too many, and none that is kept open by a client which neither speaks nor listens.

uvicorn limits how long a connection may be idle between two requests, and nothing else: without this, a client that
sends its headers one byte at a time, or reads nothing of its answer, holds its connection for ever.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

FIRST_HEAD_SECONDS: Final = 15.0
# Longer than proxies keep their idle connections (60 s is common): whoever closes first must not be this side, or a
# request that is just on its way is lost.
NEXT_HEAD_SECONDS: Final = 75.0
UNREAD_SECONDS: Final = 60.0
# For connections to Mogplex, the state file, the log and whatever else is open.
_FILES_OF_OTHERS: Final = 400

_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 2\r\nconnection: close\r\n"
    b"content-length: 91\r\n\r\n"
    b'{"error": "busy", "message": "This server has no free connection. Try again in a moment."}\n'
)


class PatientProtocol(H11Protocol):
    """One connection, ended when its client takes longer than an honest one would.

    Attributes:
        most: How many connections there may be at the same time.
    """

    most: int = 4_000
    first_head_seconds: float = FIRST_HEAD_SECONDS
    next_head_seconds: float = NEXT_HEAD_SECONDS
    unread_seconds: float = UNREAD_SECONDS

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._head = _Patience(self.loop, self._abort)
        self._reading = _Patience(self.loop, self._abort)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base class
        """Take it, or say that there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(_FULL)
            transport.close()
        self._head.begin(self.first_head_seconds)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent; its time is over when a request has not begun by then."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_answering():
            self._head.end()

    def on_response_complete(self) -> None:
        """Wait for the next request, if it is not there already."""
        super().on_response_complete()
        if not self._is_answering():
            self._head.begin(self.next_head_seconds)

    def pause_writing(self) -> None:
        """Give the client time to read."""
        super().pause_writing()
        self._reading.begin(self.unread_seconds)

    def resume_writing(self) -> None:
        """Note that the client reads."""
        super().resume_writing()
        self._reading.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._head.end()
        self._reading.end()

    def _abort(self) -> None:
        # Not closed but aborted: closing would wait for such a client to read what is left for it.
        self.transport.abort()

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return cycle is not None and not cycle.response_complete


class _Patience:
    """Calls something after a while, unless that was called off."""

    def __init__(self, loop: asyncio.AbstractEventLoop, over: Callable[[], None]) -> None:
        self._loop = loop
        self._over = over
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> None:
        self.end()
        self._timer = self._loop.call_later(seconds, self._over)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def limited_to(most: int) -> type[PatientProtocol]:
    """The protocol for a server with so many connections, or fewer where the system does not allow as many files."""
    allowed = _raised_file_limit(most + _FILES_OF_OTHERS)
    return type("LimitedProtocol", (PatientProtocol,), {"most": max(1, min(most, allowed - _FILES_OF_OTHERS))})


def _raised_file_limit(wanted: int) -> int:
    """How many files this process may open, after asking for `wanted`; many systems begin with 1,024 or 256."""
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
