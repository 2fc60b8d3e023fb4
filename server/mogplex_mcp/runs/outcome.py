"""The phase and the outcome of a run, derived from its status and its events.

The URL of the pull request, the exit code and the reason of a failure exist in events only (mogplex-api.md, section 1).
A payload may be truncated, lack fields or change the type of a field, so each field is read only if its type is right.
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
"""How long a pending run may be without a worker before it counts as lost."""

STALE_AFTER: Final = timedelta(minutes=35)
"""How long an unfinished run may be silent before it counts as stale."""

_PULL_REQUEST: Final = re.compile(r"https://github\.com/[\w.-]{1,100}/[\w.-]{1,100}/pull/\d{1,10}", re.ASCII)


class Phase(enum.StrEnum):
    """The phase of a run, in the order in which a run goes through them."""

    QUEUED = "queued"
    PREPARING = "preparing"
    WORKING = "working"
    DELIVERING = "delivering"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Outcome:
    """What is known about the result of a run.

    Attributes:
        phase: The phase of the run.
        pull_request: The URL of its pull request on github.com, or empty.
        changed: Whether the agent changed any file; None while that is unknown.
        exit_code: The exit code of the agent's process, when known.
        failure_code: Mogplex's code for the failure, or empty. Untrusted text.
        failure: Why the run failed, in its own words, or empty. Untrusted text.
        never_queued: Whether no worker took the run within minutes, so that it will not run.
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
        """Whether the status of the run is terminal."""
        return self.phase in {Phase.DONE, Phase.FAILED, Phase.CANCELLED}


def read_outcome(run: Run, events: Iterable[RunEvent], *, now: datetime) -> Outcome:
    """Derive the outcome of a run; later events take precedence over earlier ones."""
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
    """Return the URL of the pull request on github.com that this event reports, or ""."""
    found = _PULL_REQUEST.fullmatch(_typed(event.payload, "pull_request_url", str, ""))
    if found is None and "payloadPreview" in event.payload:
        found = _PULL_REQUEST.search(str(event.payload["payloadPreview"]))
    return found.group() if found else ""


def is_terminal(run: Run) -> bool:
    """Return whether the status is known to be terminal; an unknown status counts as running."""
    return run.status in TERMINAL_STATUSES


def is_stale(run: Run, events: Iterable[RunEvent], *, now: datetime) -> bool:
    """Return whether an unfinished run has been silent for 35 minutes."""
    times = [time for time in (run.created_at, run.updated_at, *(event.created_at for event in events)) if time]
    return not is_terminal(run) and bool(times) and now - max(times) > STALE_AFTER


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


def _typed(payload: Mapping[str, Any], field: str, kind: type, default: Any) -> Any:
    """Return a field of a payload if it has the expected type, else the default."""
    value = payload.get(field)
    return value if type(value) is kind else default
