"""What is known of runs besides what Mogplex says of one: which one is meant, its repository, its task, the journal."""

import contextlib
from typing import Final

import anyio

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.identifiers import canonical_uuid
from mogplex_mcp.api.models import Run
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import Argument, InvalidArgumentError, Operation, check_id
from mogplex_mcp.runs.outcome import Outcome
from mogplex_mcp.runs.watch import Snapshot
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.ledger import SAME_START_SECONDS

UNKNOWN_CLIENT: Final = "this server cannot tell which client the call comes from"

# For the name of a repository, without which an answer is nearly as good.
_LOOKUP_SECONDS: Final = 5.0


def find_run_id(context: OperationContext, text: str) -> str:
    """Return the canonical id of a run; without one, the id of the latest run that the caller's session started.

    Raises:
        InvalidArgumentError: The id is invalid, there is no latest run, or it is unknown whether its start succeeded.
    """
    if text:
        return check_id(text, "run_id")
    run_id, listed = Argument("run_id"), Operation("list_runs")
    latest = context.tenant.latest_runs.of(context.session)
    if latest is None:
        none = UNKNOWN_CLIENT if context.session is None else "this client has not started a run yet"
        raise InvalidArgumentError("give ", run_id, f": {none}; ", listed, " shows the runs of this user")
    if latest.run_id:
        return latest.run_id
    # The caller doesn't mean an older run.
    unknown = "it is not known what became of the latest start; "
    if anyio.current_time() - latest.at > SAME_START_SECONDS:
        raise InvalidArgumentError(unknown, "give ", run_id, ", as ", listed, " shows it")
    raise InvalidArgumentError(
        unknown,
        Operation("start_run"),
        " again with the same arguments, it will not start twice, or give ",
        run_id,
    )


async def repo_name(context: OperationContext, run: Run) -> str:
    """Return the name of the run's repository, from the journal or from Mogplex; "" where neither can tell it."""
    with contextlib.suppress(StateError):
        entry = await context.tenant.ledger.find_run(run.run_id)
        if entry and entry.repo:
            return entry.repo
    # An id only: a name could be anything that Mogplex would take for one.
    if repo_id := canonical_uuid(run.repo_id):
        with contextlib.suppress(MogplexError), anyio.move_on_after(min(_LOOKUP_SECONDS, context.remaining)):
            return (await context.tenant.repos.find(repo_id)).full_name
    return ""


async def task_of(context: OperationContext, run_id: str) -> str:
    """Return the beginning of a run's prompt from the journal; "" where that does not have it."""
    with contextlib.suppress(StateError):
        entry = await context.tenant.ledger.find_run(run_id)
        return entry.prompt_line if entry else ""
    return ""


async def record_state(context: OperationContext, snapshot: Snapshot, outcome: Outcome | None) -> None:
    """Record the state of a run in the journal. If that can't be written, the operation succeeds all the same."""
    run = snapshot.run
    try:
        await context.tenant.ledger.see_run(
            run.run_id,
            repo_id=run.repo_id,
            status=run.status,
            pull_request=outcome.pull_request if outcome else "",
            created_at=context.on_journal_clock(run.created_at),
        )
    except StateError:
        return
