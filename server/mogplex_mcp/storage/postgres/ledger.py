"""The ledger of starts in the database."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import astuple, fields
from typing import Any, Final

from mogplex_mcp.storage.ledger import (
    KEPT_ENTRIES,
    KEPT_SECONDS,
    Entry,
    StartKind,
    StartState,
    as_stored,
    check_branch,
    decide,
    entry_of,
    seen,
    sent_again,
    settled,
)
from mogplex_mcp.storage.postgres.connection import Connection
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.storage.postgres.schema import LOCK_TENANT

_NAMES: Final = tuple(field.name for field in fields(Entry))
_COLUMNS: Final = ", ".join(_NAMES)
_SELECT: Final = f"SELECT {_COLUMNS} FROM starts WHERE tenant = %s AND kind = %s "  # noqa: S608 - made of field names
_WRITE: Final = (
    f"INSERT INTO starts (tenant, {_COLUMNS}) VALUES (%s{', %s' * len(_NAMES)}) "  # noqa: S608 - as above
    f"ON CONFLICT (tenant, kind, key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES)}"
)
_PRUNE: Final = """
DELETE FROM starts WHERE tenant = %(tenant)s AND kind = %(kind)s AND (created_at < %(oldest)s OR created_at < (
    SELECT created_at FROM starts WHERE tenant = %(tenant)s AND kind = %(kind)s
    ORDER BY created_at DESC LIMIT 1 OFFSET %(last)s
))
"""
_LISTED: Final = f"AND state NOT IN ('{StartState.REFUSED}', '{StartState.GONE}') "
_NEWEST: Final = (
    f"AND fingerprint = %s AND state <> '{StartState.REFUSED}' ORDER BY number DESC, created_at DESC LIMIT 1"
)
_ON_BRANCH: Final = "AND repo_id = %s AND working_branch = %s"


class PostgresLedger:
    """A `Ledger` in the database, for all replicas.

    Args:
        database: The database.
        identity: Whose starts these are.
        now: Seconds since the epoch; by the clock of the database if left out.
    """

    def __init__(self, database: PostgresDatabase, identity: str, *, now: Callable[[], float] | None = None) -> None:
        self._database = database
        self._identity = identity
        self._now = now or database.now

    async def begin(
        self, wanted: Entry, *, chain: str = "", after: int = -1, known_runs: Collection[str] | None = None
    ) -> tuple[Entry, bool]:
        """See `Ledger.begin`."""
        tenant = await self._database.tenant(self._identity)

        async def begin(rows: Connection) -> tuple[Entry, bool]:
            # The look at the starts of a tenant and the record of a new one are one step for all replicas.
            await rows.execute(LOCK_TENANT, (tenant,))
            # Not asked for where the key follows from the request.
            same_key = None if chain else await _one(rows, "AND key = %s", tenant, wanted.kind, wanted.key)
            newest = await _one(rows, _NEWEST, tenant, wanted.kind, wanted.fingerprint)
            entry, earlier = decide(wanted, same_key, newest, chain=chain, after=after, now=self._now())
            if known_runs is not None:
                same_branch = (tenant, wanted.kind, wanted.repo_id, wanted.working_branch)
                on_branch = [entry_of(row) async for row in await rows.execute(_SELECT + _ON_BRANCH, same_branch)]
                check_branch(entry, earlier, on_branch, known_runs=known_runs, now=self._now())
            if not earlier:
                await self._add(rows, tenant, entry)
            elif entry.is_unknown:
                await _write(rows, tenant, sent_again(entry, self._now()))
            return entry, earlier

        return await self._database.run(begin)

    async def settle(
        self,
        entry: Entry,
        *,
        run_id: str,
        status: str,
        state: StartState = StartState.STARTED,
        created_at: float | None = None,
    ) -> None:
        """See `Ledger.settle`."""
        tenant = await self._database.tenant(self._identity)

        async def settle(rows: Connection) -> None:
            await rows.execute(LOCK_TENANT, (tenant,))
            # It may have been looked at before the ledger knew that it is this one.
            if run_id:
                same_run = "DELETE FROM starts WHERE tenant = %s AND kind = %s AND run_id = %s AND key <> %s"
                await rows.execute(same_run, (tenant, entry.kind, run_id, entry.key))
            known = await _one(rows, "AND key = %s", tenant, entry.kind, entry.key) or entry
            now = self._now()
            entry_now = settled(known, run_id=run_id, status=status, state=state, created_at=created_at, now=now)
            await _write(rows, tenant, entry_now)

        await self._database.run(settle)

    async def refuse(self, entry: Entry) -> None:
        """See `Ledger.refuse`."""
        tenant = await self._database.tenant(self._identity)

        async def refuse(rows: Connection) -> None:
            await rows.execute(
                "UPDATE starts SET state = %s WHERE tenant = %s AND kind = %s AND key = %s AND state = %s",
                (StartState.REFUSED, tenant, entry.kind, entry.key, StartState.SENDING),
            )

        await self._database.run(refuse)

    async def see_run(self, run_id: str, *, repo_id: str, status: str, pull_request: str, created_at: float) -> None:
        """See `Ledger.see_run`."""
        tenant = await self._database.tenant(self._identity)

        async def see(rows: Connection) -> None:
            await rows.execute(LOCK_TENANT, (tenant,))
            known = await _one(rows, "AND run_id = %s", tenant, StartKind.RUN, run_id)
            entry = seen(
                known,
                run_id,
                repo_id=repo_id,
                status=status,
                pull_request=pull_request,
                created_at=created_at,
                now=self._now(),
            )
            await (self._add(rows, tenant, entry) if known is None else _write(rows, tenant, entry))

        await self._database.run(see)

    async def find_run(self, run_id: str) -> Entry | None:
        """See `Ledger.find_run`."""
        return next(iter(await self._runs("AND run_id = %s", run_id)), None)

    async def runs(self, *, repo_id: str = "", since: float = 0.0, limit: int = KEPT_ENTRIES) -> Sequence[Entry]:
        """See `Ledger.runs`."""
        matching = _LISTED + "AND created_at >= %s "
        values: list[Any] = [since]
        if repo_id:
            matching += "AND repo_id = %s "
            values.append(repo_id)
        return await self._runs(matching + "ORDER BY created_at DESC LIMIT %s", *values, limit)

    async def _runs(self, condition: str, *values: Any) -> list[Entry]:
        tenant = await self._database.tenant(self._identity)

        async def read(rows: Connection) -> list[Entry]:
            found = await rows.execute(_SELECT + condition, (tenant, StartKind.RUN, *values))
            return [entry_of(row) async for row in found]

        return await self._database.run(read, reads=True)

    async def _add(self, rows: Connection, tenant: str, entry: Entry) -> None:
        """Write a new entry, and drop what is too old or too much."""
        await _write(rows, tenant, entry)
        values = {"tenant": tenant, "kind": entry.kind, "oldest": self._now() - KEPT_SECONDS, "last": KEPT_ENTRIES - 1}
        await rows.execute(_PRUNE, values)


async def _one(rows: Connection, condition: str, *values: Any) -> Entry | None:
    row = await (await rows.execute(_SELECT + condition, values)).fetchone()
    return entry_of(row) if row else None


async def _write(rows: Connection, tenant: str, entry: Entry) -> None:
    await rows.execute(_WRITE, (tenant, *map(as_stored, astuple(entry))))
