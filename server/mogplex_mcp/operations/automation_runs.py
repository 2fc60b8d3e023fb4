"""Runs of automations: trigger one, list them, look at one or wait for its end."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import anyio

from mogplex_mcp.api.automation_models import AutomationRun, AutomationRunDetail
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import Repo
from mogplex_mcp.core.shutdown import AT_ONCE
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import (
    Argument,
    InvalidArgumentError,
    Operation,
    OperationError,
    Phrase,
    check_id,
    journal_needed,
    listed_by,
    too_many_starts,
)
from mogplex_mcp.operations.known_runs import UNKNOWN_CLIENT
from mogplex_mcp.operations.task_poll import POLL_SECONDS, Pending, TaskPoll, noting_faults
from mogplex_mcp.runs.automation_run_state import AutomationRunState, has_ended
from mogplex_mcp.runs.idempotency import GenerationsError
from mogplex_mcp.runs.progress import describe_automation_run, with_fault
from mogplex_mcp.runs.triggers import Triggered
from mogplex_mcp.runs.verdicts import is_never_started
from mogplex_mcp.storage.errors import StateError

MOST_RUNS: Final = 50
"""The longest list of the API, which has no paging for these (mogplex-api.md, section 2, "Lists")."""

# Seconds between two looks, by how long the wait has lasted.
_SCHEDULE: Final = ((10.0, 2.0), (30.0, 4.0), (120.0, 8.0))
_LONGEST_INTERVAL: Final = 10.0

Listener = Callable[[AutomationRunDetail], Awaitable[None]]
"""Is called with what each look saw, while the wait goes on."""


@dataclass(frozen=True)
class TriggeredAutomation:
    """What came of a trigger.

    Attributes:
        automation_id: The automation.
        repo: The repository that it was to run on.
        triggered: The run, or why there is none.
    """

    automation_id: str
    repo: Repo
    triggered: Triggered

    @property
    def has_started(self) -> bool:
        """Whether this call started a run. One that could not be queued has not started."""
        return bool(self.triggered.run_id) and not self.triggered.replayed and not self.triggered.is_unqueued


@dataclass(frozen=True)
class AutomationRunList:
    """Runs of an automation, the newest first.

    Attributes:
        automation_id: The automation.
        runs: Its runs.
        may_be_more: Whether the list was cut at its limit.
        now: The time at Mogplex.
    """

    automation_id: str
    runs: Sequence[AutomationRun]
    may_be_more: bool
    now: datetime

    def never_started(self, run: AutomationRun) -> bool:
        """Return whether no worker took a run of the list in time, so that it will not run."""
        if has_ended(run) or run.active_wait_count:
            return False
        return is_never_started(run.created_at, worker=run.runtime_run_id, at_work=False, now=self.now)


async def trigger_automation(
    context: OperationContext,
    *,
    automation_id: str,
    repo: str,
    inputs: Mapping[str, Any],
    idempotency_key: str = "",
    force_new: bool = False,
) -> TriggeredAutomation:
    """Run a published automation on a repository, exactly once, or find the run that the same call started before.

    Args:
        context: The context of the call.
        automation_id: The automation.
        repo: A repository of the same GitHub installation: `owner/name`, an address on GitHub, or an id.
        inputs: What the automation gets.
        idempotency_key: The caller's own key for this trigger, a UUID; empty for none.
        force_new: Start another run although the same one exists.

    Raises:
        InvalidArgumentError: An id isn't one; nothing was sent.
        OperationError: The automation cannot be triggered on this repository in its present state, or the trigger is
            forced and the journal cannot be used.
        MogplexError: Nothing was started, or (`may_have_happened`) it is not known whether.
    """
    automation_id = check_id(automation_id, "automation_id")
    if idempotency_key:
        idempotency_key = check_id(idempotency_key, "idempotency_key")
    found = await context.tenant.repos.find(repo)
    try:
        with listed_by(Operation("list_automations"), ("repository", Operation("list_repos"))):
            triggered = await context.tenant.triggerer.trigger(
                automation_id, found.id, inputs, idempotency_key=idempotency_key, force_new=force_new
            )
    except GenerationsError as error:
        raise too_many_starts(error) from error
    except StateError as error:
        raise journal_needed(error) from error
    except MogplexError as error:
        if obstacle := _obstacle(error):
            unchanged = () if error.may_have_happened else (". Nothing was started",)
            raise OperationError(
                ErrorCode.CONFLICT, *obstacle, *unchanged, may_have_happened=error.may_have_happened
            ) from error
        raise
    if triggered.run_id:
        context.tenant.latest_runs.note(context.session, triggered.run_id, automation_id=automation_id)
    return TriggeredAutomation(automation_id, found, triggered)


async def list_automation_runs(context: OperationContext, *, automation_id: str, limit: int = 20) -> AutomationRunList:
    """List the runs of an automation.

    Args:
        context: The context of the call.
        automation_id: The automation.
        limit: 1 to `MOST_RUNS`.

    Raises:
        InvalidArgumentError: The id isn't one.
        MogplexError: Mogplex could not be asked, or does not know the automation.
    """
    automation_id = check_id(automation_id, "automation_id")
    with listed_by(Operation("list_automations")):
        runs = await context.tenant.mogplex.list_automation_runs(automation_id, limit=limit)
    return AutomationRunList(automation_id, runs, may_be_more=len(runs) >= limit, now=context.now)


async def get_automation_run(
    context: OperationContext,
    *,
    automation_id: str,
    run_id: str = "",
    wait_seconds: float = 0,
    listener: Listener | None = None,
) -> AutomationRunState:
    """Look at a run of an automation, now or when it has ended or needs an answer.

    Args:
        context: The context of the call.
        automation_id: The automation.
        run_id: The run; empty for the latest one that the caller's session triggered.
        wait_seconds: How long to wait; the deadline of the call comes first.
        listener: Is called with each look after which the wait goes on.

    Raises:
        InvalidArgumentError: An id isn't one, or there is no latest run.
        OperationError: Mogplex has no details of this run.
        MogplexError: Mogplex could not be asked at all, or does not know the run.
    """
    automation_id = check_id(automation_id, "automation_id")
    wanted = check_id(run_id, "run_id") if run_id else _latest(context, automation_id)
    if context.task_poll is not None and wait_seconds > 0:
        with noting_faults(context.task_poll, {"run_id": wanted}, wait_seconds):
            return await _poll_once(context, context.task_poll, automation_id, wanted, wait_seconds)
    run = await _look(context, automation_id, wanted)
    state = AutomationRunState(automation_id, run, context.now, is_latest=not run_id)
    deadline = min(context.arrived + wait_seconds, context.deadline)
    waiting = context.tenant.recorder.waiting(wanted)
    with anyio.CancelScope(deadline=deadline), context.shutdown.within(AT_ONCE), waiting:
        while state.is_going_on:
            if listener:
                await listener(state.run)
            await anyio.sleep(_interval(anyio.current_time() - context.arrived))
            try:
                run = await _look(context, automation_id, wanted, watching=True)
                state = replace(state, run=run, now=context.now, fault=None)
            except MogplexError as error:
                if error.code is ErrorCode.FORBIDDEN:
                    raise
                state = replace(state, now=context.now, fault=error)
    return state


async def _poll_once(
    context: OperationContext, poll: TaskPoll, automation_id: str, wanted: str, wait_seconds: float
) -> AutomationRunState:
    """Look at a run at the intervals at which a wait would look, and note whether the wait would go on."""

    async def ask(watching: bool) -> AutomationRunDetail | None:
        return await context.tenant.mogplex.get_automation_run(automation_id, wanted, watching=watching)

    with _listed(automation_id):
        run, seen = await context.tenant.automation_looks.look(
            wanted, ask, pause=_interval(poll.waited), most_seconds=POLL_SECONDS
        )
    state = AutomationRunState(automation_id, run, context.now, fault=seen.fault)
    share, now = context.tenant.fair_share, anyio.current_time()
    if state.is_going_on:
        share.note(wanted)
        pending = Pending(
            arguments={"automation_id": automation_id, "run_id": wanted},
            message=with_fault(describe_automation_run(run), seen.fault),
            next_seconds=max(seen.next_at - now, share.seconds),
            most_seconds=wait_seconds,
            seen_seconds=now - seen.seen_at,
        )
        poll.go_on(pending, fault=seen.fault)
    if poll.pending is None:
        share.forget(wanted)
    return state


def _latest(context: OperationContext, automation_id: str) -> str:
    latest = context.tenant.latest_runs.of(context.session, automation_id=automation_id)
    if latest is None:
        none = UNKNOWN_CLIENT if context.session is None else "this client has not triggered this automation yet"
        raise InvalidArgumentError(
            "give ",
            Argument("run_id"),
            f": {none}; ",
            Operation("list_automation_runs", {"automation_id": automation_id}),
            " shows its runs",
        )
    return latest.run_id


async def _look(
    context: OperationContext, automation_id: str, run_id: str, *, watching: bool = False
) -> AutomationRunDetail:
    with _listed(automation_id):
        run = await context.tenant.mogplex.get_automation_run(automation_id, run_id, watching=watching)
    if run is None:
        reason = "Mogplex has no details of this run"
        listed = Operation("list_automation_runs", {"automation_id": automation_id})
        raise OperationError(ErrorCode.NOT_FOUND, reason, advice=(listed, " shows the runs of this automation."))
    return run


def _listed(automation_id: str) -> AbstractContextManager[None]:
    listed = Operation("list_automation_runs", {"automation_id": automation_id})
    return listed_by(listed, ("automation", Operation("list_automations")))


def _interval(waited: float) -> float:
    return next((interval for until, interval in _SCHEDULE if waited < until), _LONGEST_INTERVAL)


def _obstacle(error: MogplexError) -> Phrase:
    """Return what keeps the automation from being triggered, with what to do; () for any other error."""
    said = error.message.casefold()
    if error.code is ErrorCode.CONFLICT and ("not published" in said or "publish the automation" in said):
        return ("the automation was never published; ", Operation("publish_automation"), " makes its draft live")
    if error.code is ErrorCode.CONFLICT and ("not active" in said or "activate the automation" in said):
        publish = Operation("publish_automation")
        return ("the automation is inactive; ", publish, " activates it, and makes its draft live")
    if error.code is ErrorCode.BAD_REQUEST and "installation" in said:
        return (
            "the repository belongs to another GitHub installation than the automation; choose another ",
            Argument("repo"),
        )
    return ()
