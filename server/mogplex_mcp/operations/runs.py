"""Operations on runs: start a coding agent, follow it to its pull request, get its details, cancel it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mogplex_mcp.api.client import StartRun
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import DEFAULT_TIMEOUT
from mogplex_mcp.api.models import CancelledRun, Repo
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.continuation import Continuation, find_continuation, free_branch
from mogplex_mcp.operations.errors import (
    Argument,
    InvalidArgumentError,
    Operation,
    advised,
    check_id,
    journal_needed,
    listed_by,
    too_many_starts,
)
from mogplex_mcp.operations.known_runs import find_run_id, record_state, repo_name
from mogplex_mcp.operations.task_poll import POLL_SECONDS, Pending, TaskPoll, noting_faults
from mogplex_mcp.runs.cursor import Cursor, CursorError
from mogplex_mcp.runs.event_groups import EventGroup, group_events
from mogplex_mcp.runs.idempotency import GenerationsError
from mogplex_mcp.runs.outcome import Outcome, read_outcome
from mogplex_mcp.runs.progress import describe
from mogplex_mcp.runs.start import Started
from mogplex_mcp.runs.tail import Listener, Reason, Tail, Until, WaitOptions, tail
from mogplex_mcp.runs.watch import Snapshot
from mogplex_mcp.storage.errors import StateError


@dataclass(frozen=True)
class StartedRun:
    """A run that was started now, or by an earlier identical call.

    Attributes:
        started: The run, and whether it is new.
        repo: Its repository.
        continues: The earlier run whose branch it works on; None for none.
    """

    started: Started
    repo: Repo
    continues: Continuation | None = None


@dataclass(frozen=True)
class FollowedRun:
    """The news of a run that was followed.

    Attributes:
        news: The new events, and why the wait ended.
        seen: The cursor of the caller: the events that it had seen before.
        repo: The name of its repository; empty when unknown.
        is_latest: Whether no run was named, so that it is the latest one of the caller's session.
    """

    news: Tail
    seen: Cursor
    repo: str
    is_latest: bool = False


@dataclass(frozen=True)
class RunDetails:
    """The state of a run.

    Attributes:
        snapshot: The run and its events.
        outcome: What its events say about the result.
        groups: The events, with repetitions grouped.
        repo: The name of its repository; empty when unknown.
        is_latest: Whether no run was named, so that it is the latest one of the caller's session.
    """

    snapshot: Snapshot
    outcome: Outcome
    groups: Sequence[EventGroup]
    repo: str
    is_latest: bool = False


@dataclass(frozen=True)
class RunCancellation:
    """The result of cancelling a run.

    Attributes:
        cancelled: The response of Mogplex.
        repo: The name of its repository; empty when unknown.
    """

    cancelled: CancelledRun
    repo: str


async def start_run(
    context: OperationContext,
    wanted: StartRun,
    *,
    repo: str,
    continue_run: str = "",
    force_new: bool = False,
    idempotency_key: str = "",
) -> StartedRun:
    """Start a run exactly once: a repeated call returns the run that the first one started.

    Args:
        context: The context of the call.
        wanted: The run; `repo_id` is set here, and `root_directory` if it is empty.
        repo: The repository: `owner/name`, a GitHub URL, or an id; empty for that of `continue_run`.
        continue_run: The id of an ended run to continue: its repository, base branch and working branch are used, which
            makes the request the same as one that names them. Empty for none.
        force_new: Whether to start another run although an identical one exists.
        idempotency_key: An idempotency key of the caller's own; empty for one made from the arguments.

    Raises:
        InvalidArgumentError: The arguments contradict each other; nothing was sent.
        OperationError: The journal cannot be used, and the start is forced; or the earlier run cannot be continued.
        MogplexError: No run was started, or (`may_have_happened`) that is unknown.
    """
    continues = await find_continuation(context, continue_run, wanted, repo=repo) if continue_run else None
    if continues is not None:
        wanted, found = continues.wanted, continues.repo
    else:
        found = await context.tenant.repos.find(repo, root_directory=wanted.root_directory)
    default_branch = found.default_branch or ""
    base_branch = wanted.base_branch or default_branch
    if wanted.create_branch and wanted.working_branch and wanted.working_branch == base_branch:
        raise InvalidArgumentError(
            Argument("working_branch"),
            " is the base branch; name another one, or use ",
            Argument("create_branch", "false"),
            " to work on it directly",
        )
    wanted = replace(wanted, repo_id=found.id, root_directory=wanted.root_directory or found.root_directory or "")
    try:
        async with free_branch(
            context, wanted if continues else None, force_new=force_new, idempotency_key=idempotency_key
        ) as known_runs:
            started = await context.tenant.starter.start(
                wanted,
                repo=found.full_name,
                default_branch=default_branch,
                force_new=force_new,
                idempotency_key=idempotency_key,
                remember_prompt=context.settings.remember_prompts,
                seconds=min(DEFAULT_TIMEOUT, context.remaining),
                known_runs=known_runs,
            )
    except GenerationsError as error:
        raise too_many_starts(error) from error
    except StateError as error:
        raise journal_needed(error) from error
    except MogplexError as error:
        if error.may_have_happened:
            context.tenant.latest_runs.note(context.session, "")
        raise
    context.tenant.latest_runs.note(context.session, started.run.run_id)
    return StartedRun(started, found, continues)


async def follow_run(
    context: OperationContext,
    *,
    run_id: str = "",
    cursor: str = "",
    wait_seconds: float,
    until: Until,
    max_events: int,
    listener: Listener,
) -> FollowedRun:
    """Wait for news of a run: its end, its pull request, or any event.

    Args:
        context: The context of the call.
        run_id: The id of the run; empty for the latest one of the caller's session.
        cursor: The events that the caller has seen; empty for none.
        wait_seconds: How long to wait, within the deadline of the call.
        until: What ends the wait.
        max_events: The most groups of events to return.
        listener: Reports progress.

    Raises:
        InvalidArgumentError: The run id or the cursor is invalid.
        MogplexError: The state of the run could not be read.
    """
    wanted = find_run_id(context, run_id)
    try:
        seen = Cursor.parse(cursor, wanted)
    except CursorError as error:
        raise InvalidArgumentError(
            "the ", Argument("cursor"), f" cannot be used: {error}; leave it out to get all events"
        ) from None
    watch = context.tenant.watches.of(wanted)
    before = watch.latest
    poll = context.task_poll if wait_seconds > 0 else None
    with listed_by(Operation("list_runs")), noting_faults(poll, {"run_id": wanted}, wait_seconds):
        news = await tail(
            watch,
            seen,
            wait_options(context, poll, wait_seconds, until),
            max_events=max_events,
            listener=listener,
            wall_clock=context.clock,
        )
    if poll is not None:
        _go_on(context, poll, news, watch.seconds_until_due, wait_seconds)
    if poll is None or news.snapshot is not before:
        await record_state(context, news.snapshot, news.outcome)
    return FollowedRun(news, seen, news.repo, is_latest=not run_id)


def wait_options(context: OperationContext, poll: TaskPoll | None, wait_seconds: float, until: Until) -> WaitOptions:
    """Return how to wait for runs: once for a poll of a task, else so many seconds, within the deadline of the call."""
    return WaitOptions(
        until=until,
        deadline=min(context.arrived + (POLL_SECONDS if poll else wait_seconds), context.deadline),
        refresh_deadline=context.deadline,
        shutdown=context.shutdown,
        repo_of=lambda run: repo_name(context, run),
        now=context.tenant.clock.now,
        once=poll is not None,
    )


def _go_on(context: OperationContext, poll: TaskPoll, news: Tail, due: float, wait_seconds: float) -> None:
    """Note on the poll of a task that the wait would go on after this news, if it would."""
    snapshot, run_id, share = news.snapshot, news.cursor.run_id, context.tenant.fair_share
    settles = news.reason is Reason.ENDED and not snapshot.settled
    if news.reason is Reason.TIME_UP or settles:
        share.note(run_id)
        pending = Pending(
            arguments={"run_id": run_id},
            message=describe(snapshot, news.outcome),
            next_seconds=due if settles else max(due, share.seconds),
            most_seconds=wait_seconds,
            seen_seconds=max(0.0, context.tenant.clock.now() - snapshot.at),
        )
        poll.go_on(pending, fault=snapshot.fault)
    if poll.pending is None:
        share.forget(run_id)


async def get_run(context: OperationContext, *, run_id: str = "") -> RunDetails:
    """Return the current state of a run.

    Args:
        context: The context of the call.
        run_id: The id of the run; empty for the latest one of the caller's session.

    Raises:
        InvalidArgumentError: The id is invalid, or there is no latest run.
        MogplexError: The request failed, or there is no such run.
    """
    wanted = find_run_id(context, run_id)
    with listed_by(Operation("list_runs")):
        snapshot = await context.tenant.watches.of(wanted).refresh()
    repo = await repo_name(context, snapshot.run)
    outcome = read_outcome(snapshot.run, snapshot.events, repo=repo, now=context.now)
    await record_state(context, snapshot, outcome)
    return RunDetails(snapshot, outcome, group_events(snapshot.events), repo, is_latest=not run_id)


async def cancel_run(context: OperationContext, *, run_id: str) -> RunCancellation:
    """Cancel a run.

    Args:
        context: The context of the call.
        run_id: The id of the run. What is lost for good is never guessed.

    Raises:
        InvalidArgumentError: The id is invalid.
        MogplexError: The request failed.
    """
    wanted = check_id(run_id, "run_id")
    try:
        with listed_by(Operation("list_runs")):
            cancelled = await context.tenant.mogplex.cancel_run(wanted)
    except MogplexError as error:
        if error.code is not ErrorCode.BAD_REQUEST:
            raise
        # Seen of a run that has a command but no sandbox.
        follow = Operation("tail_run", {"run_id": wanted})
        advice = ("Nothing in the call can be corrected. ", follow, " follows the run to its end.")
        raise advised(error, advice, happened=("Mogplex did not stop the run: it goes on.",)) from error
    await record_state(context, Snapshot(cancelled.run, (), context.clock(), 0, settled=False), None)
    return RunCancellation(cancelled, await repo_name(context, cancelled.run))
