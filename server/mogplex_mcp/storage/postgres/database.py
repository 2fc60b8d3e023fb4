"""The database: a pool of connections, transactions with a deadline, and the clock that all replicas share.

Where the database cannot be used, each caller decides what that means, as with the state file. Passwords come from the
address, or as libpq has them (`PGPASSWORD`, a password file, a service file); none is part of an error.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache, partial
from typing import Any, Final, LiteralString, TypeVar

import anyio
import psycopg
from psycopg import AsyncConnection

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.errors import DatabaseError
from mogplex_mcp.storage.postgres.connection import (
    Connection,
    Pool,
    TextDumper,
    connection_parameters,
    in_transaction,
    is_lost,
)
from mogplex_mcp.storage.postgres.schema import SWEEPS, migrate

_T = TypeVar("_T")

DEADLINE_SECONDS: Final = 2.0
"""How long a transaction may take, including the wait for a connection."""

OPENING_SECONDS: Final = 10.0
"""How long the first connection may take, including the migration of the schema."""

RETRY_SECONDS: Final = 5.0
"""How long the database is not asked again when it was away, so that calls do not wait for one time-out each."""

SWEPT_SECONDS: Final = 6 * 3_600.0
"""How often rows of tenants that do not come any more are dropped."""

QUIET_SECONDS: Final = 60.0
"""A database that comes and goes is logged once in this time."""

_TENANTS: Final = "tenants"
_KEEP_SECRET: Final = "INSERT INTO secrets VALUES (%s, %s) ON CONFLICT (purpose) DO NOTHING"  # noqa: S105 - a statement
_MOST_CONNECTIONS: Final = 10
_log = logging.getLogger(__name__)


class PostgresDatabase:
    """A PostgreSQL database, opened when it is first used, and again after a failure.

    Args:
        url: Its address, `postgresql://…`.
        clock: Seconds since the epoch, by this machine.

    Raises:
        ValueError: It isn't such an address; the message does not quote it.
    """

    def __init__(self, url: Secret, *, clock: Callable[[], float] = time.time) -> None:
        self._conninfo = connection_parameters(url.value)
        self._clock = clock
        self._ahead_seconds = 0.0
        self._pool: Pool | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._key = b""
        self._is_key_known = False
        self._own_key = secrets.token_bytes(32)
        self._problem = ""
        self._is_readable = True
        self._away_until = self._succeeded_at = self._logged_at = self._swept_at = -SWEPT_SECONDS
        self._is_logged = self._is_closed = False
        # They would warn of each connection; here, a failure is logged once.
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
        logging.getLogger("psycopg").setLevel(logging.ERROR)

    @property
    def problem(self) -> str:
        """Why the database could not be used the last time; empty if it could."""
        return self._problem

    def now(self) -> float:
        """Return the seconds since the epoch by the clock of the database, which all replicas share."""
        return self._clock() + self._ahead_seconds

    async def run(
        self, operation: Callable[[Connection], Awaitable[_T]], *, reads: bool = False, durable: bool = True
    ) -> _T:
        """Run an operation in a transaction, again if the database asks for that, and return its result.

        It may also run twice where the connection is lost while it commits. The caller's cancellation waits for its
        end: half a transaction would cost the connection.

        Args:
            operation: What to do.
            reads: Whether it changes nothing, so that its success says nothing of a database that is full or read-only.
            durable: Whether it must be on the disk when this returns. What is not may be lost if the server crashes
                within the next second.

        Raises:
            DatabaseError: The database cannot be used, or not within the deadline.
        """
        try:
            try:
                result = await self._run_once(operation, durable=durable)
            except psycopg.Error as error:
                if not is_lost(error):
                    raise
                # The server restarted, or another took over, since this connection was last used.
                result = await self._run_once(operation, durable=durable)
        except DatabaseError:
            raise
        except (psycopg.Error, OSError) as error:
            raise self._report(error) from error
        self._succeeded_at = anyio.current_time()
        if self._problem and not (reads and self._is_readable):
            self._problem = ""
            if self._is_logged:
                self._is_logged = False
                _log.warning("the database can be used again")
        if self._succeeded_at - self._swept_at >= SWEPT_SECONDS:
            self._swept_at = self._succeeded_at
            self._in_background(self._sweep())
        return result

    async def tenant(self, identity: str) -> str:
        """Return the name under which rows of an identity are kept: a hash with a key that never leaves the database.

        Raises:
            DatabaseError: The database cannot be used.
        """
        if not self._is_key_known:
            self._key, self._is_key_known = await self.secret(_TENANTS), True
        return _tenant(self._key, identity)

    def known_tenant(self, identity: str) -> str:
        """Return the same without a request, or a name of this process only as long as the key isn't known."""
        return _tenant(self._key or self._own_key, identity)

    async def check(self) -> None:
        """Return if the database can be used, also for writing.

        Raises:
            DatabaseError: It cannot.
        """

        async def insert(rows: Connection) -> None:
            await rows.execute(_KEEP_SECRET, (_TENANTS, secrets.token_bytes(32)))

        await self.run(insert)

    async def secret(self, purpose: str) -> bytes:
        """Return 32 random bytes that all replicas share, made at the first call.

        Raises:
            DatabaseError: The database cannot be used.
        """

        async def find(rows: Connection) -> bytes | None:
            row = await (await rows.execute("SELECT value FROM secrets WHERE purpose = %s", (purpose,))).fetchone()
            return bytes(row[0]) if row else None

        async def insert(rows: Connection) -> bytes | None:
            await rows.execute(_KEEP_SECRET, (purpose, secrets.token_bytes(32)))
            return await find(rows)

        # Not inserted at once: a database that is read-only has it already.
        value = await self.run(find, reads=True) or await self.run(insert)
        assert value is not None  # noqa: S101 - it was just inserted, and none is ever deleted
        return value

    async def aclose(self) -> None:
        """Close all connections."""
        self._is_closed = True
        if self._pool is not None:
            self._retire(self._pool)
        # Pools that are being closed must not be stopped in the middle: their own tasks would go on.
        if tasks := {*self._tasks, *([self._connecting] if self._connecting else [])}:
            _, unfinished = await asyncio.wait(tasks, timeout=DEADLINE_SECONDS)
            for task in unfinished:
                task.cancel()

    async def _run_once(self, operation: Callable[[Connection], Awaitable[_T]], *, durable: bool) -> _T:
        pool = self._pool or await self._connected()
        began = anyio.current_time()
        try:
            with anyio.fail_after(DEADLINE_SECONDS, shield=True):
                return await in_transaction(pool, operation, durable=durable)
        except TimeoutError:
            if self._succeeded_at > began:
                raise _BusyError from None
            self._retire(pool)
            raise
        except psycopg.errors.QueryCanceled:
            raise _BusyError from None
        except psycopg.Error as error:
            # A server that has become read-only may have a successor, which new connections find.
            if is_lost(error) or isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                self._retire(pool)
            raise

    async def _connected(self) -> Pool:
        """Return the pool, once the database was reached and has the schema of this release.

        One call at a time waits for a database that is away; the others fail at once.
        """
        if self._is_closed:
            raise DatabaseError("the database is closed")
        connecting = None if self._connecting is None or self._connecting.done() else self._connecting
        if self._problem and (connecting or anyio.current_time() < self._away_until):
            raise DatabaseError(self._problem)
        if connecting is None:
            self._connecting = connecting = asyncio.create_task(self._connect())
            connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        with anyio.fail_after(DEADLINE_SECONDS):
            await asyncio.wait([connecting])
        if connecting.done() and not connecting.cancelled() and connecting.exception():
            self._away_until = anyio.current_time() + RETRY_SECONDS
        connecting.result()
        if self._pool is None:
            raise TimeoutError  # lost again at this moment
        return self._pool

    async def _connect(self) -> None:
        # Not by the pool, which says nothing of why a connection fails.
        with anyio.fail_after(OPENING_SECONDS):
            async with await AsyncConnection.connect(
                self._conninfo, autocommit=True, prepare_threshold=None
            ) as connection:
                await migrate(connection)
        pool = Pool(
            self._conninfo,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            open=False,
            # Proxies that share connections among clients know nothing of prepared statements.
            kwargs={"autocommit": True, "prepare_threshold": None},
            configure=self._configure,
        )
        await pool.open()
        # Of a database that was made anew, it is another one.
        self._pool, self._is_key_known = pool, False
        if self._is_closed:
            self._retire(pool)

    def _report(self, error: Exception) -> DatabaseError:
        """Take down why the database cannot be used, log it once, and return the error for the caller."""
        problem = f"the database cannot be used: {_reason(error)}"
        if isinstance(error, _BusyError):
            return DatabaseError(problem)
        is_new, self._problem = not self._problem, problem
        now = anyio.current_time()
        self._is_readable = isinstance(error, psycopg.Error) and error.sqlstate is not None and not is_lost(error)
        if not self._is_readable:
            self._away_until = now + RETRY_SECONDS
        if is_new and now - self._logged_at >= QUIET_SECONDS:
            self._logged_at, self._is_logged = now, True
            _log.error("%s", self._problem)
        return DatabaseError(self._problem)

    def _retire(self, pool: Pool) -> None:
        """Leave a pool whose connections are of no use."""
        if self._pool is pool:
            self._pool = None
            self._in_background(pool.close(timeout=1.0))

    async def _sweep(self) -> None:
        try:
            for statement, seconds in SWEEPS:
                await self.run(partial(_execute, statement, self.now() - seconds))
        except DatabaseError:
            _log.debug("Old rows were not dropped", exc_info=True)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _configure(self, connection: Connection) -> None:
        connection.adapters.register_dumper(str, TextDumper)
        await self._set_clock(connection)

    async def _set_clock(self, connection: Connection) -> None:
        """Measure how far the database's clock is ahead of this machine's."""
        before = self._clock()
        row = await (await connection.execute("SELECT extract(epoch FROM clock_timestamp())")).fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        self._ahead_seconds = float(row[0]) - (before + self._clock()) / 2


async def _execute(statement: LiteralString, value: float, rows: Connection) -> None:
    await rows.execute(statement, (value,))


class _BusyError(TimeoutError):
    """The database works, but not fast enough for all calls."""


def _reason(error: Exception) -> str:
    """Return what went wrong in one line."""
    if isinstance(error, TimeoutError):
        return "it does not respond in time"
    # What else the server says of an error may quote a row.
    said = (error.diag.message_primary if isinstance(error, psycopg.Error) else None) or str(error)
    return " ".join(said.split()) or type(error).__name__


@lru_cache(maxsize=4_096)
def _tenant(key: bytes, identity: str) -> str:
    return hmac.new(key, identity.encode(), hashlib.sha256).hexdigest()[:32]
