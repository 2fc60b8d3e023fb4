"""The ledger of starts in the user's state file.

SQLite is called where the event loop runs, not in a thread: with WAL and a local file a call takes less time than
handing it over would, and no other call of this process can come between the look at a start and its record.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, fields, replace
from typing import Any, Final

from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.storage.ledger import Entry, StartKind, StartState
from mogplex_mcp.storage.state_file import StateFile

KEPT_SECONDS: Final = 90 * 86_400
KEPT_ENTRIES: Final = 2_000

_COLUMNS: Final = ", ".join(field.name for field in fields(Entry))
_SELECT: Final = f"SELECT {_COLUMNS} FROM starts WHERE tenant = ? AND kind = ? "  # noqa: S608 - made of field names
_WRITE: Final = f"INSERT OR REPLACE INTO starts (tenant, {_COLUMNS}) VALUES (?{', ?' * len(fields(Entry))})"  # noqa: S608 - as above
_LISTED: Final = f"AND state NOT IN ('{StartState.REFUSED}', '{StartState.GONE}') "
_UNKNOWN: Final = f"AND state IN ('{StartState.SENDING}', '{StartState.RETRIED}') "


class SqliteLedger:
    """A `Ledger` in the state file, safe with several processes that write at once."""

    def __init__(self, state: StateFile, token: str, *, now: Callable[[], float] = time.time) -> None:
        self._state = state
        self._token = token
        self._now = now

    async def begin(self, wanted: Entry, *, within_seconds: float) -> tuple[Entry, bool]:
        """See `Ledger.begin`."""
        now = self._now()
        tenant = self._state.tenant(self._token)
        with self._state.transaction(durable=True) as rows:
            earlier = _same_start(rows, tenant, wanted, now, within_seconds)
            if earlier is not None:
                if earlier.state is StartState.SENDING:
                    self._write(rows, tenant, replace(earlier, state=StartState.RETRIED))
                return earlier, True
            entry = replace(wanted, created_at=now, checked_at=now)
            self._write(rows, tenant, entry)
        return entry, False

    async def settle(self, entry: Entry, *, run_id: str, status: str, state: StartState = StartState.STARTED) -> None:
        """See `Ledger.settle`."""
        tenant = self._state.tenant(self._token)
        with self._state.transaction(durable=True) as rows:
            # It may have been looked at before the ledger knew that it is this one.
            rows.execute(
                "DELETE FROM starts WHERE tenant = ? AND kind = ? AND run_id = ? AND key != ?",
                (tenant, entry.kind, run_id, entry.key),
            )
            rows.execute(
                "UPDATE starts SET state = ?, run_id = ?, status = ?, checked_at = ?"
                " WHERE tenant = ? AND kind = ? AND key = ?",
                (state, _without_secrets(run_id), _without_secrets(status), self._now(), tenant, entry.kind, entry.key),
            )

    async def refuse(self, entry: Entry) -> None:
        """See `Ledger.refuse`."""
        tenant = self._state.tenant(self._token)
        with self._state.transaction() as rows:
            rows.execute(
                "UPDATE starts SET state = ? WHERE tenant = ? AND kind = ? AND key = ? AND state = ?",
                (StartState.REFUSED, tenant, entry.kind, entry.key, StartState.SENDING),
            )

    async def see_run(self, run_id: str, *, repo_id: str, status: str, pull_request: str, created_at: float) -> None:
        """See `Ledger.see_run`. A pull request that was known stays known."""
        tenant = self._state.tenant(self._token)
        with self._state.transaction() as rows:
            row = rows.execute(_SELECT + "AND run_id = ?", (tenant, StartKind.RUN, run_id)).fetchone()
            seen = Entry(f"seen:{run_id}", StartState.SEEN, run_id=run_id, created_at=created_at)
            known = _entry(row) if row else seen
            entry = replace(
                known,
                repo_id=repo_id or known.repo_id,
                status=status,
                pull_request=pull_request or known.pull_request,
                checked_at=self._now(),
            )
            self._write(rows, tenant, entry)

    async def find_run(self, run_id: str) -> Entry | None:
        """See `Ledger.find_run`."""
        return next(iter(self._runs("AND run_id = ?", run_id)), None)

    async def latest_run(self, *, unknown_within_seconds: float) -> Entry | None:
        """See `Ledger.latest_run`."""
        newest = _LISTED + "AND (run_id != '' OR created_at > ?) ORDER BY created_at DESC LIMIT 1"
        return next(iter(self._runs(newest, self._now() - unknown_within_seconds)), None)

    async def runs(self, *, repo_id: str = "", since: float = 0.0, limit: int = KEPT_ENTRIES) -> Sequence[Entry]:
        """See `Ledger.runs`."""
        matching = _LISTED + "AND created_at >= ? AND (? = '' OR repo_id = ?) ORDER BY created_at DESC LIMIT ?"
        return self._runs(matching, since, repo_id, repo_id, limit)

    def _runs(self, condition: str, *values: Any) -> list[Entry]:
        tenant = self._state.tenant(self._token)
        with self._state.reading() as rows:
            return [_entry(row) for row in rows.execute(_SELECT + condition, (tenant, StartKind.RUN, *values))]

    def _write(self, rows: sqlite3.Connection, tenant: str, entry: Entry) -> None:
        """Write an entry, and drop what is too old or too much."""
        rows.execute(_WRITE, (tenant, *map(_without_secrets, astuple(entry))))
        rows.execute(
            "DELETE FROM starts WHERE tenant = ? AND kind = ? AND (created_at < ? OR key IN"
            " (SELECT key FROM starts WHERE tenant = ? AND kind = ? ORDER BY created_at DESC LIMIT -1 OFFSET ?))",
            (tenant, entry.kind, self._now() - KEPT_SECONDS, tenant, entry.kind, KEPT_ENTRIES),
        )


def _without_secrets(value: Any) -> Any:
    """Return a value as it is kept: a branch or a status that holds a secret must not bring it into the file."""
    return without_keys(value) if isinstance(value, str) else value


def _same_start(
    rows: sqlite3.Connection, tenant: str, wanted: Entry, now: float, within_seconds: float
) -> Entry | None:
    """Return the entry that is the same start as `wanted`."""
    whose = tenant, wanted.kind
    same_key = rows.execute(_SELECT + "AND key = ? AND state != ?", (*whose, wanted.key, StartState.REFUSED))
    row = same_key.fetchone()
    if row is None and within_seconds:
        # Entries of a clock that was set back since count as new ones: a second run would be worse than none.
        same_request = _SELECT + "AND fingerprint = ? AND created_at > ? " + _LISTED
        if wanted.forced:
            same_request += "AND forced " + _UNKNOWN
        row = rows.execute(
            same_request + "ORDER BY created_at DESC LIMIT 1",
            (*whose, wanted.fingerprint, now - within_seconds),
        ).fetchone()
    return _entry(row) if row else None


def _entry(row: Sequence[Any]) -> Entry:
    entry = Entry(*row)
    return replace(entry, state=StartState(entry.state), kind=StartKind(entry.kind), forced=bool(entry.forced))
