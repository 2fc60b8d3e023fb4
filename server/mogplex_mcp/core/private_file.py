"""Files that hold secrets: private to their owner, and replaced atomically."""

import contextlib
import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mogplex_mcp.core.decoding import decode_text

LARGEST: Final = 65_536
_PACKAGE: Final = re.compile(r"/Packages/[^/]+/LocalCache/", re.IGNORECASE)
_TRIES: Final = 11
_RETRY_SECONDS: Final = 0.1
# Of Windows: ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION.
_SHARING_ERRORS: Final = frozenset({5, 32, 33})
_OTHERS: Final = stat.S_IRGRP | stat.S_IROTH


def read_private(path: Path) -> str:
    """Return the text of a file.

    Raises:
        OSError: It can't be read, is too large, isn't UTF-8 or isn't a regular file; `strerror` says why.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it isn't a regular file")  # reading from a pipe could block for ever
        if status.st_size > LARGEST:
            raise OSError(0, "it is too large to hold a token")
        return decode_text(path.read_bytes())
    except UnicodeDecodeError:
        raise OSError(0, "it isn't text in UTF-8") from None
    except ValueError:
        raise OSError(0, "its name is unusable") from None


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically, with mode 0600.

    A symbolic link is replaced, not followed. The folder must belong to the user and must not be a link, so that the
    text is written nowhere else.

    Raises:
        OSError: It can't be written; the previous file is unchanged.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _take_folder(folder)
    # Creates it with mode 0600 and O_EXCL.
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        replace(Path(name), path)
        _check_place(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    if sys.platform != "win32":
        _flush_folder(folder)


def replace(source: Path, target: Path, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Rename a file, over another one if there is one.

    Windows refuses that while a client, an indexer or a virus scanner has one of them open, which lasts for moments. So
    it is tried for a second.

    Raises:
        OSError: It is not possible; nothing has changed.
    """
    for _ in range(_TRIES - 1):
        try:
            source.replace(target)
        except OSError as error:
            if getattr(error, "winerror", None) not in _SHARING_ERRORS:
                raise
            sleep(_RETRY_SECONDS)
        else:
            return
    source.replace(target)


def is_exposed(path: Path) -> bool:
    """Return whether the mode of a file lets other users read it."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & _OTHERS)
    except (OSError, ValueError):
        return False


def _check_place(path: Path) -> None:
    """Make sure that Windows did not redirect a file into the private folder of a packaged program.

    Raises:
        OSError: It did; the redirected file is deleted again.
    """
    real = os.path.realpath(path)
    if is_private_copy(real) and not is_private_copy(str(path)):
        Path(real).unlink(missing_ok=True)
        raise OSError(0, f"Windows redirects it to {real}, which no other program reads: use a terminal of its own")


def is_private_copy(path: str) -> bool:
    """Return whether a path is in the private folder of a packaged program (MSIX), which no other program reads."""
    return _PACKAGE.search(path.replace("\\", "/")) is not None


def _take_folder(folder: Path) -> None:
    """Make sure that a folder belongs to the user, and set its mode to 0700.

    Raises:
        OSError: It is a link, or belongs to another user.
    """
    status = folder.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise OSError(0, f"the folder {folder} is a symbolic link")
    if sys.platform == "win32":
        return  # the user's profile is private already
    if status.st_uid != os.geteuid():
        raise OSError(0, f"the folder {folder} belongs to another user")
    if status.st_mode & 0o077:
        folder.chmod(0o700)


def _flush_folder(folder: Path) -> None:
    """Make the new name durable (fsync of the folder), where the file system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
