"""A connection to the database: its parameters, the text on it, one transaction, and when it is of no use any more."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.string import StrDumperUnknown
from psycopg_pool import AsyncConnectionPool

_T = TypeVar("_T")

_MOST_TRIES: Final = 5
# For this transaction only: a connection pooler hands the connection to other clients afterwards.
# What waits for a lock is given up by the server itself, which would not notice that its client has gone.
# Whatever the role's defaults are, a transaction reads what others wrote before it got its lock.
_BEGIN: Final = ("BEGIN ISOLATION LEVEL READ COMMITTED", "SET LOCAL statement_timeout = 1800")
# The database asks for another try: neither is a fault.
_TRY_AGAIN: Final = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
# Connection exceptions, intervention of an operator, invalid authorization, no such database (PostgreSQL documentation,
# appendix A): the connection is of no use. With other codes, the database works, and refuses one statement.
_LOST_CLASSES: Final = ("08", "57P", "28", "3D", "53300")
_DEFAULTS: Final = {
    "application_name": "mogplex-mcp",
    "connect_timeout": "5",
    # The kernel finds a peer that vanished without a word.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "10000",
}

Connection = AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]


def connection_parameters(url: str) -> str:
    """Return the parameters of an address, with our defaults for those that it does not set.

    Raises:
        ValueError: It isn't the address of a PostgreSQL database; the message does not quote it.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ValueError("not the address of a PostgreSQL database") from None  # libpq quotes it
    host, ports = str(given.get("host") or ""), str(given.get("port") or "")
    # A part of a password that has an @ or a slash in it.
    if (
        "@" in host
        or "@" in str(given.get("dbname") or "")
        or not all(port.isdecimal() for port in ports.split(",") if port)
    ):
        raise ValueError("characters such as @ and / in a user name or password have to be percent-encoded")
    return make_conninfo(url, **{name: value for name, value in _DEFAULTS.items() if name not in given})


def is_lost(error: psycopg.Error) -> bool:
    """Return whether the connection is of no use any more."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(_LOST_CLASSES)


async def in_transaction(pool: Pool, operation: Callable[[Connection], Awaitable[_T]], *, durable: bool) -> _T:
    """Run an operation in a transaction, again if the database asks for that. See `PostgresDatabase.run`."""
    for _ in range(_MOST_TRIES - 1):
        try:
            return await _try(pool, operation, durable=durable)
        except _TRY_AGAIN:
            continue
    return await _try(pool, operation, durable=durable)


async def _try(pool: Pool, operation: Callable[[Connection], Awaitable[_T]], *, durable: bool) -> _T:
    """Run an operation in a transaction, which the pool rolls back if anything in it fails.

    Statements are sent together, up to the next one whose rows are read. `Connection.transaction` would wait for the
    database three times more.
    """
    async with pool.connection() as connection, connection.pipeline():
        for statement in _BEGIN:
            await connection.execute(statement)
        if not durable:
            await connection.execute("SET LOCAL synchronous_commit = off")
        result = await operation(connection)
        await connection.execute("COMMIT")
    return result


class TextDumper(StrDumperUnknown):
    """Text of others as the database can store it: it has neither NUL nor half a surrogate pair."""

    def dump(self, obj: str) -> Any:
        """Return the text in the encoding of the connection."""
        return super().dump(obj.replace("\0", "\ufffd").encode("utf-8", "replace").decode())
