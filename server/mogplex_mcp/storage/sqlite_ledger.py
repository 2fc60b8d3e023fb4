"""The ledger of starts in the user's state file.

SQLite is called where the event loop runs, not in a thread: with WAL and a local file a call takes less time than
handing it over would, and no other call of this process can come between the look at a start and its record.
"""

import sqlite3
import time
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
from mogplex_mcp.storage.state_file import StateFile

_COLUMNS: Final = ", ".join(field.name for field in fields(Entry))
_SELECT: Final = f"SELECT {_COLUMNS} FROM starts WHERE tenant = ? AND kind = ? "  # noqa: S608 - made of field names
_WRITE: Final = f"INSERT OR REPLACE INTO starts (tenant, {_COLUMNS}) VALUES (?{', ?' * len(fields(Entry))})"  # noqa: S608 - as above
_LISTED: Final = f"AND state NOT IN ('{StartState.REFUSED}', '{StartState.GONE}') "
_NEWEST: Final = (
    f"AND fingerprint = ? AND state != '{StartState.REFUSED}' ORDER BY number DESC, created_at DESC LIMIT 1"
)
_ON_BRANCH: Final = "AND repo_id = ? AND working_branch = ?"


class SqliteLedger:
    """A `Ledger` in the state file, safe with several processes that write at once.

    Args:
        state: The user's state file.
        identity: Whose starts these are: a token, or a person and an address.
        token: A token whose entries of earlier releases, which kept them by token, become those of the identity.
        now: Seconds since the epoch.
    """

    def __init__(
        self, state: StateFile, identity: str, *, token: str = "", now: Callable[[], float] = time.time
    ) -> None:
        self._state = state
        self._identity = identity
        self._token = token
        self._now = now

    async def begin(
        self, wanted: Entry, *, chain: str = "", after: int = -1, known_runs: Collection[str] | None = None
    ) -> tuple[Entry, bool]:
        """See `Ledger.begin`."""
        tenant = self._tenant()
        with self._state.transaction(durable=True) as rows:
            same_key = rows.execute(_SELECT + "AND key = ?", (tenant, wanted.kind, wanted.key)).fetchone()
            newest = rows.execute(_SELECT + _NEWEST, (tenant, wanted.kind, wanted.fingerprint)).fetchone()
            entry, earlier = decide(
                wanted,
                entry_of(same_key) if same_key else None,
                entry_of(newest) if newest else None,
                chain=chain,
                after=after,
                now=self._now(),
            )
            if known_runs is not None:
                same_branch = (tenant, wanted.kind, wanted.repo_id, wanted.working_branch)
                on_branch = rows.execute(_SELECT + _ON_BRANCH, same_branch)
                check_branch(entry, earlier, map(entry_of, on_branch), known_runs=known_runs, now=self._now())
            if not earlier:
                self._write(rows, tenant, entry)
            elif entry.is_unknown:
                self._write(rows, tenant, sent_again(entry, self._now()))
        return entry, earlier

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
        tenant = self._tenant()
        with self._state.transaction(durable=True) as rows:
            # It may have been looked at before the ledger knew that it is this one.
            if run_id:
                rows.execute(
                    "DELETE FROM starts WHERE tenant = ? AND kind = ? AND run_id = ? AND key != ?",
                    (tenant, entry.kind, run_id, entry.key),
                )
            row = rows.execute(_SELECT + "AND key = ?", (tenant, entry.kind, entry.key)).fetchone()
            known = entry_of(row) if row else entry
            now = self._now()
            entry_now = settled(known, run_id=run_id, status=status, state=state, created_at=created_at, now=now)
            self._write(rows, tenant, entry_now)

    async def refuse(self, entry: Entry) -> None:
        """See `Ledger.refuse`."""
        tenant = self._tenant()
        with self._state.transaction() as rows:
            rows.execute(
                "UPDATE starts SET state = ? WHERE tenant = ? AND kind = ? AND key = ? AND state = ?",
                (StartState.REFUSED, tenant, entry.kind, entry.key, StartState.SENDING),
            )

    async def see_run(self, run_id: str, *, repo_id: str, status: str, pull_request: str, created_at: float) -> None:
        """See `Ledger.see_run`."""
        tenant = self._tenant()
        with self._state.transaction() as rows:
            row = rows.execute(_SELECT + "AND run_id = ?", (tenant, StartKind.RUN, run_id)).fetchone()
            entry = seen(
                entry_of(row) if row else None,
                run_id,
                repo_id=repo_id,
                status=status,
                pull_request=pull_request,
                created_at=created_at,
                now=self._now(),
            )
            self._write(rows, tenant, entry)

    async def find_run(self, run_id: str) -> Entry | None:
        """See `Ledger.find_run`."""
        return next(iter(self._runs("AND run_id = ?", run_id)), None)

    async def runs(self, *, repo_id: str = "", since: float = 0.0, limit: int = KEPT_ENTRIES) -> Sequence[Entry]:
        """See `Ledger.runs`."""
        matching = _LISTED + "AND created_at >= ? AND (? = '' OR repo_id = ?) ORDER BY created_at DESC LIMIT ?"
        return self._runs(matching, since, repo_id, repo_id, limit)

    def _runs(self, condition: str, *values: Any) -> list[Entry]:
        tenant = self._tenant()
        with self._state.reading() as rows:
            return [entry_of(row) for row in rows.execute(_SELECT + condition, (tenant, StartKind.RUN, *values))]

    def _tenant(self) -> str:
        """Return the name under which the rows are kept."""
        tenant = self._state.tenant(self._identity)
        if self._token:
            earlier = self._state.tenant(self._token)
            with self._state.reading() as rows:
                is_unclaimed = rows.execute("SELECT 1 FROM unclaimed WHERE tenant = ?", (earlier,)).fetchone()
            if is_unclaimed:
                with self._state.transaction(durable=True) as rows:
                    rows.execute("UPDATE OR IGNORE starts SET tenant = ? WHERE tenant = ?", (tenant, earlier))
                    rows.execute("DELETE FROM unclaimed WHERE tenant = ?", (earlier,))
            self._token = ""
        return tenant

    def _write(self, rows: sqlite3.Connection, tenant: str, entry: Entry) -> None:
        """Write an entry, and drop what is too old or too much."""
        rows.execute(_WRITE, (tenant, *map(as_stored, astuple(entry))))
        rows.execute(
            "DELETE FROM starts WHERE tenant = ? AND kind = ? AND (created_at < ? OR key IN"
            " (SELECT key FROM starts WHERE tenant = ? AND kind = ? ORDER BY created_at DESC LIMIT -1 OFFSET ?))",
            (tenant, entry.kind, self._now() - KEPT_SECONDS, tenant, entry.kind, KEPT_ENTRIES),
        )
