"""The phase and the outcome of a run, derived from its status and its events.

The URL of the pull request, the exit code and the reason of a failure exist in events only (mogplex-api.md, section 1).
A payload may be truncated, lack fields or change the type of a field, so each field is read only if its type is right.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.runs.verdicts import STALE_AFTER, is_never_started, silence_since
from mogplex_mcp.storage.ledger import TERMINAL_STATUSES

_PULL_REQUEST: Final = re.compile(r"https://github\.com/([\w.-]{1,100}/[\w.-]{1,100})/pull/[1-9]\d{0,9}", re.ASCII)
# With its closing quote: without it, the number of the pull request may be cut.
_IN_PREVIEW: Final = re.compile(r'"pull_request_url"\s*:\s*"([^"\\]{1,300})"')


class Phase(enum.StrEnum):
    """The phase of a run, in the order in which a run goes through them."""

    QUEUED = "queued"
    PREPARING = "preparing"
    WORKING = "working"
    DELIVERING = "delivering"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_TERMINAL_PHASES: Final = {"success": Phase.DONE, "failed": Phase.FAILED, "cancelled": Phase.CANCELLED}

# The events that tell how the agent's process ended (mogplex-api.md, section 1).
_ENDS: Final = frozenset({"finished", "failed", "cancelled"})


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
        other_link: What the run reports in place of a pull request of its own repository, or empty. Untrusted text.
        never_queued: Whether no worker took the run within minutes, so that it will not run.
        silence: How long nothing was heard of the run.
    """

    phase: Phase
    pull_request: str = ""
    changed: bool | None = None
    exit_code: int | None = None
    failure_code: str = ""
    failure: str = ""
    other_link: str = ""
    never_queued: bool = False
    silence: timedelta = timedelta()

    @property
    def is_terminal(self) -> bool:
        """Whether the status of the run is terminal."""
        return self.phase in {Phase.DONE, Phase.FAILED, Phase.CANCELLED}


def read_outcome(run: Run, events: Sequence[RunEvent], *, repo: str, now: datetime) -> Outcome:
    """Derive the outcome of a run; later events take precedence over earlier ones.

    Args:
        run: The run.
        events: Its events.
        repo: The name of its repository, to which its pull request must belong; empty if that is not known.
        now: The time at Mogplex.
    """
    phase = Phase.QUEUED
    pull_request = other_link = failure_code = failure = ""
    changed: bool | None = None
    exit_code: int | None = None
    for event in events:
        payload = event.payload
        phase = _phase_after(event, phase)
        if link := reported_link(event):
            own = own_pull_request(link, repo)
            pull_request, other_link = own or pull_request, "" if own else link
        changed = _typed(payload, "changed", bool, changed)
        if event.type in _ENDS:  # the steps and tools of a run have exit codes of their own
            exit_code = _typed(payload, "exit_code", int, exit_code)
        failure_code = _typed(payload, "failure_code", str, failure_code)
        if event.type == "failed":
            failure = event.message or failure
    terminal = _TERMINAL_PHASES.get(run.status)
    if terminal is None and run.status == "streaming" and phase is Phase.QUEUED:
        phase = Phase.WORKING
    times = [run.created_at, run.updated_at, *(event.created_at for event in events)]
    return Outcome(
        phase=terminal or phase,
        pull_request=pull_request,
        changed=changed,
        exit_code=exit_code,
        failure_code=failure_code,
        failure=run.error or failure,
        other_link=other_link,
        never_queued=is_never_started(
            run.created_at, worker=run.runtime_run_id, at_work=run.status != "pending", now=now
        ),
        silence=silence_since(times, now),
    )


def phase_times(run: Run, events: Sequence[RunEvent]) -> list[tuple[Phase, datetime]]:
    """Return when the run entered each of its phases for the first time, as far as its times are known.

    The end has the time of the run's last change, and the beginning that of its creation.
    """
    entered: dict[Phase, datetime] = {Phase.QUEUED: run.created_at} if run.created_at else {}
    phase = Phase.QUEUED
    for event in events:
        phase = _phase_after(event, phase)
        if event.created_at:
            entered.setdefault(phase, event.created_at)
    if (end := _TERMINAL_PHASES.get(run.status)) and run.updated_at:
        entered[end] = run.updated_at
    return sorted(entered.items(), key=lambda one: one[1])


def reported_link(event: RunEvent) -> str:
    """Return what this event reports as the address of a pull request, or "". Untrusted text."""
    link = _typed(event.payload, "pull_request_url", str, "")
    if not link and "payloadPreview" in event.payload:
        found = _IN_PREVIEW.search(str(event.payload["payloadPreview"]))
        link = found[1] if found else ""
    return str(link)


def is_milestone(event: RunEvent, repo: str) -> bool:
    """Return whether the event is worth a caller's attention before the run ends: a failure, or its pull request."""
    return event.type == "failed" or bool(own_pull_request(reported_link(event), repo))


def own_pull_request(link: str, repo: str) -> str:
    """Return the link if it is a pull request of this repository on github.com, else "".

    An agent can report any address. As a fact, a model or a person would open it.
    """
    found = _PULL_REQUEST.fullmatch(link)
    return link if found and repo.isascii() and found[1].lower() == repo.lower() else ""


def is_terminal(run: Run) -> bool:
    """Return whether the status is known to be terminal; an unknown status counts as running."""
    return run.status in TERMINAL_STATUSES


def is_stale(run: Run, outcome: Outcome) -> bool:
    """Return whether nothing was heard of an unfinished run for `STALE_AFTER`."""
    return not is_terminal(run) and outcome.silence > STALE_AFTER


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
