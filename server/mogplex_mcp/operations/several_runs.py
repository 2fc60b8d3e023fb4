"""Operations on several runs at once: follow them until the first has news."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mogplex_mcp.api.identifiers import canonical_uuid, id_in_page, not_a_uuid
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import Argument, InvalidArgumentError, Operation, advised
from mogplex_mcp.operations.known_runs import record_state
from mogplex_mcp.operations.runs import wait_options
from mogplex_mcp.operations.task_poll import Pending, TaskPoll, noting_faults
from mogplex_mcp.runs.cursor import CursorError
from mogplex_mcp.runs.progress import describe_several
from mogplex_mcp.runs.several import SeveralListener, SeveralTail, UnfollowableError, tail_several
from mogplex_mcp.runs.several_cursor import SeveralCursor
from mogplex_mcp.runs.tail import Until

MOST_FOLLOWED: Final = 10
"""How many runs can be followed at once: at one request each, they take a third of what a minute allows for polling."""


@dataclass(frozen=True)
class FollowedRuns:
    """The news of several runs.

    Attributes:
        news: How each of them stands.
        repeated: The ids that were given more than once; each run is followed once.
    """

    news: SeveralTail
    repeated: Sequence[str]


async def follow_runs(
    context: OperationContext,
    *,
    run_ids: Sequence[str],
    cursor: str = "",
    wait_seconds: float,
    until: Until,
    listener: SeveralListener,
) -> FollowedRuns:
    """Wait until the first of several runs has news.

    Args:
        context: The context of the call.
        run_ids: The ids of the runs, at most `MOST_FOLLOWED` different ones.
        cursor: What was reported to the caller; empty for nothing.
        wait_seconds: How long to wait, within the deadline of the call.
        until: What is news.
        listener: Reports progress.

    Raises:
        InvalidArgumentError: An id or the cursor is invalid, or there are too many.
        OperationError: Mogplex doesn't know some of the runs, or doesn't let this user see them.
        MogplexError: None of the runs could be read.
    """
    wanted, repeated = find_run_ids(context, run_ids)
    try:
        reported = SeveralCursor.parse(cursor, wanted)
    except CursorError as error:
        raise InvalidArgumentError(
            "the ", Argument("cursor"), f" cannot be used: {error}; leave it out to get the state of all runs"
        ) from None
    watches = {run_id: context.tenant.watches.of(run_id) for run_id in wanted}
    before = [watch.latest for watch in watches.values()]
    poll = context.task_poll if wait_seconds > 0 else None
    try:
        with noting_faults(poll, {"run_ids": wanted}, wait_seconds):
            news = await tail_several(
                watches,
                reported,
                wait_options(context, poll, wait_seconds, until),
                listener=listener,
            )
    except UnfollowableError as error:
        named = ", ".join(error.run_ids)
        raise advised(
            error.error,
            ("Leave ", named, " out, or correct it: ", Operation("list_runs"), " shows the ids."),
            happened=(f"Of these runs, {named} cannot be followed.",),
        ) from error
    if poll is not None:
        _go_on(context, poll, news, wait_seconds)
    for state, earlier in zip(news.states, before, strict=True):
        if state.snapshot is not None and (poll is None or state.snapshot is not earlier):
            await record_state(context, state.snapshot, state.outcome)
    return FollowedRuns(news, repeated)


def _go_on(context: OperationContext, poll: TaskPoll, news: SeveralTail, wait_seconds: float) -> None:
    """Note on the poll of a task that the wait goes on, if it does; let go of the runs' shares if it does not."""
    share, going = context.tenant.fair_share, [state.run_id for state in news.states if state.is_open]
    if going and not any(state.news for state in news.states):
        for run_id in going:
            share.note(run_id)
        due = min(context.tenant.watches.of(run_id).seconds_until_due for run_id in going)
        seen = max(state.snapshot.at for state in news.states if state.snapshot)
        pending = Pending(
            arguments={"run_ids": [state.run_id for state in news.states]},
            message=describe_several(news.states),
            next_seconds=max(due, share.seconds),
            most_seconds=wait_seconds,
            seen_seconds=max(0.0, context.tenant.clock.now() - seen),
        )
        poll.go_on(pending, fault=next((state.error for state in news.states if state.error), None))
    if poll.pending is None:
        for state in news.states:
            share.forget(state.run_id)


def find_run_ids(context: OperationContext, texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the canonical ids of different runs, and those that were given more than once.

    Raises:
        InvalidArgumentError: There are none or too many, or one is invalid.
    """
    name = Argument("run_ids")
    given = []
    # Several ids in one text are what some models send for a list.
    for text in (part for one in texts for part in one.split(",") if part.strip()):
        found = canonical_uuid(id_in_page(text, context.settings.base_url, "run_id"), "run")
        if found is None:
            raise InvalidArgumentError("each of ", name, not_a_uuid(text, "run"))
        given.append(found)
    wanted = list(dict.fromkeys(given))
    if not wanted:
        raise InvalidArgumentError("there is no id in ", name)
    if len(wanted) > MOST_FOLLOWED:
        raise InvalidArgumentError(
            name, f" has {len(wanted)} runs, and at most {MOST_FOLLOWED} can be followed at once; leave some out"
        )
    return wanted, [run_id for run_id in wanted if given.count(run_id) > 1]
