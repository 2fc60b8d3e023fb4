"""Files that hold secrets: read with care, written so that nobody else can read them and none is ever half written."""

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Final

LARGEST: Final = 65_536
_OTHERS: Final = stat.S_IRGRP | stat.S_IROTH


def read_private(path: Path) -> str:
    """The text of a file.

    Raises:
        OSError: It cannot be read, or is too large, no text or no file; `strerror` says why.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no regular file")  # reading from a pipe could wait for ever
        if status.st_size > LARGEST:
            raise OSError(0, "it is too large to hold a token")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise OSError(0, "it is no text in UTF-8") from None
    except ValueError:
        raise OSError(0, "its name is unusable") from None


def write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner alone.

    A symbolic link in its place is replaced and not followed; its folder must be the user's own and no link, so that
    the text ends up nowhere else.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _take_folder(folder)
    # Made with mode 0600, and never through a link.
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    if sys.platform != "win32":
        _flush_folder(folder)


def is_exposed(path: Path) -> bool:
    """Whether other users of this machine may read a file, as far as its mode tells."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & _OTHERS)
    except (OSError, ValueError):
        return False


def _take_folder(folder: Path) -> None:
    """Make sure that a folder is the user's own, and closed to others.

    Raises:
        OSError: It is a link, or another user's.
    """
    status = folder.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise OSError(0, f"the folder {folder} is a symbolic link")
    if sys.platform == "win32":
        return  # what is below the user's profile is closed to others already
    if status.st_uid != os.geteuid():
        raise OSError(0, f"the folder {folder} belongs to another user")
    if status.st_mode & 0o077:
        folder.chmod(0o700)


def _flush_folder(folder: Path) -> None:
    """Make the new name last through a power failure; some file systems cannot, and then it need not."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
