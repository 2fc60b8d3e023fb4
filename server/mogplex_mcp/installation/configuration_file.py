"""A client's configuration file: read, backed up and replaced atomically."""

import contextlib
import errno
import os
import re
import stat
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from mogplex_mcp.core.private_file import is_private_copy, replace
from mogplex_mcp.installation import InstallationError

LARGEST: Final = 64 * 1_048_576
# Enough to go back before an installation that was tried several times.
MOST_BACKUPS: Final = 5
_BACKUP: Final = re.compile(r"\.backup-(\d{8}-\d{6})(?:-(\d+))?")
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
        has_mark: Whether it begins with a byte order mark, which is never written back.
    """

    path: Path
    target: Path
    text: str
    content: bytes | None
    has_mark: bool = False


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
    return ConfigurationFile(path, target, text, content, (content or b"").startswith(_MARK))


def backups(target: Path) -> list[Path]:
    """Return the backups of a file, the newest first.

    Raises:
        OSError: Its folder can't be read.
    """
    found = [
        (match.group(1), int(match.group(2) or 0), path)
        for path in target.parent.iterdir()
        if path.name.startswith(target.name) and (match := _BACKUP.fullmatch(path.name.removeprefix(target.name)))
    ]
    return [path for *_, path in sorted(found, reverse=True)]


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
        if is_private_copy(str(file.target)):
            _check_place(file)
        file.target.parent.mkdir(parents=True, exist_ok=True)
        status = None if file.content is None else file.target.stat()
        if status and not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise InstallationError(f"{file.path} is read-only: make it writable, then run this again.")
        temporary = file.target.with_name(f".{file.target.name}.{os.getpid()}.new")
        _create(temporary, text.encode(), _PRIVATE if private or status else _SHARED, status)
        backup: Path | None = None
        try:
            backup = _backup(file, now, status)
            _check_unchanged(file)
            replace(temporary, file.target)
            _check_place(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            if backup:
                backup.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InstallationError(_error_message(file.path, error)) from None
    _prune_backups(file.target)
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


def _check_place(file: ConfigurationFile) -> None:
    """Make sure that the file is where the client looks.

    Windows redirects what a packaged program (Python from the Microsoft Store, a shell inside Claude or Codex) writes
    below AppData to a private copy.

    Raises:
        InstallationError: It is in a private copy; one that was just made is deleted.
    """
    real = os.path.realpath(file.target)
    if is_private_copy(real) and not is_private_copy(str(file.path)):
        if not is_private_copy(str(file.target)):
            Path(real).unlink(missing_ok=True)
        raise InstallationError(
            f"{file.path} was redirected to {real}, which no client reads: Python from the Microsoft Store, or a shell "
            "inside a packaged program, keeps such files to itself. Install this server with `uv tool install "
            "mogplex-mcp` in a terminal of its own, and run this there."
        )


def _prune_backups(target: Path) -> None:
    """Delete all but the newest backups; a failure only leaves more of them."""
    with contextlib.suppress(OSError):
        for old in backups(target)[MOST_BACKUPS:]:
            old.unlink(missing_ok=True)


def _backup(file: ConfigurationFile, now: datetime, status: os.stat_result | None) -> Path | None:
    if file.content is None:
        return None
    stem = f"{file.target.name}.backup-{now:%Y%m%d-%H%M%S}"
    same = [path.name.removeprefix(stem).lstrip("-") for path in backups(file.target) if path.name.startswith(stem)]
    number = int(same[0] or 0) + 1 if same else 0
    backup = file.target.with_name(stem + (f"-{number}" if number else ""))
    _create(backup, file.content, _PRIVATE, status, keep_mode=True)
    return backup


def _create(path: Path, content: bytes, mode: int, like: os.stat_result | None, *, keep_mode: bool = False) -> None:
    """Write and sync a new file, with the owner and, unless `keep_mode`, the mode of another one."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if like:
            if not keep_mode:
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
