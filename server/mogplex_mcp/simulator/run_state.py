"""The state of a run at a time: a pure function of the run, its script and the time."""

from dataclasses import dataclass
from typing import Any

from .formats import derived_id
from .scripts import CANCELLED, TERMINAL, RunScript, Step
from .world import Event, Run

_ROW_UPDATED_AFTER = 0.037  # seconds between the insert of a run row and its first update, as recorded

_REQUESTED_BEFORE = 0.014  # seconds between the request of a cancellation and its event, as recorded


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of a run at one time.

    Attributes:
        status: of the run row.
        error: `run.error`.
        updated_at: when the run row last changed, epoch seconds.
        has_sandbox: whether the run has its sandbox already.
    """

    status: str
    error: str | None
    updated_at: float
    has_sandbox: bool

    @property
    def terminal(self) -> bool:
        """Whether the status is terminal (it may change nevertheless, as observed)."""
        return self.status in TERMINAL


def run_state_at(run: Run, now: float) -> RunState:
    """Compute the state of a run at a time."""
    status, error = run.script.status, run.error if run.ended is None else None
    updated_at = run.updated_at if run.updated_at is not None else run.created_at + _ROW_UPDATED_AFTER
    has_sandbox = run.sandbox_from_start
    for _, step in sorted(_steps_until(run, now), key=lambda numbered: numbered[1].at):
        if step.status is not None:
            status, error = step.status, step.error
            updated_at = run.created_at + step.at * run.seconds
        has_sandbox = has_sandbox or step.sandbox
    if run.ended is not None and run.ended_at is not None and run.ended_at <= now:
        status, updated_at, error = run.ended, run.ended_at, run.error
    return RunState(status=status, error=error, updated_at=updated_at, has_sandbox=has_sandbox)


def events_of(run: Run, now: float, *, number: int | None = None) -> list[Event]:
    """List the visible events of a run, oldest first; ties come in an arbitrary order.

    Args:
        run: the run.
        now: epoch seconds.
        number: the number of its pull request; None for `run.number`.
    """
    number = run.number if number is None else number
    scripted = [_event(run, index, step, number) for index, step in _steps_until(run, now) if step.type is not None]
    # The database orders by time alone. Sorting ties by id is an order that follows neither index nor arrival.
    return sorted(
        [*scripted, *(event for event in run.events if event.created_at <= now)],
        key=lambda event: (event.created_at, event.id),
    )


def finished_script(status: str) -> RunScript:
    """Return the script of a run that has ended or is not simulated: its status never changes."""
    return RunScript("", (), status=status)


def delivered_at(run: Run, now: float) -> float | None:
    """Return when a run has delivered changes, as a pull request, in epoch seconds; None if it has not until now."""
    steps = (step.at for _, step in _steps_until(run, now) if step.payload.get("pull_request_url"))
    return next((run.created_at + at * run.seconds for at in steps), None)


def confirm_cancel(run: Run, now: float) -> None:
    """Cancel a run after the request: write the second of two events, and the status."""
    run.events.append(_control_event(run, now, CANCELLED, "External Mogplex run cancelled"))
    run.ended, run.ended_at = CANCELLED, now


def request_cancel(run: Run, now: float) -> None:
    """Record that cancellation was requested, without cancelling the run."""
    before = max(run.created_at, now - _REQUESTED_BEFORE)
    run.events.append(_control_event(run, before, "cancel_requested", "Cancellation requested"))


def _control_event(run: Run, at: float, kind: str, message: str) -> Event:
    payload = {"external_run_id": run.id, "runtime_command_id": run.command_id}
    identifier = derived_id(run.id, kind, len(run.events))
    return Event(id=identifier, type=kind, created_at=at, message=message, payload=payload)


def _steps_until(run: Run, now: float) -> list[tuple[int, Step]]:
    """List the steps that have happened by a time, with their index in the script."""
    until = now if run.ended_at is None else min(now, run.ended_at)
    elapsed = until - run.created_at
    return [(index, step) for index, step in enumerate(run.script.steps) if step.at * run.seconds <= elapsed]


def _event(run: Run, index: int, step: Step, number: int) -> Event:
    moment = step.at if step.dated is None else step.dated
    return Event(
        id=derived_id(run.id, run.script.name, index),
        type=step.type or "log",
        created_at=run.created_at + moment * run.seconds,
        message=_with_placeholders(step.message, run, number),
        payload=_with_placeholders(dict(step.payload), run, number),
        tool_name=step.tool,
    )


def _with_placeholders(value: Any, run: Run, number: int) -> Any:
    if isinstance(value, str) and "{" in value:
        for name, text in (
            ("{run_id}", run.id),
            ("{harness}", run.harness),
            ("{base}", run.base),
            ("{working}", run.working),
            ("{full_name}", run.full_name),
            ("{number}", str(number)),
        ):
            value = value.replace(name, text)
        return value
    if isinstance(value, dict):
        return {key: _with_placeholders(item, run, number) for key, item in value.items()}
    return value
