"""A run that continues an earlier one: on its branch, so that Mogplex updates its pull request.

Mogplex itself has no such request. Its delivery looks for an open pull request of the run's head and base before it
opens one, so a run with the same repository, base branch and working branch is what continues an earlier run.
"""

import contextlib
import math
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from typing import Final

import anyio

from mogplex_mcp.api.client import StartRun
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import canonical_uuid, id_in_page, not_a_uuid
from mogplex_mcp.api.models import Repo, Run
from mogplex_mcp.api.repos import full_name
from mogplex_mcp.core.redaction import find_key
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import (
    Argument,
    InvalidArgumentError,
    Operation,
    OperationError,
    Phrase,
    listed_by,
)
from mogplex_mcp.operations.known_runs import record_state
from mogplex_mcp.runs.outcome import is_stale, is_terminal, read_outcome
from mogplex_mcp.runs.start import fingerprint_of
from mogplex_mcp.runs.truncation import FIELD_CHARACTERS
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.ledger import SAME_START_SECONDS, BranchInUseError, Entry

MOST_OPEN_RUNS: Final = 8
"""How many open runs of the repository are looked at, the newest first, at one request each."""

_LOOK_SECONDS: Final = 5.0

_START_ANEW: Phrase = ("Start the task without ", Argument("continue_run"), ".")


@dataclass(frozen=True)
class Continuation:
    """What a run that continues an earlier one works on.

    Attributes:
        run_id: The earlier run.
        repo: Its repository.
        wanted: The request, with its repository and branches.
        pull_request: The pull request that the earlier run reported; empty if it reported none.
        changed: Whether it reported changes, which it pushes to its branch; None if it didn't say.
    """

    run_id: str
    repo: Repo
    wanted: StartRun
    pull_request: str
    changed: bool | None


async def find_continuation(context: OperationContext, run_id: str, wanted: StartRun, *, repo: str) -> Continuation:
    """Return how to continue a run.

    Args:
        context: The context of the call.
        run_id: The earlier run.
        wanted: The request as the caller made it.
        repo: The repository that the caller named; empty for none.

    Raises:
        InvalidArgumentError: The id is invalid, or the request names another repository or branch than the run has.
        OperationError: The run has not ended, it never began, or its branches are unknown.
        MogplexError: The run could not be read.
    """
    found = canonical_uuid(id_in_page(run_id, context.settings.base_url, "run_id"), "run")
    if found is None:
        raise InvalidArgumentError(Argument("continue_run"), not_a_uuid(run_id, "run"))
    with listed_by(Operation("list_runs")):
        snapshot = await context.tenant.watches.of(found).refresh()
    run = snapshot.run
    _check_state(run)
    base, working = _branch(run.base_branch), _branch(run.working_branch)
    repo_id = canonical_uuid(run.repo_id, "repo")
    if not (base and working and repo_id):
        which = "branch" if repo_id else "repository"
        raise _refused(f"Mogplex does not tell on which {which} the run {run.run_id} worked", advice=_START_ANEW)
    earlier = await context.tenant.repos.find(repo_id)
    if repo and not await _is_same_repo(context, repo, earlier, root_directory=wanted.root_directory):
        raise InvalidArgumentError(
            Argument("repo"), " is another repository than that of the run to continue; leave it out"
        )
    for name, given, own in (
        ("base_branch", wanted.base_branch, base),
        ("working_branch", wanted.working_branch, working),
    ):
        if given and given != own:
            raise InvalidArgumentError(
                Argument(name), " is another branch than that of the run to continue; leave it out"
            )
    outcome = read_outcome(run, snapshot.events, repo=earlier.full_name, now=context.now)
    return Continuation(
        run_id=found,
        repo=earlier,
        wanted=replace(
            wanted,
            repo_id=earlier.id,
            base_branch=base,
            working_branch=working,
            create_branch=False,
            root_directory=wanted.root_directory or run.root_directory or "",
        ),
        pull_request=outcome.pull_request if working != base else "",
        changed=outcome.changed,
    )


@contextlib.asynccontextmanager
async def free_branch(
    context: OperationContext, wanted: StartRun | None, *, force_new: bool, idempotency_key: str
) -> AsyncIterator[Collection[str] | None]:
    """Keep other follow-ups off the branch while one is started in the block. Models make calls at the same time.

    Calls of this process wait for each other, so that the second one learns of the run of the first. Those of other
    processes are kept off by the journal that they share, which takes the runs that were looked at here into account.

    Args:
        context: The context of the call.
        wanted: The follow-up, with all its defaults; None for a run that is none.
        force_new: Whether it is another run than one that the same call started.
        idempotency_key: As in `Starter.start`.

    Returns:
        The `known_runs` of `Ledger.begin`.

    Raises:
        OperationError: Another run works on the branch, as far as those of the journal can be read in a few seconds; or
            another process has just started one.
    """
    if wanted is None:
        yield None
        return
    async with context.tenant.branch_locks.setdefault((wanted.repo_id, wanted.working_branch), anyio.Lock()):
        known_runs = await _check_branch(context, wanted, force_new=force_new, key=idempotency_key.strip())
        try:
            yield known_runs
        except BranchInUseError as error:
            raise _in_use(error) from error


