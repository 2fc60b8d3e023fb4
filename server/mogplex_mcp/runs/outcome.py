"""What a run is doing and what came of it, read out of its events.

The address of the pull request, the exit code and the reason of a failure exist in events only (mogplex-api.md,
section 1). Payloads may be cut, may miss fields and may change the type of a field: nothing here relies on them.
"""

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.storage.ledger import TERMINAL_STATUSES

NEVER_QUEUED_AFTER: Final = timedelta(minutes=3)
STALE_AFTER: Final = timedelta(minutes=35)
_PULL_REQUEST: Final = re.compile(r"https://github\.com/[\w.-]{1,100}/[\w.-]{1,100}/pull/\d{1,10}", re.ASCII)


class Phase(enum.StrEnum):
    """How far a run has come, in the order in which a run goes through them."""

    QUEUED = "queued"
    PREPARING = "preparing"
    WORKING = "working"
    DELIVERING = "delivering"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Outcome:
    """What the events and the run say so far.

    Attributes:
        phase: How far the run has come.
        pull_request: The address of its pull request on github.com, or empty.
        changed: Whether the agent changed anything; None when nothing says so yet.
        exit_code: What the agent's process ended with, when known.
        failure_code: Mogplex's word for why it failed, or empty. Text of others.
        failure: What the run itself says about why it failed, or empty. Text of others.
        never_queued: Accepted minutes ago, but no worker ever took it: it will not run.
    """

    phase: Phase
    pull_request: str = ""
    changed: bool | None = None
    exit_code: int | None = None
    failure_code: str = ""
    failure: str = ""
    never_queued: bool = False

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended, as far as its status says."""
        return self.phase in {Phase.DONE, Phase.FAILED, Phase.CANCELLED}


def read_outcome(run: Run, events: Iterable[RunEvent], *, now: datetime) -> Outcome:
    """Read what is known about a run; later events win over earlier ones."""
    phase = Phase.QUEUED
    pull_request = failure_code = failure = ""
    changed: bool | None = None
    exit_code: int | None = None
    for event in events:
        payload = event.payload
        phase = _phase_after(event, phase)
        pull_request = find_pull_request(event) or pull_request
        changed = _typed(payload, "changed", bool, changed)
        exit_code = _typed(payload, "exit_code", int, exit_code)
        failure_code = _typed(payload, "failure_code", str, failure_code)
        if event.type == "failed":
            failure = event.message or failure
    terminal = {"success": Phase.DONE, "failed": Phase.FAILED, "cancelled": Phase.CANCELLED}.get(run.status)
    if terminal is None and run.status == "streaming" and phase is Phase.QUEUED:
        phase = Phase.WORKING
    waited = now - run.created_at if run.created_at else timedelta()
    return Outcome(
        phase=terminal or phase,
        pull_request=pull_request,
        changed=changed,
        exit_code=exit_code,
        failure_code=failure_code,
        failure=run.error or failure,
        never_queued=run.status == "pending" and not run.runtime_run_id and waited > NEVER_QUEUED_AFTER,
    )


def find_pull_request(event: RunEvent) -> str:
    """The address of a pull request on github.com that this event reports, or empty."""
    found = _PULL_REQUEST.fullmatch(_typed(event.payload, "pull_request_url", str, ""))
    if found is None and "payloadPreview" in event.payload:
        found = _PULL_REQUEST.search(str(event.payload["payloadPreview"]))
    return found.group() if found else ""


def is_terminal(run: Run) -> bool:
    """Whether the status is one of those known to be terminal; an unknown status counts as running."""
    return run.status in TERMINAL_STATUSES


def is_stale(run: Run, events: Iterable[RunEvent], *, now: datetime) -> bool:
    """Whether nothing has been heard of an unfinished run for 35 minutes."""
    heard = [time for time in (run.created_at, run.updated_at, *(event.created_at for event in events)) if time]
    return not is_terminal(run) and bool(heard) and now - max(heard) > STALE_AFTER


def _phase_after(event: RunEvent, phase: Phase) -> Phase:
    stage = event.payload.get("stage")
    if stage == "git_delivery":
        return Phase.DELIVERING
    if stage in ("git_sync", "mcp_config", "install"):
        return Phase.PREPARING
    if event.type in ("tool_started", "tool_finished"):
        return Phase.WORKING
    if event.type == "status_changed" and event.payload.get("to") == "streaming":
        return Phase.WORKING
    if event.type == "started" and phase is Phase.QUEUED and (event.message or "").startswith("Harness"):
        return Phase.PREPARING
    return phase


def _typed(payload: Mapping[str, Any], field: str, kind: type, otherwise: Any) -> Any:
    """A field of a payload if it is there with the type that it should have."""
    value = payload.get(field)
    return value if type(value) is kind else otherwise
