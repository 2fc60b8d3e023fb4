"""Bytes from and to a client: by polling, and by threads where a descriptor cannot be polled.

Windows cannot poll pipes, and no system polls files. There, a daemon thread blocks in each direction: it cannot be
interrupted, so its descriptor is never closed, and it ends with the process.
"""

import asyncio
import contextlib
import os
import select
import selectors
import socket
import stat
import sys
import threading
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import anyio

_READ_BYTES: Final = 65_536

T = TypeVar("T")


class ByteSource(Protocol):
    """Where bytes of a client come from."""

    async def wait(self) -> None:
        """Wait until there is something to take."""

    def take(self) -> bytes:
        """Return the next bytes without waiting; empty at the end."""


class ByteSink(Protocol):
    """Where bytes for a client go."""

    def write_now(self, data: bytes | memoryview) -> int:
        """Write as much as possible without blocking; return the number of bytes."""

    async def write(self, data: memoryview) -> None:
        """Write everything. A cancellation leaves some of it unwritten."""

    def close(self) -> None:
        """Release what was opened for writing. The descriptor itself belongs to the caller."""


def can_be_polled(*descriptors: int) -> bool:
    """Return whether descriptors are pipes, sockets or terminals, on a system that can wait for those."""
    if sys.platform == "win32":
        return False
    with selectors.DefaultSelector() as selector:
        try:
            for descriptor in descriptors:
                selector.register(descriptor, selectors.EVENT_READ)
        except (OSError, ValueError):
            return False
    return True


class PolledSource:
    """Reads a descriptor when it is readable."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def wait(self) -> None:
        """Wait until the descriptor is readable."""
        await anyio.wait_readable(self._descriptor)

    def take(self) -> bytes:
        """Read what there is; a connection that was reset is at its end."""
        return _read(self._descriptor)


class ThreadedSource:
    """Reads a descriptor in a thread, which reads the next bytes only once the previous ones were taken."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._chunk: bytes | None = None
        self._arrived = anyio.Event()
        self._taken = threading.Semaphore(0)
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="stdin", daemon=True).start()

    async def wait(self) -> None:
        """Wait for the thread."""
        await self._arrived.wait()

    def take(self) -> bytes:
        """Return what the thread has read; at the end, again and again."""
        chunk, self._chunk = self._chunk or b"", None
        if chunk:
            self._arrived = anyio.Event()
            self._taken.release()
        return chunk

    def _run(self) -> None:
        while chunk := _read(self._descriptor):
            _call(self._loop, self._receive, chunk)
            self._taken.acquire()
        _call(self._loop, self._receive, b"")

    def _receive(self, chunk: bytes) -> None:
        self._chunk = chunk
        self._arrived.set()


class PolledSink:
    """Writes to a descriptor without blocking.

    O_NONBLOCK belongs to the open file description (POSIX), which other processes share. So a socket is written with
    MSG_DONTWAIT, and a pipe is opened anew where the system can do that (Linux); elsewhere it is written in portions
    that do not block.
    """

    def __init__(self, descriptor: int) -> None:
        self._shared = descriptor
        self._own: int | None = None
        self._socket: socket.socket | None = None
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISSOCK(mode):
            self._socket = socket.socket(fileno=os.dup(descriptor))
        elif stat.S_ISFIFO(mode):
            with contextlib.suppress(OSError):
                self._own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)

    def write_now(self, data: bytes | memoryview) -> int:
        """Write as much as possible without blocking; return the number of bytes."""
        try:
            if self._socket is not None:
                return self._socket.send(data, socket.MSG_DONTWAIT)
            if self._own is not None:
                return os.write(self._own, data)
        except BlockingIOError:
            return 0
        written = 0
        # A pipe that is writable accepts PIPE_BUF bytes (POSIX). select() is far cheaper than the event loop.
        while written < len(data) and select.select([], [self._shared], [], 0)[1]:
            written += os.write(self._shared, data[written : written + select.PIPE_BUF])
        return written

    async def write(self, data: memoryview) -> None:
        """Write everything, as the client reads."""
        while data:
            await anyio.wait_writable(self._shared)
            data = data[self.write_now(data) :]

    def close(self) -> None:
        """Close what was opened anew."""
        if self._own is not None:
            os.close(self._own)
        if self._socket is not None:
            self._socket.close()
        self._own = self._socket = None


class ThreadedSink:
    """Writes to a descriptor in a thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._data: bytes | None = None
        self._given = threading.Semaphore(0)
        self._done: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="stdout", daemon=True).start()

    def write_now(self, data: bytes | memoryview) -> int:
        """Write nothing: any write may block."""
        del data
        return 0

    async def write(self, data: memoryview) -> None:
        """Write everything, as the client reads."""
        self._data, self._done = bytes(data), self._loop.create_future()
        self._given.release()
        await self._done

    def close(self) -> None:
        """End the thread, once it has written what it was given."""
        self._data = None
        self._given.release()

    def _run(self) -> None:
        while self._given.acquire() and (data := self._data):
            error: OSError | None = None
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError as failure:
                error = failure
            _call(self._loop, self._finish, error)

    def _finish(self, error: OSError | None) -> None:
        # It is done already if the write was cancelled.
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _READ_BYTES)
    except OSError:
        # The client is gone; on Windows that is an error, too.
        return b""


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[T], None], argument: T) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the process is about to exit
        loop.call_soon_threadsafe(function, argument)
