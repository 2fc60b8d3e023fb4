"""A lock between processes, on a file of its own; the system releases it when its process ends, however that ends."""

import contextlib
import errno
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import anyio

_RETRY_SECONDS: Final = 0.05
# The last two are what Windows says. Some network file systems know no locks: they say something else, at any time.
_HELD: Final = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)


@contextlib.asynccontextmanager
async def locked(path: Path, seconds: float) -> AsyncIterator[None]:
    """Hold the lock of a file while the block runs. The file is created, and stays: to delete it would be a race.

    Args:
        path: The file. It holds nothing.
        seconds: How long to wait for another process.

    Raises:
        TimeoutError: Another process holds it.
        OSError: The file can't be opened, or its file system knows no locks.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with anyio.fail_after(seconds):
            while not _try_lock(number):  # noqa: ASYNC110 - another process sends no event
                await anyio.sleep(_RETRY_SECONDS)
        yield
    finally:
        os.close(number)


def _try_lock(number: int) -> bool:
    """Take the lock if it is free."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only there

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD:
            raise
        return False
    return True
