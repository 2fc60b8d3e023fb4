"""Triggering an automation exactly once: its key is in the state file before the first byte leaves.

The same care as for runs (`start`), but an answer can also be that nothing was started, and such keys are shared by all
users of Mogplex: they are UUIDs (mogplex-api.md, section 2, "Automations").
"""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import check_uuid
from mogplex_mcp.api.models import AutomationRun, AutomationRunDetail, Trigger
from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.storage.state_file import StateFile

SAME_TRIGGER_SECONDS: Final = 600.0
KEPT_SECONDS: Final = 86_400.0
ENDED_STATUSES: Final = frozenset({"success", "failed", "cancelled", "skipped", "error", "timed_out", "suppressed"})

# Made when first used: files of earlier versions do not have it, and later ones must not refuse them.
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS triggers (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    forced INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (tenant, key)
) WITHOUT ROWID
"""


def has_ended(run: AutomationRun) -> bool:
    """Whether nothing more will happen in a run of an automation. An unknown status counts as running."""
    return run.completed_at is not None or run.status in ENDED_STATUSES


@dataclass(frozen=True)
class Noted:
    """A trigger as it is written down.

    Attributes:
        key: Its idempotency key.
        run_id: The run that it made; empty while that is not known.
        earlier: Whether an earlier call wrote it down.
    """

    key: str
    run_id: str = ""
    earlier: bool = False


class TriggerKeys:
    """The keys of recent triggers of one token. Every method may raise `StateError`."""

    def __init__(self, state: StateFile, token: str, *, now: Callable[[], float] = time.time) -> None:
        self._state = state
        self._token = token
        self._now = now

    def begin(self, fingerprint: str, *, key: str, forced: bool) -> Noted:
        """Write down a trigger before it is sent, or find the same one of the last ten minutes.

        Args:
            fingerprint: A hash of everything that is asked for.
            key: What to write down if there is none.
            forced: Whether another one beside the same is wanted; then only a forced one without a run is the same.
        """
        tenant, now = self._state.tenant(self._token), self._now()
        with self._state.transaction(durable=True) as rows:
            rows.execute(_TABLE)
            rows.execute("DELETE FROM triggers WHERE tenant = ? AND created_at < ?", (tenant, now - KEPT_SECONDS))
            found = rows.execute(
                "SELECT key, run_id FROM triggers WHERE tenant = ? AND fingerprint = ? AND created_at > ?"
                " AND (NOT ? OR (forced AND run_id = '')) ORDER BY created_at DESC",
                (tenant, fingerprint, now - SAME_TRIGGER_SECONDS, forced),
            ).fetchone()
            if found:
                return Noted(key=found[0], run_id=found[1], earlier=True)
            rows.execute("INSERT INTO triggers VALUES (?, ?, ?, ?, '', ?)", (tenant, key, fingerprint, forced, now))
        return Noted(key)

    def settle(self, key: str, run_id: str) -> None:
        """Write down which run a trigger made."""
        tenant = self._state.tenant(self._token)
        with self._state.transaction() as rows:
            rows.execute(
                "UPDATE triggers SET run_id = ? WHERE tenant = ? AND key = ?", (without_keys(run_id), tenant, key)
            )

    def forget(self, key: str) -> None:
        """Nothing came of a trigger, or what came of it is over: the next one is a new one."""
        tenant = self._state.tenant(self._token)
        with self._state.transaction() as rows:
            rows.execute("DELETE FROM triggers WHERE tenant = ? AND key = ?", (tenant, key))


@dataclass(frozen=True)
class Triggered:
    """What came of a call.

    Attributes:
        run_id: The run; empty when there is none.
        replayed: Whether an earlier call had triggered it.
        status: As last seen.
        outcome: Mogplex's word for what it did; empty when it was not asked to do anything.
        reason: Why nothing was started.
    """

    run_id: str
    replayed: bool
    status: str
    outcome: str = ""
    reason: str = ""


class Triggerer:
    """Triggers automations with one token."""

    def __init__(
        self, mogplex: Mogplex, keys: TriggerKeys, *, new_key: Callable[[], str] = lambda: str(uuid.uuid4())
    ) -> None:
        self._mogplex = mogplex
        self._keys = keys
        self._new_key = new_key

    async def trigger(
        self,
        automation_id: str,
        repo_id: str,
        values: Mapping[str, Any],
        *,
        idempotency_key: str = "",
        force_new: bool = False,
    ) -> Triggered:
        """Trigger an automation, or find the run that the same call made before.

        Args:
            automation_id: A published, active automation.
            repo_id: A repo of the same GitHub installation.
            values: What the automation gets.
            idempotency_key: The caller's own, a UUID: it never triggers twice.
            force_new: Trigger although the same one is going on.

        Raises:
            MogplexError: Nothing was triggered, or (`may_have_happened`) it is not known whether.
            StateError: The key cannot be written down; nothing was sent.
        """
        automation_id = check_uuid(automation_id, "automation_id")
        if idempotency_key:
            # The caller remembers this key; nothing has to be written down.
            key = check_uuid(idempotency_key, "idempotency_key")
            return _read(await self._post(automation_id, repo_id, values, key))
        asked = json.dumps([automation_id, repo_id, values], sort_keys=True).encode()
        fingerprint = hashlib.sha256(asked).hexdigest()
        while True:
            noted = self._keys.begin(fingerprint, key=self._new_key(), forced=force_new)
            if not noted.run_id:
                break
            run = await self._look(automation_id, noted.run_id)
            if run is not None and not has_ended(run):
                return Triggered(noted.run_id, replayed=True, status=run.status)
            # The earlier run is over, and what is asked for is another one.
            self._keys.forget(noted.key)
        return await self._send(automation_id, repo_id, values, noted)

    async def _look(self, automation_id: str, run_id: str) -> AutomationRunDetail | None:
        try:
            return await self._mogplex.get_automation_run(automation_id, run_id)
        except MogplexError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return None

    async def _send(self, automation_id: str, repo_id: str, values: Mapping[str, Any], noted: Noted) -> Triggered:
        try:
            answer = await self._post(automation_id, repo_id, values, noted.key)
        except MogplexError as error:
            if noted.earlier and not error.may_have_happened:
                # This try was refused; of the earlier one nothing is known.
                error.may_have_happened = True
            elif not error.may_have_happened:
                self._keys.forget(noted.key)
            raise
        if answer.job_run_id:
            self._keys.settle(noted.key, answer.job_run_id)
        elif answer.started is False:
            # Mogplex does not remember the key of what it suppressed.
            self._keys.forget(noted.key)
        return _read(answer)

    async def _post(self, automation_id: str, repo_id: str, values: Mapping[str, Any], key: str) -> Trigger:
        """Send the request, and once more where a failure leaves open what it did: only its key can tell the run."""

        async def send() -> Trigger:
            return await self._mogplex.trigger_automation(
                automation_id, repo_id, idempotency_key=key, values=values or None
            )

        try:
            return await send()
        except MogplexError as error:
            if error.code is not ErrorCode.INTERNAL_ERROR or not error.may_have_happened:
                raise
        try:
            return await send()
        except MogplexError as error:
            error.may_have_happened = True
            raise


def _read(answer: Trigger) -> Triggered:
    run_id = answer.job_run_id or ""
    if not run_id and answer.started is not False:
        # Its key is still written down: the same call again is told the id.
        raise MogplexError(
            ErrorCode.UNEXPECTED_ANSWER, "Mogplex answered without the id of a run.", may_have_happened=True
        )
    return Triggered(
        run_id=run_id,
        replayed=bool(run_id) and answer.started is False,
        status=answer.status or "",
        outcome=answer.outcome,
        reason=answer.reason or "",
    )
