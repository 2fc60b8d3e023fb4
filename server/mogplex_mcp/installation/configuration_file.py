"""A client's configuration file: read, backed up and replaced atomically."""

import contextlib
import errno
import os
import stat
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from mogplex_mcp.installation import InstallationError

LARGEST: Final = 64 * 1_048_576
_MARK: Final = b"\xef\xbb\xbf"
_PRIVATE: Final = 0o600
_SHARED: Final = 0o666  # minus the user's umask


@dataclass(frozen=True)
class ConfigurationFile:
    """A file as it was read.

    Attributes:
        path: Where the client looks for it.
        target: The path with symbolic links resolved.
        text: Its content without byte order mark; "" if it does not exist.
        content: Its bytes; None if it does not exist.
    """

    path: Path
    target: Path
    text: str
    content: bytes | None


def read(path: Path) -> ConfigurationFile:
    """Read a configuration, which need not exist yet.

    Raises:
        InstallationError: It can't be read, or isn't text.
    """
    target = Path(os.path.realpath(path))
    content = _content(target)
    try:
        text = (content or b"").removeprefix(_MARK).decode()
    except UnicodeDecodeError as error:
        line = (content or b"").count(b"\n", 0, error.start) + 1
        raise InstallationError(f"{path} isn't UTF-8 text (line {line}): save it as UTF-8 in an editor.") from None
    return ConfigurationFile(path, target, text, content)


def check_owner(file: ConfigurationFile) -> None:
    """Reject a file of another user: a file that root creates in a user's folder locks that user out.

    Raises:
        InstallationError: The file belongs to another user.
    """
    if sys.platform == "win32":
        return
    for path in (file.target, *file.target.parents):
        with contextlib.suppress(OSError):
            owner = path.stat().st_uid
            if owner == os.geteuid():
                return
            raise InstallationError(
                f"{path} belongs to another user ({_user(owner)}): run this as that user, without sudo, or add --force."
            )


def write(file: ConfigurationFile, text: str, now: datetime, *, private: bool) -> Path | None:
    """Replace the file, and keep a backup next to it.

    Args:
        file: As it was read.
        text: The new content.
        now: For the name of the backup.
        private: Whether a new file is readable by the user only.

    Returns:
        The backup; None if there was no file.

    Raises:
        InstallationError: It was changed in the meantime, or can't be written. Nothing is changed then.
    """
    try:
        file.target.parent.mkdir(parents=True, exist_ok=True)
        status = None if file.content is None else file.target.stat()
        if status and not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise InstallationError(f"{file.path} is read-only: make it writable, then run this again.")
        mark = _MARK if (file.content or b"").startswith(_MARK) else b""
        temporary = file.target.with_name(f".{file.target.name}.{os.getpid()}.new")
        _create(temporary, mark + text.encode(), _PRIVATE if private or status else _SHARED, status)
        backup: Path | None = None
        try:
            backup = _backup(file, now, status)
            _check_unchanged(file)
            temporary.replace(file.target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            if backup:
                backup.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InstallationError(_error_message(file.path, error)) from None
    return backup


def _content(target: Path) -> bytes | None:
    try:
        status = target.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InstallationError(f"{target} is a folder instead of a file: rename it.")
        if not stat.S_ISREG(status.st_mode):
            raise InstallationError(f"{target} isn't a regular file.")
        if status.st_size > LARGEST:
            raise InstallationError(
                f"{target} is larger than {LARGEST // 1_048_576} MiB, too large for a configuration."
            )
        return target.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None  # NotADirectoryError: a parent is a file
    except OSError as error:
        raise InstallationError(_error_message(target, error)) from None


def _check_unchanged(file: ConfigurationFile) -> None:
    if _content(file.target) != file.content:
        raise InstallationError(f"{file.path} was changed by another program just now: run this again.")


def _backup(file: ConfigurationFile, now: datetime, status: os.stat_result | None) -> Path | None:
    if file.content is None:
        return None
    for number in range(1_000):
        name = f"{file.target.name}.backup-{now:%Y%m%d-%H%M%S}" + (f"-{number}" if number else "")
        with contextlib.suppress(FileExistsError):
            backup = file.target.with_name(name)
            _create(backup, file.content, _PRIVATE, status)
            backup.chmod(_PRIVATE)
            return backup
    raise InstallationError(f"There are too many backups of {file.path}: delete some.")


def _create(path: Path, content: bytes, mode: int, like: os.stat_result | None) -> None:
    """Write and sync a new file, with the owner and the mode of another one."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if like:
            path.chmod(stat.S_IMODE(like.st_mode))
            if sys.platform != "win32" and like.st_uid != os.geteuid():
                os.chown(path, like.st_uid, like.st_gid)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _error_message(path: Path, error: OSError) -> str:
    if getattr(error, "winerror", 0) in (5, 32, 33):
        return (
            f"{path} can't be written, probably because a program has it open: close that program and run this again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} can't be read or written ({error.strerror}): check the permissions of the file and its folder."
    return f"{path} cannot be used: {error.strerror or error}."


def _user(number: int) -> str:
    if sys.platform == "win32":
        return str(number)
    import pwd  # noqa: PLC0415 - not on Windows

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
