"""Triggering an automation exactly once, by the same rules as for runs (`idempotency`).

An answer can also be that nothing was started, and the keys of triggers are global across the users of Mogplex
(mogplex-api.md, section 2, "Automations"): one that another user can compute could be used up by that user, and the
owner's trigger would then be answered with a run that isn't the owner's. So they are derived from something secret:

- Where callers have their own personal access tokens, from the caller's token.
- On a person's machine, and for callers who have signed in, from the instant at which the automation was created, to
  the microsecond. Only its owner can read it, it never changes, and it is the same for every token and on every machine
  of that person. The access token of a sign-in does not last: the same trigger may be repeated with the next one.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mogplex_mcp.api.automation_models import AutomationRun, AutomationRunDetail, Trigger
from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import check_uuid
from mogplex_mcp.api.server_clock import ServerClock
from mogplex_mcp.runs.automation_run_state import is_unqueued
from mogplex_mcp.runs.idempotency import Sent, chain_of, key_day, start_once, until_clear
from mogplex_mcp.storage.ledger import Entry, Ledger, StartKind, StartState

# The reason of an answer that a key was used before (mogplex-api.md, section 2, "Automations").
_DUPLICATE: Final = "IDEMPOTENT_DUPLICATE"


@dataclass(frozen=True)
class Triggered:
    """What came of a call.

    Attributes:
        run_id: The run; empty when there is none.
        replayed: Whether an earlier call had triggered it; never because of a retry within this call.
        status: As last seen.
        outcome: Mogplex's word for what it did; empty when it was not asked to do anything.
        reason: Why nothing was started.
        is_unqueued: Whether Mogplex accepted the run, but could not queue it.
    """

    run_id: str
    replayed: bool
    status: str
    outcome: str = ""
    reason: str = ""
    is_unqueued: bool = False


class Triggerer:
    """Triggers automations with one token.

    Args:
        mogplex: The API.
        ledger: The starts of the caller.
        clock: The time at Mogplex.
        secret: What the keys are derived from; empty for what only the owner of an automation can read of it.
    """

    def __init__(self, mogplex: Mogplex, ledger: Ledger, clock: ServerClock, *, secret: str = "") -> None:
        self._mogplex = mogplex
        self._ledger = ledger
        self._clock = clock
        self._secret = secret
        self._instants: dict[str, str] = {}

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
            StateError: The ledger cannot be used, and the start is forced.
        """
        automation_id = check_uuid(automation_id, "automation_id")
        key = check_uuid(idempotency_key, "idempotency_key") if idempotency_key else ""
        asked = json.dumps([automation_id, repo_id, values], sort_keys=True).encode()
        fingerprint = hashlib.sha256(asked).hexdigest()
        entry = Entry(
            key=key,
            state=StartState.SENDING,
            kind=StartKind.TRIGGER,
            fingerprint=fingerprint,
            forced=force_new and not key,
            repo_id=repo_id,
            day=key_day(self._clock),
        )
        launch = _TriggerLaunch(self._mogplex, automation_id, repo_id, values)
        chain = "" if key else await self._chain(automation_id, fingerprint)
        launched = await start_once(self._ledger, entry, launch, chain=chain, clock=self._clock)
        run, answer = launched.run, launch.answer
        unqueued = run is not None and is_unqueued(run)
        # That its own retry is a duplicate is no reason for anything.
        is_own = bool(launched.run_id) and not launched.replayed and not unqueued
        return Triggered(
            run_id=launched.run_id,
            replayed=launched.replayed,
            status=run.status if run else (answer.status or "") if answer else "",
            outcome=answer.outcome if answer else "",
            reason=(answer.reason or "") if answer and not is_own else "",
            is_unqueued=unqueued,
        )

    async def _chain(self, automation_id: str, fingerprint: str) -> str:
        if self._secret:
            return chain_of("trigger", hmac.new(self._secret.encode(), fingerprint.encode(), "sha256").hexdigest())
        if automation_id not in self._instants:
            automation = await self._mogplex.get_automation(automation_id)
            self._instants[automation_id] = automation.created_at.isoformat() if automation.created_at else ""
        return chain_of("trigger", self._instants[automation_id], fingerprint)


@dataclass
class _TriggerLaunch:
    """How a trigger is sent and its run is looked up.

    Attributes:
        mogplex: The API.
        automation_id: The automation.
        repo_id: The repository.
        values: What the automation gets.
        answer: The last response to the request; None if it was not sent.
    """

    mogplex: Mogplex
    automation_id: str
    repo_id: str
    values: Mapping[str, Any]
    answer: Trigger | None = None

    async def look(self, run_id: str) -> AutomationRunDetail | None:
        return await self.mogplex.get_automation_run(self.automation_id, run_id)

    async def send(self, entry: Entry) -> Sent[AutomationRun]:
        """Send the request, and once more where a failure leaves open what it did: only its key can tell the run."""
        answer, repeated = await until_clear(
            lambda: self._post(entry), lambda error: error.code is ErrorCode.INTERNAL_ERROR
        )
        self.answer = answer
        run_id = answer.job_run_id or ""
        is_duplicate = answer.started is False and answer.reason == _DUPLICATE
        if not run_id and (answer.started is not False or is_duplicate):
            # Its key stays in the ledger: the same call again may get the id.
            raise MogplexError(
                ErrorCode.UNEXPECTED_ANSWER, "Mogplex responded without the id of a run.", may_have_happened=True
            )
        if not run_id or answer.started is not False:
            # Mogplex does not remember the key of what it suppressed.
            run = AutomationRun(id=run_id, status=answer.status or "") if run_id else None
            return Sent(run_id, run, replayed=False)
        # The answer says nothing of the run that the key has made: neither its age, nor whether it was queued.
        try:
            found = await self.look(run_id)
        except MogplexError as error:
            found, gone = None, error.code is ErrorCode.NOT_FOUND
        else:
            gone = found is None
        return Sent(run_id, found, replayed=True, repeated=repeated, is_gone=gone)

    async def _post(self, entry: Entry) -> Trigger:
        return await self.mogplex.trigger_automation(
            self.automation_id, self.repo_id, idempotency_key=entry.key, values=self.values or None
        )
