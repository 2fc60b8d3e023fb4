"""The three standard streams, which the parent process may have closed or stopped reading."""

import contextlib
import errno
import os
import sys
from dataclasses import dataclass
from typing import Final

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2


@dataclass(frozen=True)
class Handover:
    """What passed on stdin and stdout before the server was loaded.

    Attributes:
        received: Bytes from the client that the server has to process.
        unsent: Bytes to the client that have to be written before anything else.
        answered: The id of a request among `received` whose response the client has already; None if there is none.
    """

    received: bytes = b""
    unsent: bytes = b""
    answered: str | int | None = None


def fill_closed() -> frozenset[int]:
    """Open the null device in place of each standard stream that is closed, and return their descriptors.

    Otherwise the next file that is opened would get the descriptor: a warning for stderr would be written into the
    state file, or a stray `print` sent to the client.
    """
    closed = {number for number in (STDIN, STDOUT, STDERR) if not _is_open(number)}
    for number in sorted(closed):
        # POSIX: open() returns the lowest free descriptor, and all lower ones are in use by now.
        if os.open(os.devnull, os.O_RDWR) != number:
            raise OSError(f"the standard stream {number} is closed, and cannot be replaced")
    for name, number in (("stdin", STDIN), ("stdout", STDOUT), ("stderr", STDERR)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == STDIN else "w", closefd=False))
    return frozenset(closed)


def prepare() -> None:
    """Replace characters that stdout or stderr cannot encode, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        # Tests and notebooks replace the streams with objects that lack it.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")


def is_broken_pipe(error: BaseException) -> bool:
    """Return whether the reader of a pipe has gone away. Windows reports that as EINVAL."""
    return isinstance(error, BrokenPipeError) or (
        sys.platform == "win32" and isinstance(error, OSError) and error.errno == errno.EINVAL
    )


def read_available(size: int) -> bytes:
    """Read at most so many bytes of stdin as `os.read` does; empty at its end.

    A Windows console gives its legacy code page to `os.read`, and UTF-8 to Python's own stream. That is read without
    its buffer, whose lock a waiting thread would hold when the process exits.
    """
    raw = getattr(getattr(sys.stdin, "buffer", None), "raw", None) if sys.stdin.isatty() else None
    return (raw.read(size) or b"") if raw else os.read(STDIN, size)


def say(text: str) -> None:
    """Write a line for people to stderr; ignore that it is closed."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - for people


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
