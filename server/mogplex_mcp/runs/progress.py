"""What a run is doing, in words of our own: nothing that a run or its agent wrote is in them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from mogplex_mcp.api.automation_models import AutomationRunDetail
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.models import RunEvent
from mogplex_mcp.core.cleaning import sanitize_word
from mogplex_mcp.core.humanize import counted, duration
from mogplex_mcp.runs.outcome import Outcome, Phase
from mogplex_mcp.runs.several import RunState, count_phases
from mogplex_mcp.runs.watch import Snapshot

# Mogplex reports a stage when it is over (mogplex-api.md, section 1), so that each names what comes next.
_AFTER_STAGE: Final = {
    "git_sync": "configuring the agent",
    "mcp_config": "installing dependencies",
    "install": "starting the agent",
}
_ENDED: Final = {
    Phase.DONE: "the run has succeeded",
    Phase.FAILED: "the run has failed",
    Phase.CANCELLED: "the run was cancelled",
}


def describe(snapshot: Snapshot, outcome: Outcome) -> str:
    """Return the phase of a run and what happens in it, such as "preparing: installing dependencies"."""
    return with_fault(f"{outcome.phase}: {_doing(snapshot, outcome)}", snapshot.fault)


def describe_several(states: Sequence[RunState]) -> str:
    """Return how many of several runs are in which phase, such as "3 runs: 2 done, 1 working"."""
    fault = next((state.error for state in states if state.error), None)
    return with_fault(f"{counted(len(states), 'run')}: {count_phases(states)}", fault)


def with_fault(text: str, fault: MogplexError | None) -> str:
    """Return what was last seen, with a note if Mogplex can't be asked whether it is still so."""
    note = "Mogplex cannot be asked at the moment, trying again" if fault else ""
    return "; ".join(filter(None, (text, note)))


def describe_automation_run(run: AutomationRunDetail) -> str:
    """Return what happens in a run of an automation, in words of our own, such as "… is running, 2 of 5 nodes done"."""
    done = sum(node.completed_at is not None for node in run.node_runs)
    nodes = f", {done} of {counted(len(run.node_runs), 'node')} done" if run.node_runs else ""
    return f"the automation's run is {sanitize_word(run.status)}{nodes}"


def _doing(snapshot: Snapshot, outcome: Outcome) -> str:
    now = datetime.fromtimestamp(snapshot.at, UTC)
    match outcome.phase:
        case Phase.QUEUED:
            doing = f"waiting for a sandbox{_for(snapshot.run.created_at, now)}"
        case Phase.PREPARING:
            doing = _stage(snapshot.events)
        case Phase.WORKING:
            began = _began_working(snapshot.events) or snapshot.run.created_at
            doing = f"agent at work{_for(began, now)}, {counted(len(snapshot.events), 'event')} so far"
        case Phase.DELIVERING if outcome.pull_request:
            doing = "the pull request is open, finishing"
        case Phase.DELIVERING if outcome.changed is False:
            doing = "no changes to deliver, finishing"
        case Phase.DELIVERING:
            doing = "pushing the changes"
        case ended:
            doing = _ENDED[ended]
    return doing


def _stage(events: Sequence[RunEvent]) -> str:
    stages = [stage for event in events if isinstance(stage := event.payload.get("stage"), str)]
    return next((_AFTER_STAGE[stage] for stage in reversed(stages) if stage in _AFTER_STAGE), "cloning the repository")


def _began_working(events: Sequence[RunEvent]) -> datetime | None:
    """Return when the agent was first seen at work."""
    times = [event.created_at for event in events if event.type in ("tool_started", "tool_finished")]
    times += [one.created_at for one in events if one.type == "status_changed" and one.payload.get("to") == "streaming"]
    return min((time for time in times if time is not None), default=None)


def _for(began: datetime | None, now: datetime) -> str:
    return f" for {duration((now - began).total_seconds())}" if began else ""
