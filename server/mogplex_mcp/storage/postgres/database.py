"""The database: a pool of connections, transactions with a deadline, and the clock that all replicas share.

Where the database cannot be used, each caller decides what that means, as with the state file. Passwords come from the
address, or as libpq has them (`PGPASSWORD`, a password file, a service file); none is part of an error.
"""

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

import anyio
import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.errors import NewerSchemaError, StateError
from mogplex_mcp.storage.postgres.schema import migrate

_T = TypeVar("_T")

DEADLINE_SECONDS: Final = 2.0
"""How long a transaction may take, including the wait for a connection."""

OPENING_SECONDS: Final = 10.0
"""How long the first connection may take, including the migration of the schema."""

RETRY_SECONDS: Final = 5.0
"""How long the database is not asked again after a failure, so that calls do not wait for one time-out each."""

_MOST_CONNECTIONS: Final = 10
_MOST_TRIES: Final = 5
# The database asks for another try: neither is a fault.
_TRY_AGAIN: Final = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
_DEFAULTS: Final = {
    "application_name": "mogplex-mcp",
    "connect_timeout": "5",
    # The kernel finds a peer that vanished without a word.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "10000",
}

_log = logging.getLogger(__name__)

Connection = AsyncConnection[tuple[Any, ...]]


class PostgresDatabase:
    """A PostgreSQL database, opened when it is first used, and again after a failure.

    Args:
        url: Its address, `postgresql://…`.
        clock: Seconds since the epoch, by this machine.
    """

    def __init__(self, url: Secret, *, clock: Callable[[], float] = time.time) -> None:
        self._conninfo = make_conninfo(url.value, **_defaults(url.value))
        self._clock = clock
        self._ahead_seconds = 0.0
        self._opening = anyio.Lock()
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._is_ready = False
        self._key = b""
        self._problem = ""
        self._failed_at = 0.0
        # It would warn of each connection that fails; here, a failure is logged once.
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)

    @property
    def problem(self) -> str:
        """Why the database could not be used the last time; empty if it could."""
        return self._problem

    def now(self) -> float:
        """Return the seconds since the epoch by the clock of the database, which all replicas share."""
        return self._clock() + self._ahead_seconds

    async def run(self, operation: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Run an operation in a transaction, again if the database asks for that, and return its result.

        Raises:
            StateError: The database cannot be used, or not within the deadline.
        """
        if self._problem and anyio.current_time() - self._failed_at < RETRY_SECONDS:
            raise StateError(self._problem)
        try:
            pool = await self._open()
            with anyio.fail_after(DEADLINE_SECONDS):
                result = await _in_transaction(pool, operation)
        except (psycopg.Error, PoolTimeout, NewerSchemaError, OSError) as error:
            self._is_ready = False
            self._failed_at = anyio.current_time()
            was_usable, self._problem = not self._problem, f"the database cannot be used: {_reason(error)}"
            if was_usable:
                _log.error("%s", self._problem)
            raise StateError(self._problem) from error
        if self._problem:
            self._problem = ""
            _log.warning("the database can be used again")
        return result

    async def tenant(self, identity: str) -> str:
        """Return the name under which rows of an identity are kept: a hash with a key that never leaves the database.

        Raises:
            StateError: The database cannot be used.
        """
        if not self._key:
            self._key = await self.secret("tenants")
        return _tenant(self._key, identity)

    def known_tenant(self, identity: str) -> str:
        """Return the same without a request, once the key is known.

        Raises:
            StateError: It isn't known yet.
        """
        if not self._key:
            raise StateError("the database was not used yet")
        return _tenant(self._key, identity)

    async def check(self) -> None:
        """Return if the database can be used.

        Raises:
            StateError: It cannot.
        """
        await self.run(lambda rows: rows.execute("SELECT 1"))

    async def secret(self, purpose: str) -> bytes:
        """Return 32 random bytes that all replicas share, made at the first call.

        Raises:
            StateError: The database cannot be used.
        """

        async def find(rows: Connection) -> bytes:
            values = (purpose, secrets.token_bytes(32))
            await rows.execute("INSERT INTO secrets VALUES (%s, %s) ON CONFLICT (purpose) DO NOTHING", values)
            row = await (await rows.execute("SELECT value FROM secrets WHERE purpose = %s", (purpose,))).fetchone()
            assert row is not None  # noqa: S101 - it was just inserted, and none is ever deleted
            return bytes(row[0])

        return await self.run(find)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            pool, self._pool, self._is_ready = self._pool, None, False
            await pool.close(timeout=1.0)

    async def _open(self) -> AsyncConnectionPool[Connection]:
        """Return the pool, once the database was reached and has the schema of this release."""
        async with self._opening:
            if not self._is_ready or self._pool is None:
                # Not by the pool, which says nothing of why a connection fails.
                with anyio.fail_after(OPENING_SECONDS):
                    async with await AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                        await migrate(connection)
                        await self._set_clock(connection)
                if self._pool is None:
                    self._pool = AsyncConnectionPool(
                        self._conninfo,
                        min_size=1,
                        max_size=_MOST_CONNECTIONS,
                        open=False,
                        # Proxies that share connections among clients know nothing of prepared statements.
                        kwargs={"autocommit": True, "prepare_threshold": None},
                        configure=self._set_clock,
                        check=AsyncConnectionPool.check_connection,
                    )
                    await self._pool.open()
                self._is_ready = True
            return self._pool

    async def _set_clock(self, connection: Connection) -> None:
        """Measure how far the database's clock is ahead of this machine's."""
        before = self._clock()
        row = await (await connection.execute("SELECT extract(epoch FROM clock_timestamp())")).fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        self._ahead_seconds = float(row[0]) - (before + self._clock()) / 2


async def _in_transaction(
    pool: AsyncConnectionPool[Connection], operation: Callable[[Connection], Awaitable[_T]]
) -> _T:
    for _ in range(_MOST_TRIES - 1):
        try:
            async with pool.connection() as connection, connection.transaction():
                return await operation(connection)
        except _TRY_AGAIN:
            continue
    async with pool.connection() as connection, connection.transaction():
        return await operation(connection)


def _defaults(url: str) -> dict[str, str]:
    """Return the parameters that an address does not set."""
    given = conninfo_to_dict(url)
    return {name: value for name, value in _DEFAULTS.items() if name not in given}


def _reason(error: Exception) -> str:
    """Return what went wrong in one line."""
    if isinstance(error, TimeoutError | PoolTimeout):
        return "it does not respond in time"
    return " ".join(str(error).split()) or type(error).__name__


@lru_cache(maxsize=4_096)
def _tenant(key: bytes, identity: str) -> str:
    return hmac.new(key, identity.encode(), hashlib.sha256).hexdigest()[:32]