async def _check_branch(
    context: OperationContext, wanted: StartRun, *, force_new: bool, key: str
) -> Collection[str] | None:
    """Look at the open runs; return the `known_runs` of `Ledger.begin`."""
    fingerprint = fingerprint_of(wanted)
    busy: list[str] = []

    def is_same_start(entry: Entry) -> bool:
        # What has become another start by its age or its key is in the way like any other.
        if key or force_new:
            return bool(key) and entry.key == key
        return entry.fingerprint == fingerprint and context.clock() - entry.created_at < SAME_START_SECONDS

    async def look(run_id: str) -> None:
        watch = context.tenant.watches.of(run_id)
        # The branch of a run never changes.
        if watch.latest is not None and watch.latest.run.working_branch != wanted.working_branch:
            return
        with contextlib.suppress(MogplexError):
            snapshot = await watch.refresh()
            run, outcome = snapshot.run, read_outcome(snapshot.run, snapshot.events, repo="", now=context.now)
            is_lost = outcome.never_queued or is_stale(run, outcome)
            if run.working_branch == wanted.working_branch and not is_terminal(run) and not is_lost:
                busy.append(run.run_id)
            # One that has ended is not looked at again for the next follow-up.
            await record_state(context, snapshot, outcome)

    try:
        entries = await context.tenant.ledger.runs(repo_id=wanted.repo_id)
    except StateError:
        return None
    others = [entry for entry in entries if entry.run_id and not is_same_start(entry)]
    open_runs = [entry.run_id for entry in others if entry.is_open]
    with anyio.move_on_after(min(_LOOK_SECONDS, context.remaining)):
        async with anyio.create_task_group() as tasks:
            for run_id in open_runs[:MOST_OPEN_RUNS]:
                tasks.start_soon(look, run_id)
    if busy:
        raise _taken(busy[0])
    return {entry.run_id for entry in others}


def _check_state(run: Run) -> None:
    """Refuse to continue a run that still works on its branch, or that never had one."""
    if not is_terminal(run):
        raise _refused(
            f"the run {run.run_id} has not ended, and two agents on one branch would be in each other's way",
            advice=(Operation("tail_run", {"run_id": run.run_id}), " waits for its end; then it can be continued."),
        )
    if run.status != "success" and not run.runtime_run_id:
        raise _refused(f"no worker ever took the run {run.run_id}, so it has no branch", advice=_START_ANEW)


def _in_use(error: BranchInUseError) -> OperationError:
    if error.entry.run_id:
        return _taken(error.entry.run_id)
    return _refused(
        "another start that works on the same branch was sent a moment ago, and two agents on one branch would be in "
        "each other's way",
        advice=(
            Operation("list_runs"),
            " shows its run in a few seconds: wait for its end, then continue that one. If there is none, call again: ",
            f"a start that was given up keeps its branch for {math.ceil(error.seconds)} more seconds at most.",
        ),
    )


def _taken(run_id: str) -> OperationError:
    return _refused(
        f"the run {run_id} works on the same branch and has not ended, and two agents on one branch would be in each "
        "other's way",
        advice=(Operation("tail_run", {"run_id": run_id}), " waits for its end; then continue that one."),
    )


def _refused(reason: str, *, advice: Phrase) -> OperationError:
    return OperationError(ErrorCode.CONFLICT, reason, happened=("Nothing was started.",), advice=advice)


def _branch(name: str | None) -> str:
    """Return the name of a branch as Mogplex gave it; empty if it can't be sent back as it was."""
    name = name or ""
    return name if len(name) < FIELD_CHARACTERS and name.isprintable() and not find_key(name) else ""


async def _is_same_repo(context: OperationContext, given: str, own: Repo, *, root_directory: str) -> bool:
    # The names of a monorepo's rows are the same, so the id of the run's own row decides between them.
    if canonical_uuid(given, "repo") == own.id or (own.full_name and _folded(given) == own.full_name.casefold()):
        return True
    return (await context.tenant.repos.find(given, root_directory=root_directory)).id == own.id


def _folded(given: str) -> str:
    return full_name(given).casefold()
