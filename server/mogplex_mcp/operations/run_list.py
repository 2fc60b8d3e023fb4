"""The list of runs: the journal, with a live status for the runs that haven't ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import anyio

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import check_range
from mogplex_mcp.operations.known_runs import record_state, repo_name
from mogplex_mcp.runs.outcome import read_outcome
from mogplex_mcp.storage.ledger import Entry

MOST_RUNS: Final = 100
MOST_AGE_HOURS: Final = 2_160
MOST_REFRESHED: Final = 8
REFRESH_SECONDS: Final = 8.0
REFRESHED_BEFORE_SECONDS: Final = 10.0


@dataclass(frozen=True)
class RunList:
    """Runs of the journal, the newest first.

    Attributes:
        entries: The runs.
        left_out: How many older runs exceed the limit.
        not_refreshed: How many open runs have their last known status.
        now: The time on the clock of the journal, in seconds since the epoch.
        is_recent: Whether the journal began with the caller's access token, which is replaced every hour or so.
    """

    entries: Sequence[Entry]
    left_out: int
    not_refreshed: int
    now: float
    is_recent: bool = False


async def list_runs(
    context: OperationContext, *, repo: str = "", status: str = "any", max_age_hours: int = 168, limit: int = 20
) -> RunList:
    """List the runs that the journal knows.

    Args:
        context: The context of the call.
        repo: `owner/name` or an id; empty for all.
        status: A status of runs; "open" for those that have not ended; "any" for all.
        max_age_hours: How long ago they were started at most; 1 to `MOST_AGE_HOURS`.
        limit: The most runs to return; 1 to `MOST_RUNS`.

    Raises:
        InvalidArgumentError: A number is out of range.
        MogplexError: The repository could not be found.
        StateError: The journal cannot be read.
    """
    check_range(max_age_hours, "max_age_hours", 1, MOST_AGE_HOURS)
    check_range(limit, "limit", 1, MOST_RUNS)
    repo_id = (await context.tenant.repos.find(repo)).id if repo else ""
    since = context.clock() - max_age_hours * 3_600
    entries, missed = await _refreshed(context, await context.tenant.ledger.runs(repo_id=repo_id, since=since))
    matching = [entry for entry in entries if status in ("any", entry.status) or (status == "open" and entry.is_open)]
    found = context.tenant.found
    is_recent = found.token is not None and found.token.is_oauth and not found.personal
    return RunList(matching[:limit], max(0, len(matching) - limit), missed, context.clock(), is_recent)


async def _refreshed(context: OperationContext, entries: Sequence[Entry]) -> tuple[list[Entry], int]:
    """Return the entries with a live status, and the number of open ones that could not be refreshed."""
    due = [entry for entry in entries if entry.is_open and entry.run_id]
    # A look in the future is none: the clock was set back since.
    due = [entry for entry in due if not 0 <= context.clock() - entry.checked_at <= REFRESHED_BEFORE_SECONDS]
    fresh: dict[str, Entry] = {}

    async def refresh(entry: Entry) -> None:
        try:
            snapshot = await context.tenant.watches.of(entry.run_id).refresh()
        except MogplexError:
            return
        run = snapshot.run
        outcome = read_outcome(run, snapshot.events, repo=entry.repo or await repo_name(context, run), now=context.now)
        fresh[entry.key] = replace(entry, status=run.status, pull_request=outcome.pull_request or entry.pull_request)
        await record_state(context, snapshot, outcome)

    with anyio.move_on_after(min(REFRESH_SECONDS, context.remaining)):
        async with anyio.create_task_group() as tasks:
            for entry in due[:MOST_REFRESHED]:
                tasks.start_soon(refresh, entry)
    return [fresh.get(entry.key, entry) for entry in entries], len(due) - len(fresh)
