"""Triggering an automation exactly once: its key is in the ledger before the first byte leaves.

By the same rules as for runs (`idempotency`), but an answer can also be that nothing was started, and such keys are
shared by all users of Mogplex: they are UUIDs (mogplex-api.md, section 2, "Automations").
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import check_uuid
from mogplex_mcp.api.models import AutomationRun, AutomationRunDetail, Trigger
from mogplex_mcp.runs.idempotency import Begun, begin, note_failure, noted
from mogplex_mcp.storage.ledger import Entry, Ledger, StartKind, StartState

ENDED_STATUSES: Final = frozenset({"success", "failed", "cancelled", "skipped", "error", "timed_out", "suppressed"})
# The reason of an answer that a key was used before (mogplex-api.md, section 2, "Automations").
_DUPLICATE: Final = "IDEMPOTENT_DUPLICATE"


def has_ended(run: AutomationRun) -> bool:
    """Whether nothing more will happen in a run of an automation. An unknown status counts as running."""
    return run.completed_at is not None or run.status in ENDED_STATUSES


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
        self, mogplex: Mogplex, ledger: Ledger, *, new_key: Callable[[], str] = lambda: str(uuid.uuid4())
    ) -> None:
        self._mogplex = mogplex
        self._ledger = ledger
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
            force_new: Trigger although the same call did so within the last ten minutes. A forced trigger whose own
                outcome is unknown is found out first, so that repeating it is safe.

        Raises:
            MogplexError: Nothing was triggered, or (`may_have_happened`) it is not known whether.
            StateError: The ledger cannot be written; nothing was sent.
        """
        automation_id = check_uuid(automation_id, "automation_id")
        key = check_uuid(idempotency_key, "idempotency_key") if idempotency_key else ""
        asked = json.dumps([automation_id, repo_id, values], sort_keys=True).encode()
        entry = Entry(
            key=key or self._new_key(),
            state=StartState.SENDING,
            kind=StartKind.TRIGGER,
            fingerprint=hashlib.sha256(asked).hexdigest(),
            forced=force_new and not key,
            repo_id=repo_id,
        )

        async def look(run_id: str) -> AutomationRunDetail | None:
            return await self._mogplex.get_automation_run(automation_id, run_id)

        begun = await begin(self._ledger, entry, look, own_key=bool(key))
        if begun.run is not None:
            return Triggered(begun.entry.run_id, replayed=True, status=begun.run.status)
        return await self._send(automation_id, repo_id, values, begun)

    async def _send(
        self, automation_id: str, repo_id: str, values: Mapping[str, Any], begun: Begun[AutomationRunDetail]
    ) -> Triggered:
        try:
            answer = await self._post(automation_id, repo_id, values, begun.entry.key)
        except MogplexError as error:
            await note_failure(self._ledger, begun, error)
            raise
        if answer.job_run_id:
            await noted(self._ledger.settle(begun.entry, run_id=answer.job_run_id, status=answer.status or ""))
        elif answer.started is False and answer.reason != _DUPLICATE:
            # Mogplex does not remember the key of what it suppressed.
            await noted(self._ledger.refuse(begun.entry))
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
    if not run_id and (answer.started is not False or answer.reason == _DUPLICATE):
        # Its key stays in the ledger: the same call again may get the id.
        raise MogplexError(
            ErrorCode.UNEXPECTED_ANSWER, "Mogplex responded without the id of a run.", may_have_happened=True
        )
    return Triggered(
        run_id=run_id,
        replayed=bool(run_id) and answer.started is False,
        status=answer.status or "",
        outcome=answer.outcome,
        reason=answer.reason or "",
    )
