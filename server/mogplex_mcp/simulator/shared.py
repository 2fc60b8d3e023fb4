"""A simulator whose world is kept in a file: what one process starts is there for the next one."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.to_thread
import httpx2
from pydantic import TypeAdapter, ValidationError

from .app import Simulator
from .scripts import SCRIPTS
from .world import World

_BUSY_SECONDS = 10.0
_BOOT_SECONDS = 3.0  # of a sandbox; other requests wait meanwhile
_SCRIPT = "with_tools"  # a person wants to see what an agent does, which a real Mogplex hardly shows
_OWNER_ONLY = 0o600


class SharedSimulator(httpx2.AsyncBaseTransport):
    """Sends requests to a simulator, one at a time across all processes that use the same file.

    Runs get on by the clock alone, so they do so while no process is there. A file that cannot be used, or that
    another release has written, is not an error: the world is then that of this process, or begins anew.

    Args:
        path: a SQLite file with one row, the world as JSON; None keeps the world in this process.
        now: epoch seconds.
        run_seconds: how long a run takes from its start to its end.
    """

    def __init__(self, path: Path | None, now: Callable[[], float], run_seconds: float) -> None:
        self._path = path
        self._simulator = Simulator(now=now, run_seconds=run_seconds)
        self._configure()
        self._transport = self._simulator.transport()
        self._turn = anyio.Lock()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the world is read before and written after it."""
        async with self._turn:
            opened = await anyio.to_thread.run_sync(self._open)
            try:
                return await self._transport.handle_async_request(request)
            finally:
                if opened is not None:
                    self._save(opened)

    def _open(self) -> "_Opened | None":
        """Lock the file and read the world in it; None if there is none, or it cannot be used."""
        if self._path is None:
            return None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if not self._path.exists():
                self._path.touch(_OWNER_ONLY)
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error):
            return None
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE IF NOT EXISTS snapshot (id INTEGER PRIMARY KEY, world TEXT NOT NULL)")
            row = connection.execute("SELECT world FROM snapshot").fetchone()
        except sqlite3.Error:
            connection.close()
            return None
        text = row[0] if row else ""
        if text != _dump(self._simulator.world):
            self._adopt(text)
        return _Opened(connection, text)

    def _adopt(self, text: str) -> None:
        try:
            read = TypeAdapter(World).validate_json(text)
        except ValidationError:
            return
        for run in read.runs.values():
            run.script = SCRIPTS.get(run.script.name, run.script)
        for field in fields(World):
            setattr(self._simulator.world, field.name, getattr(read, field.name))
        self._configure()

    def _configure(self) -> None:
        self._simulator.world.sandbox_boot_seconds = _BOOT_SECONDS
        self._simulator.world.default_script = _SCRIPT

    def _save(self, opened: "_Opened") -> None:
        text = _dump(self._simulator.world)
        try:
            if text != opened.text:
                opened.connection.execute("INSERT OR REPLACE INTO snapshot VALUES (1, ?)", (text,))
            opened.connection.execute("COMMIT")
        except sqlite3.Error:  # the disk is full: this process still knows
            pass
        finally:
            opened.connection.close()


class _Opened(NamedTuple):
    """The locked file.

    Attributes:
        text: the world in it.
    """

    connection: sqlite3.Connection
    text: str


def _dump(world: World) -> str:
    """Write a world as JSON, with the names of scripts in place of their steps."""
    runs = {name: replace(run, script=run.script._replace(steps=())) for name, run in world.runs.items()}
    return json.dumps(asdict(replace(world, runs=runs)), default=sorted)
