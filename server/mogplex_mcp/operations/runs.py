"""Runs: start a coding agent, follow it to its pull request, look back, stop it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mogplex_mcp.api.client import StartRun
from mogplex_mcp.api.http import DEFAULT_TIMEOUT
from mogplex_mcp.api.models import CancelledRun, Repo
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import Argument, InvalidArgumentError, Operation, check_id
from mogplex_mcp.runs.cursor import Cursor, CursorError
from mogplex_mcp.runs.event_groups import EventGroup, group_events
from mogplex_mcp.runs.outcome import Outcome, read_outcome
from mogplex_mcp.runs.start import SAME_START_SECONDS, Started
from mogplex_mcp.runs.tail import Listener, Tail, Until, tail
from mogplex_mcp.runs.watch import Snapshot
from mogplex_mcp.storage.state_file import StateError


@dataclass(frozen=True)
class StartedRun:
    """A run that was started, or that an identical start made before.

    Attributes:
        started: The run, and whether it is new.
        repo: Its repository.
    """

    started: Started
    repo: Repo


@dataclass(frozen=True)
class FollowedRun:
    """What is new in a run that was followed.

    Attributes:
        news: The news, and why the wait ended.
        seen: The events that the caller had seen before.
        repo: The name of its repository as the journal has it; empty when it is not known.
    """

    news: Tail
    seen: Cursor
    repo: str


@dataclass(frozen=True)
class RunDetails:
    """A run as it stands.

    Attributes:
        snapshot: The run and its events.
        outcome: What its events say of it.
        groups: The events, with repetitions folded.
        repo: The name of its repository as the journal has it; empty when it is not known.
    """

    snapshot: Snapshot
    outcome: Outcome
    groups: Sequence[EventGroup]
    repo: str


@dataclass(frozen=True)
class RunCancellation:
    """What cancelling a run came to.

    Attributes:
        cancelled: What Mogplex responded.
        repo: The name of its repository as the journal has it; empty when it is not known.
    """

    cancelled: CancelledRun
    repo: str


async def start_run(
    context: OperationContext,
    wanted: StartRun,
    *,
    repo: str,
    force_new: bool = False,
    idempotency_key: str = "",
) -> StartedRun:
    """Start a run, exactly once, or find the one that the same call started before.

    Args:
        context: The circumstances of the call.
        wanted: The run; its `repo_id` is filled in here, and its root directory where it is empty.
        repo: The repository: `owner/name`, an address on GitHub, or an id.
        force_new: Start another one although the same one exists.
        idempotency_key: The caller's own key for this start.

    Raises:
        InvalidArgumentError: The arguments contradict each other; nothing was sent.
        MogplexError: Nothing was started, or (`may_have_happened`) it is not known whether.
        StateError: The journal cannot be written; nothing was sent.
    """
    found = await context.tenant.repos.find(repo, root_directory=wanted.root_directory)
    default_branch = found.default_branch or ""
    if (
        wanted.create_branch
        and wanted.working_branch
        and wanted.working_branch == (wanted.base_branch or default_branch)
    ):
        raise InvalidArgumentError(
            Argument("working_branch"),
            " is the base branch; name another one, or use ",
            Argument("create_branch", "false"),
            " to work on it directly",
        )
    started = await context.tenant.starter.start(
        replace(wanted, repo_id=found.id, root_directory=wanted.root_directory or found.root_directory or ""),
        repo=found.full_name,
        default_branch=default_branch,
        force_new=force_new,
        idempotency_key=idempotency_key,
        remember_prompt=context.settings.remember_prompts,
        seconds=min(DEFAULT_TIMEOUT, context.remaining),
    )
    return StartedRun(started, found)


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
        context: The circumstances of the call.
        run_id: The run; empty for the latest one.
        cursor: The events that the caller has seen; empty for none.
        wait_seconds: How long to wait; the deadline of the call comes first.
        until: What ends the wait.
        max_events: The most events to return.
        listener: Is called with each look.

    Raises:
        InvalidArgumentError: The run or the cursor cannot be used.
        MogplexError: Mogplex could not be asked at all.
    """
    wanted = find_run_id(context, run_id)
    try:
        seen = Cursor.parse(cursor, wanted)
    except CursorError as error:
        raise InvalidArgumentError(
            "the ", Argument("cursor"), f" cannot be used: {error}; leave it out to get all events"
        ) from None
    news = await tail(
        context.tenant.watches.of(wanted),
        seen,
        until=until,
        deadline=min(context.arrived + wait_seconds, context.deadline),
        refresh_deadline=context.deadline,
        max_events=max_events,
        listener=listener,
        shutdown=context.shutdown,
        now=context.clock,
    )
    note(context, news.snapshot, news.outcome)
    return FollowedRun(news, seen, repo_of(context, wanted))


