"""The state of a run of an automation, by what was seen of it: has it ended, does it go on, will it never run."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mogplex_mcp.api.automation_models import AutomationRun, AutomationRunDetail
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.runs.verdicts import STALE_AFTER, is_never_started, silence_since

_ENDED: Final = frozenset({"success", "failed", "cancelled", "skipped", "error", "timed_out", "suppressed"})
# Nodes that wait on purpose, for hours if they have to.
_PAUSES: Final = frozenset({"delay", "await_event"})


def has_ended(run: AutomationRun) -> bool:
    """Return whether nothing more will happen in a run of an automation. An unknown status counts as running."""
    return run.completed_at is not None or run.status in _ENDED


def is_unqueued(run: AutomationRun) -> bool:
    """Return whether Mogplex accepted a run, but could not queue it.

    See mogplex-api.md, section 2, "Triggering with the queue down".
    """
    return bool(run.last_start_error) and run.started_at is None and not has_ended(run)


@dataclass(frozen=True)
class AutomationRunState:
    """A run of an automation as it was last seen.

    Attributes:
        automation_id: The automation.
        run: The run.
        now: The time at Mogplex.
        fault: Why the latest look failed, in which case an earlier one is shown; None if it did not fail.
        is_latest: Whether no run was named, so that it is the latest one that the caller's session triggered.
    """

    automation_id: str
    run: AutomationRunDetail
    now: datetime
    fault: MogplexError | None = None
    is_latest: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen in the run."""
        return has_ended(self.run)

    @property
    def needs_answer(self) -> bool:
        """Whether the run goes on only when a person has answered it, such as by an approval."""
        return not self.has_ended and any(wait.status == "waiting" for wait in self.run.waits)

    @property
    def is_unqueued(self) -> bool:
        """Whether Mogplex accepted the run, but could not queue it, so that it will not run."""
        return not self.run.runtime_run_id and not any(_signs(self.run)) and is_unqueued(self.run)

    @property
    def never_started(self) -> bool:
        """Whether no worker took the run in time, so that it will not run."""
        if self.has_ended or self.needs_answer:
            return False
        return self.is_unqueued or is_never_started(
            self.run.created_at, worker=self.run.runtime_run_id, at_work=any(_signs(self.run)), now=self.now
        )

    @property
    def silence(self) -> timedelta:
        """How long nothing was heard of the run."""
        run = self.run
        dispatched = [one.created_at for one in run.dispatch_events]
        waited = [one.created_at for one in run.waits]
        return silence_since([run.created_at, run.started_at, *dispatched, *waited, *_signs(run)], self.now)

    @property
    def is_stale(self) -> bool:
        """Whether nothing was heard of the run for so long that it may be dead. A planned pause is none of that."""
        pauses = any(node.node_type in _PAUSES and node.completed_at is None for node in self.run.node_runs)
        return not self.has_ended and not self.needs_answer and not pauses and self.silence > STALE_AFTER

    @property
    def is_going_on(self) -> bool:
        """Whether it makes sense to wait for the run."""
        return not (self.has_ended or self.needs_answer or self.never_started or self.is_stale)


def _signs(run: AutomationRunDetail) -> list[datetime | None]:
    """Return the times at which a worker was seen at work."""
    nodes = [time for node in run.node_runs for time in (node.started_at, node.completed_at)]
    return nodes + [time for call in run.ai_calls for time in (call.started_at, call.completed_at)]
