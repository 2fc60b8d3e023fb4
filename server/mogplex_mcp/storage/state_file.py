"""The user's state file: one SQLite database, shared by all processes of this user on this machine.

The ledger of starts, the request counts and the learnt wait limits live here. Their modules open a `transaction`, or
`reading` for what only looks. Where the file cannot be used, each decides what that means: the ledger refuses to start
anything, the budget counts in the process.
"""

import contextlib
import hashlib
import hmac
import itertools
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Final

from mogplex_mcp.core.private_file import is_exposed, replace
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.file_system import network_file_system
from mogplex_mcp.storage.migrations import check_version, migrate

BUSY_SECONDS: Final = 2.0


class StateFile:
    """A SQLite database, opened when it is first used.

    A file that isn't a database any more is set aside under a name with the time in it, and a new one is begun; a file
    that other users could open is made private; `warning` then says so. A file of a newer release is refused and left
    as it is. A file that was moved or removed is no longer written: the one that has its name now is opened instead.
    On a network file system it has a rollback journal instead of a write-ahead log, whose index has to be in memory
    that all its processes share (<https://www.sqlite.org/wal.html>); `warning` says so the first time.

    Args:
        path: Where the file is; its folder is made when missing. None keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.warning = ""
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        self._key = b""
        self._synchronous = ""

    def transaction(self, *, durable: bool = False) -> AbstractContextManager[sqlite3.Connection]:
        """Run a block in one write transaction; roll it back when the block raises.

        Args:
            durable: Whether the commit must have reached the disk when the block ends. Others survive a killed
                process, not a power failure.

        Raises:
            StateError: The file cannot be opened, written or locked within 2 seconds.
        """
        return self._block("BEGIN IMMEDIATE", "FULL" if durable else "NORMAL")

    def change(self, statement: str, values: Mapping[str, str | float]) -> int:
        """Execute one statement, a transaction by itself, and return how many rows it changed.

        Raises:
            StateError: The file cannot be opened, written or locked within 2 seconds.
        """
        with self._usable("NORMAL") as connection:
            return connection.execute(statement, values).rowcount

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Run a block on a consistent view of the file, also of one that cannot be written.

        Raises:
            StateError: The file cannot be opened or read.
        """
        return self._block("BEGIN", "NORMAL")

    def tenant(self, token: str) -> str:
        """Return the name under which rows of this token are kept: a hash with a key that never leaves the file.

        Raises:
            StateError: The file cannot be used.
        """
        if not self._key or self._is_moved():
            with self.reading() as connection:
                row = connection.execute("SELECT key FROM secret").fetchone()
            if row is None:
                with self.transaction(durable=True) as connection:
                    connection.execute("INSERT OR IGNORE INTO secret VALUES (1, ?)", (secrets.token_bytes(32),))
                    row = connection.execute("SELECT key FROM secret").fetchone()
            self._key = row[0]
        return _tenant(self._key, token)

    def close(self) -> None:
        """Close the file; the next transaction opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._synchronous = ""

    @contextlib.contextmanager
    def _block(self, begin: str, synchronous: str) -> Iterator[sqlite3.Connection]:
        with self._usable(synchronous) as connection:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A full disk has ended the transaction already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _usable(self, synchronous: str) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._open()
            if synchronous != self._synchronous:
                connection.execute(f"PRAGMA synchronous = {synchronous}")
                self._synchronous = synchronous
            yield connection
        except (sqlite3.Error, OSError) as error:
            if self.path is not None:
                self.close()
            raise StateError(f"the state file {self.path or '(in memory)'} cannot be used: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if self._is_moved():
            self.close()
            self._key = b""
        if self._connection is None:
            before = _identity(self.path)
            if self.path is not None and _make_private(self.path):
                self.warning = f"Other users of this machine could open {self.path}; now only its owner can."
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if self.path is None or isinstance(error, sqlite3.OperationalError):
                    raise
                # Where another process has set it aside in the meantime, the file that is there now is a new one.
                if before == _identity(self.path):
                    self.warning = _set_aside(self.path, error)
                self._key = b""
                self._connection = self._connect()
            self._opened = _identity(self.path)
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        network = network_file_system(self.path) if self.path is not None else ""
        connection, is_changed = _connect(self.path, is_local=not network)
        if network and is_changed:
            self.warning = (
                f"{self.warning} {self.path} is on a network file system ({network}), where locks may fail: name a "
                "file on a local disk with MOGPLEX_MCP_STATE_FILE."
            ).lstrip()
        return connection

    def _is_moved(self) -> bool:
        return self._connection is not None and self._opened != _identity(self.path)


# Each request asks for the same few.
@lru_cache(maxsize=256)
def _tenant(key: bytes, token: str) -> str:
    return hmac.new(key, token.encode(), hashlib.sha256).hexdigest()[:32]


def _connect(path: Path | None, *, is_local: bool) -> tuple[sqlite3.Connection, bool]:
    """Open the file, and retry: while another process makes it or closes it last, SQLite reports "locked" at once."""
    given_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return _connect_once(path, is_local=is_local)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > given_up:
                raise
            time.sleep(0.02)


def _connect_once(path: Path | None, *, is_local: bool) -> tuple[sqlite3.Connection, bool]:
    if path is not None and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    connection = sqlite3.connect(path or ":memory:", timeout=BUSY_SECONDS, isolation_level=None)
    try:
        return connection, _prepare(connection, is_local=is_local)
    except BaseException:
        connection.close()
        raise


def _prepare(connection: sqlite3.Connection, *, is_local: bool) -> bool:
    """Bring the schema of a file up to date, and check that the file is whole.

    Returns:
        Whether the file is new, or has another journal mode than before.
    """
    # A file of a newer release is refused before anything is written to it.
    check_version(connection)
    (before,) = connection.execute("PRAGMA journal_mode").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    # A file with a rollback journal is one that another machine has on a network file system.
    wanted = "wal" if is_local and (before == "wal" or not pages) else "delete"
    connection.execute(f"PRAGMA journal_mode = {wanted}")
    migrate(connection)
    # A table that is damaged inside is found here and not in the middle of a start.
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    return not pages or before != wanted


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Return which file has this name now; None when there is none."""
    if path is None:
        return None
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _make_private(path: Path) -> bool:
    """Close a file, and those that SQLite keeps next to it, to other users; return whether that changed anything."""
    exposed = [file for file in map(path.with_name, _names(path)) if file.is_file() and is_exposed(file)]
    try:
        for file in exposed:
            file.chmod(0o600)
    except OSError:
        return False  # another user's file, which SQLite may still open
    return bool(exposed)


def _names(path: Path) -> Sequence[str]:
    """Return the names of a database and of the files that SQLite keeps next to it."""
    return [path.name + suffix for suffix in ("", "-wal", "-shm", "-journal")]


def _set_aside(path: Path, error: sqlite3.DatabaseError) -> str:
    stem = f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    kept = next(kept for name in names if not (kept := path.with_name(name)).exists())
    for name, aside in zip(_names(path), _names(kept), strict=True):
        # Another process may have set it aside a moment ago.
        with contextlib.suppress(FileNotFoundError):
            try:
                replace(path.with_name(name), path.with_name(aside))
            except PermissionError:
                raise StateError(
                    f"it is damaged ({error}), and another process has it open, so it cannot be set aside. "
                    "Quit all MCP clients that use Mogplex, then try again"
                ) from None
    return f"The list of runs was damaged ({error}); it was set aside as {kept} and a new one was begun."