async def get_run(context: OperationContext, *, run_id: str = "") -> RunDetails:
    """Look at a run now.

    Args:
        context: The circumstances of the call.
        run_id: The run; empty for the latest one.

    Raises:
        InvalidArgumentError: The run cannot be told.
        MogplexError: Mogplex could not be asked, or does not know the run.
    """
    wanted = find_run_id(context, run_id)
    snapshot = await context.tenant.watches.of(wanted).refresh()
    outcome = read_outcome(snapshot.run, snapshot.events, now=context.now)
    note(context, snapshot, outcome)
    return RunDetails(snapshot, outcome, group_events(snapshot.events), repo_of(context, wanted))


async def cancel_run(context: OperationContext, *, run_id: str = "") -> RunCancellation:
    """Stop a run for good.

    Args:
        context: The circumstances of the call.
        run_id: The run; empty for the latest one.

    Raises:
        InvalidArgumentError: The run cannot be told.
        MogplexError: Mogplex could not be asked, or refused.
    """
    wanted = find_run_id(context, run_id)
    cancelled = await context.tenant.mogplex.cancel_run(wanted)
    note(context, Snapshot(cancelled.run, (), context.clock(), 0, settled=False), None)
    return RunCancellation(cancelled, repo_of(context, wanted))


def find_run_id(context: OperationContext, text: str) -> str:
    """Return the id of the run that is meant: the one named, else the latest one of the journal.

    Raises:
        InvalidArgumentError: There is no latest run, or what became of its start is not known.
    """
    if text:
        return check_id(text, "run_id")
    run_id = Argument("run_id")
    try:
        latest = context.tenant.journal.latest(unknown_within_seconds=SAME_START_SECONDS)
    except StateError as error:
        raise InvalidArgumentError("give ", run_id, f": the journal of runs is not there ({error})") from None
    if latest is None:
        raise InvalidArgumentError("give ", run_id, ": no run was started from here yet")
    if not latest.run_id:
        # An older run is not what is meant; stopping it would be worst.
        raise InvalidArgumentError(
            "it is not known what became of the latest start; ",
            Operation("start_run"),
            " again with the same arguments, it will not start twice, or give ",
            run_id,
        )
    return latest.run_id


def repo_of(context: OperationContext, run_id: str) -> str:
    """Return the name of the run's repository, if the journal knows it; else ""."""
    try:
        entry = context.tenant.journal.find(run_id)
    except StateError:
        return ""
    return entry.repo if entry else ""


def note(context: OperationContext, snapshot: Snapshot, outcome: Outcome | None) -> None:
    """Keep in the journal what was seen; a journal that cannot be written does not end a look."""
    run = snapshot.run
    try:
        context.tenant.journal.see(
            run.run_id,
            repo_id=run.repo_id,
            status=run.status,
            pull_request=outcome.pull_request if outcome else "",
            created_at=run.created_at.timestamp() if run.created_at else context.clock(),
        )
    except StateError:
        return
