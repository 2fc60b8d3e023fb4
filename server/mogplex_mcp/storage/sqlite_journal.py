"""The journal in the user's state file."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, fields, replace
from typing import Any, Final

from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.storage.journal import Entry, Fate
from mogplex_mcp.storage.state_file import StateFile

KEPT_SECONDS: Final = 90 * 86_400
KEPT_ENTRIES: Final = 2_000

_COLUMNS: Final = ", ".join(field.name for field in fields(Entry))
_SELECT: Final = f"SELECT {_COLUMNS} FROM runs WHERE tenant = ? "  # noqa: S608 - made of field names
_LISTED: Final = f"AND fate NOT IN ('{Fate.REFUSED}', '{Fate.GONE}') "
_WRITE: Final = f"INSERT OR REPLACE INTO runs (tenant, {_COLUMNS}) VALUES (?{', ?' * len(fields(Entry))})"  # noqa: S608 - as above


class SqliteJournal:
    """A `Journal` in the state file, safe with several processes that write at once."""

    def __init__(self, state: StateFile, token: str, *, now: Callable[[], float] = time.time) -> None:
        self._state = state
        self._token = token
        self._now = now

    def begin(self, wanted: Entry, *, within_seconds: float) -> tuple[Entry, bool]:
        """See `Journal.begin`."""
        now = self._now()
        tenant = self._state.tenant(self._token)
        with self._state.transaction(durable=True) as rows:
            earlier = _same_start(rows, tenant, wanted, now - within_seconds)
            if earlier is not None:
                if earlier.fate is Fate.SENDING:
                    rows.execute(
                        "UPDATE runs SET fate = ? WHERE tenant = ? AND key = ?", (Fate.REPEATED, tenant, earlier.key)
                    )
                return earlier, True
            entry = replace(wanted, created_at=now, checked_at=now)
            self._write(rows, tenant, entry)
        return entry, False

    def settle(self, key: str, *, run_id: str, status: str, fate: Fate = Fate.STARTED) -> None:
        """See `Journal.settle`."""
        tenant = self._state.tenant(self._token)
        with self._state.transaction(durable=True) as rows:
            # It may have been looked at before the journal knew that it is this one.
            rows.execute("DELETE FROM runs WHERE tenant = ? AND run_id = ? AND key != ?", (tenant, run_id, key))
            rows.execute(
                "UPDATE runs SET fate = ?, run_id = ?, status = ?, checked_at = ? WHERE tenant = ? AND key = ?",
                (fate, _kept(run_id), _kept(status), self._now(), tenant, key),
            )

    def refuse(self, key: str) -> None:
        """See `Journal.refuse`."""
        tenant = self._state.tenant(self._token)
        with self._state.transaction() as rows:
            rows.execute(
                "UPDATE runs SET fate = ? WHERE tenant = ? AND key = ? AND fate = ?",
                (Fate.REFUSED, tenant, key, Fate.SENDING),
            )

    def see(self, run_id: str, *, repo_id: str, status: str, pull_request: str, created_at: float) -> None:
        """See `Journal.see`. A pull request that was known stays known."""
        tenant = self._state.tenant(self._token)
        with self._state.transaction() as rows:
            row = rows.execute(_SELECT + "AND run_id = ?", (tenant, run_id)).fetchone()
            known = _entry(row) if row else Entry(f"seen:{run_id}", Fate.SEEN, run_id=run_id, created_at=created_at)
            entry = replace(
                known,
                repo_id=repo_id or known.repo_id,
                status=status,
                pull_request=pull_request or known.pull_request,
                checked_at=self._now(),
            )
            self._write(rows, tenant, entry)

    def find(self, run_id: str) -> Entry | None:
        """See `Journal.find`."""
        return next(iter(self._select("AND run_id = ?", run_id)), None)

    def latest(self, *, unknown_within_seconds: float) -> Entry | None:
        """See `Journal.latest`."""
        return next(
            iter(
                self._select(
                    _LISTED + "AND (run_id != '' OR created_at > ?) ORDER BY created_at DESC LIMIT 1",
                    self._now() - unknown_within_seconds,
                )
            ),
            None,
        )

    def entries(self, *, repo_id: str = "", since: float = 0.0, limit: int = KEPT_ENTRIES) -> Sequence[Entry]:
        """See `Journal.entries`."""
        return self._select(
            _LISTED + "AND created_at >= ? AND (? = '' OR repo_id = ?) ORDER BY created_at DESC LIMIT ?",
            since,
            repo_id,
            repo_id,
            limit,
        )

    def _select(self, condition: str, *values: Any) -> list[Entry]:
        tenant = self._state.tenant(self._token)
        with self._state.reading() as rows:
            return [_entry(row) for row in rows.execute(_SELECT + condition, (tenant, *values))]

    def _write(self, rows: sqlite3.Connection, tenant: str, entry: Entry) -> None:
        """Write an entry, and drop what is too old or too much."""
        rows.execute(_WRITE, (tenant, *map(_kept, astuple(entry))))
        rows.execute(
            "DELETE FROM runs WHERE tenant = ? AND (created_at < ? OR key IN"
            " (SELECT key FROM runs WHERE tenant = ? ORDER BY created_at DESC LIMIT -1 OFFSET ?))",
            (tenant, self._now() - KEPT_SECONDS, tenant, KEPT_ENTRIES),
        )


def _kept(value: Any) -> Any:
    """A value as it is written down: whoever wrote a branch or a status, no key stays in the file."""
    return without_keys(value) if isinstance(value, str) else value


def _same_start(rows: sqlite3.Connection, tenant: str, wanted: Entry, since: float) -> Entry | None:
    """The entry that is the same start as `wanted`."""
    same_key = rows.execute(_SELECT + "AND key = ? AND fate != ?", (tenant, wanted.key, Fate.REFUSED)).fetchone()
    if same_key:
        return _entry(same_key)
    same_wish = rows.execute(
        _SELECT + "AND fingerprint = ? AND created_at > ? ORDER BY created_at DESC", (tenant, wanted.fingerprint, since)
    )
    earlier = map(_entry, same_wish.fetchall())
    if wanted.forced:
        return next((entry for entry in earlier if entry.forced and entry.is_unknown), None)
    return next((entry for entry in earlier if entry.is_open), None)


def _entry(row: Sequence[Any]) -> Entry:
    entry = Entry(*row)
    return replace(entry, fate=Fate(entry.fate), forced=bool(entry.forced))
