"""The schema of the database, as numbered steps that only go forward.

A step is never changed once it was released. During a roll-over, replicas of two releases share the database: a step
says from which schema on a release can still work with what it made.
"""

from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection
from psycopg.errors import DuplicateObject, DuplicateTable, UndefinedTable, UniqueViolation

from mogplex_mcp.storage.errors import NewerSchemaError
from mogplex_mcp.storage.ledger import KEPT_SECONDS

LOCK_TENANT: Final = """
INSERT INTO tenants (tenant) VALUES (%s) ON CONFLICT (tenant) DO UPDATE SET tenant = excluded.tenant
RETURNING paused_until
"""
"""Locks the row of a tenant, which is made if needed, until the transaction ends."""


class Step(NamedTuple):
    """One step: its statements, and the oldest schema whose release can use the result."""

    statements: tuple[str, ...]
    usable_from: int


_FIRST: Final = Step(
    (
        "CREATE TABLE secrets (purpose TEXT PRIMARY KEY, value BYTEA NOT NULL)",
        # One row for each tenant, which is locked first where a change depends on several other rows.
        "CREATE TABLE tenants (tenant TEXT PRIMARY KEY, paused_until DOUBLE PRECISION NOT NULL DEFAULT 0)",
        """CREATE TABLE starts (
            tenant TEXT NOT NULL,
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            state TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            forced BOOLEAN NOT NULL,
            run_id TEXT NOT NULL,
            repo_id TEXT NOT NULL,
            repo TEXT NOT NULL,
            base_branch TEXT NOT NULL,
            prompt_line TEXT NOT NULL,
            status TEXT NOT NULL,
            pull_request TEXT NOT NULL,
            created_at DOUBLE PRECISION NOT NULL,
            checked_at DOUBLE PRECISION NOT NULL,
            day INTEGER NOT NULL,
            generation INTEGER NOT NULL,
            number INTEGER NOT NULL,
            PRIMARY KEY (tenant, kind, key)
        )""",
        "CREATE INDEX starts_by_run ON starts (tenant, kind, run_id)",
        "CREATE INDEX starts_by_age ON starts (tenant, kind, created_at)",
        "CREATE INDEX starts_by_fingerprint ON starts (tenant, kind, fingerprint, number)",
        """CREATE TABLE requests (
            tenant TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, units INTEGER NOT NULL, watching BOOLEAN NOT NULL
        )""",
        "CREATE INDEX requests_by_time ON requests (tenant, at)",
        "CREATE INDEX requests_by_age ON requests (at)",
        """CREATE TABLE wait_limits (
            client TEXT PRIMARY KEY, seconds DOUBLE PRECISION NOT NULL, until DOUBLE PRECISION NOT NULL
        )""",
        """CREATE TABLE looks (
            tenant TEXT NOT NULL,
            run_id TEXT NOT NULL,
            number BIGINT NOT NULL,
            answer TEXT NOT NULL,
            at DOUBLE PRECISION NOT NULL,
            leased_until DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (tenant, run_id)
        )""",
        "CREATE INDEX looks_by_age ON looks (at)",
        "CREATE TABLE used_confirmations (state TEXT PRIMARY KEY, until DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX used_confirmations_by_age ON used_confirmations (until)",
    ),
    usable_from=1,
)

# Replicas of the release before don't name the column, and look at no branch.
_WORKING_BRANCH: Final = Step(
    ("ALTER TABLE starts ADD COLUMN working_branch TEXT NOT NULL DEFAULT ''",),
    usable_from=1,
)

STEPS: Final = (_FIRST, _WORKING_BRANCH)
SCHEMA_VERSION: Final = len(STEPS)

SWEEPS: Final = (
    ("DELETE FROM starts WHERE created_at < %s", KEPT_SECONDS),
    ("DELETE FROM requests WHERE at < %s", 3_600.0),
    ("DELETE FROM wait_limits WHERE until < %s", 30 * 86_400.0),
    ("DELETE FROM looks WHERE at < %s", 3_600.0),
    ("DELETE FROM used_confirmations WHERE until < %s", 0.0),
    # A row that is locked is in use; the next change of a tenant whose row is gone inserts it again.
    (
        """DELETE FROM tenants WHERE tenant IN
            (SELECT tenant FROM tenants WHERE paused_until < %s FOR UPDATE SKIP LOCKED)""",
        3_600.0,
    ),
)
"""What drops the rows that were last used so many seconds ago."""

_MOST_TRIES: Final = 10


async def migrate(connection: AsyncConnection[Any]) -> None:
    """Bring a database to the newest schema, each step in one transaction, also while other replicas do the same.

    Args:
        connection: A connection in autocommit mode.

    Raises:
        NewerSchemaError: It was migrated by a newer release, in a way that this one can't work with.
        psycopg.Error: A step failed; the database is as it was before that step.
    """
    if await _is_up_to_date(connection):
        return  # also where nothing can be written
    for _ in range(_MOST_TRIES):
        try:
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_version"
                " (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, usable_from INTEGER NOT NULL)"
            )
            break
        except (DuplicateTable, DuplicateObject, UniqueViolation):
            continue  # another replica created it at this moment
    await connection.execute("INSERT INTO schema_version VALUES (1, 0, 0) ON CONFLICT (id) DO NOTHING")
    while await _version(connection) < SCHEMA_VERSION:
        async with connection.transaction():
            # Another replica may have done this step while this one waited for the lock.
            if (version := await _version(connection, lock=True)) < SCHEMA_VERSION:
                step = STEPS[version]
                for statement in step.statements:
                    await connection.execute(statement)
                await connection.execute(
                    "UPDATE schema_version SET version = %s, usable_from = %s WHERE id = 1",
                    (version + 1, step.usable_from),
                )


async def _is_up_to_date(connection: AsyncConnection[Any]) -> bool:
    try:
        return await _version(connection) >= SCHEMA_VERSION
    except UndefinedTable:
        return False


async def _version(connection: AsyncConnection[Any], *, lock: bool = False) -> int:
    question = "SELECT version, usable_from FROM schema_version WHERE id = 1"
    row = await (await connection.execute(question + " FOR UPDATE" if lock else question)).fetchone()
    if row is None:
        return 0  # another replica has just created the table
    version, usable_from = row
    if usable_from > SCHEMA_VERSION:
        raise NewerSchemaError(f"it was migrated by a newer mogplex-mcp (schema {version})")
    return int(version)
