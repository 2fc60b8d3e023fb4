"""Long polling of a run: wait for a bounded time and return the events since a cursor, with the state of the run.

A timeout isn't an error, a failed poll doesn't end the wait before its deadline, and the result carries the cursor to
continue from.
"""

import enum
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import anyio

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import RunEvent
from mogplex_mcp.api.unreadable import note_unreadable
from mogplex_mcp.core.shutdown import AT_ONCE, Shutdown
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.event_groups import EventGroup, group_events
from mogplex_mcp.runs.outcome import Outcome, find_pull_request, is_stale, is_terminal, read_outcome
from mogplex_mcp.runs.watch import FINAL_ERRORS, RunWatch, Snapshot

HEARTBEAT_SECONDS: Final = 10.0
"""How often progress is reported while nothing changes."""

FIRST_REFRESH_RETRY_SECONDS: Final = 2.0
"""How long to wait before the first snapshot is tried again."""


class Until(enum.StrEnum):
    """What ends a wait before its deadline."""

    DONE = "done"
    """A terminal status, or a milestone: a pull request, a failure, a run that needs attention."""
    UPDATE = "update"
    """Any new event."""


class Reason(enum.StrEnum):
    """Why a wait ended."""

    ENDED = "ended"
    MILESTONE = "milestone"
    UPDATE = "update"
    TIME_UP = "time_up"
    STALE = "stale"
    NEVER_QUEUED = "never_queued"


@dataclass(frozen=True)
class Tail:
    """The result of a wait.

    Attributes:
        snapshot: The run and all its readable events.
        outcome: What they say about the state of the run.
        reason: Why the wait ended.
        groups: The events since the cursor in groups, oldest first.
        more: How many groups were left for the next call.
        cursor: The cursor after `groups`.
    """

    snapshot: Snapshot
    outcome: Outcome
    reason: Reason
    groups: Sequence[EventGroup]
    more: int
    cursor: Cursor


Listener = Callable[[Snapshot, Outcome], Awaitable[None]]


async def tail(
    watch: RunWatch,
    cursor: Cursor,
    *,
    until: Until,
    deadline: float,
    refresh_deadline: float,
    max_events: int,
    listener: Listener,
    shutdown: Shutdown,
    now: Callable[[], float] = time.time,
) -> Tail:
    """Wait for news of a run, until the deadline at most.

    Args:
        watch: The watch of the run.
        cursor: The events that the caller has seen.
        until: What ends the wait.
        deadline: When to stop waiting, on the clock of the event loop.
        refresh_deadline: When to give up on the first snapshot; later than `deadline` for a call that doesn't wait.
        max_events: The most groups of events to return.
        listener: Reports progress: is called on each change and every 10 seconds.
        shutdown: Ends the wait like a timeout, since the run continues.
        now: Seconds since the epoch.

    Raises:
        MogplexError: There is no snapshot of the run, or no further poll can succeed.
    """
    snapshot = await _first_snapshot(watch, cursor, deadline, refresh_deadline, shutdown)
    failure: MogplexError | None = None
    async with anyio.create_task_group() as tasks:
        progress = _Progress(listener, snapshot, now)
        tasks.start_soon(progress.heartbeat)
        try:
            with anyio.CancelScope(deadline=deadline), shutdown.within(AT_ONCE):
                while _reason(snapshot, cursor, until, max_events, now()) is None:
                    snapshot = await watch.after(snapshot)
                    await progress.update(snapshot)
        except MogplexError as error:
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    note_unreadable(watch.unreadable)
    return _result(snapshot, cursor, until, max_events, now())


async def _first_snapshot(
    watch: RunWatch, cursor: Cursor, deadline: float, refresh_deadline: float, shutdown: Shutdown
) -> Snapshot:
    """Return the state of the run: at once if there is no snapshot yet or no time to wait, else when a poll is due.

    Without a snapshot, a failed request is retried until the deadline. With one, it is returned with its `fault`, which
    says that it may be outdated.
    """
    waits = deadline > anyio.current_time() and not shutdown.has_begun
    error = MogplexError(ErrorCode.TIMED_OUT, "Mogplex did not say how the run stands before the wait was over")
    with anyio.CancelScope(deadline=max(deadline, refresh_deadline)):
        while watch.latest is None or not waits:
            try:
                return await watch.refresh()
            except MogplexError as fault:
                error = fault
            # A token that never worked is a wrong one; for a token that has worked, see FINAL_ERRORS.
            refused = error.code is ErrorCode.UNAUTHORIZED and not cursor.digests
            pause = max(FIRST_REFRESH_RETRY_SECONDS, error.retry_after or 0.0)
            too_late = anyio.current_time() + pause >= deadline or shutdown.has_begun
            if error.code in FINAL_ERRORS or watch.latest is not None or refused or too_late:
                break
            with shutdown.within(AT_ONCE):
                await anyio.sleep(pause)
    if watch.latest is None or error.code in FINAL_ERRORS:
        raise error
    if waits and watch.is_due:
        # A poll instead of a refresh: calls in quick succession must not exceed the share of their run.
        with anyio.CancelScope(deadline=deadline), shutdown.within(AT_ONCE):
            return await watch.after(watch.latest)
    return watch.latest


class _Progress:
    """Reports each change to the listener, and repeats the last state every 10 seconds."""

    def __init__(self, listener: Listener, snapshot: Snapshot, now: Callable[[], float]) -> None:
        self._listener = listener
        self._snapshot = snapshot
        self._now = now

    async def heartbeat(self) -> None:
        await self._report()
        while True:
            await anyio.sleep(HEARTBEAT_SECONDS)
            await self._report()

    async def update(self, snapshot: Snapshot) -> None:
        changed = (snapshot.run.status, len(snapshot.events)) != (self._snapshot.run.status, len(self._snapshot.events))
        self._snapshot = snapshot
        if changed:
            await self._report()

    async def _report(self) -> None:
        await self._listener(self._snapshot, _outcome(self._snapshot, self._now()))


def _reason(snapshot: Snapshot, cursor: Cursor, until: Until, max_events: int, now: float) -> Reason | None:
    """Return why to stop waiting with this snapshot, or None to continue."""
    if is_terminal(snapshot.run):
        return Reason.ENDED if snapshot.settled else None
    unseen = _unseen(snapshot, cursor)
    # With a full window no newer event can be read, so silence doesn't mean that the run is stale.
    stale = not snapshot.saturated and is_stale(snapshot.run, snapshot.events, now=datetime.fromtimestamp(now, UTC))
    # What exceeds one result is returned by the next call at once.
    exceeds_limit = len(group_events(unseen)) > max_events
    reason = None
    if _outcome(snapshot, now).never_queued:
        reason = Reason.NEVER_QUEUED
    elif any(event.type == "failed" or find_pull_request(event) for event in unseen):
        reason = Reason.MILESTONE
    elif stale:
        reason = Reason.STALE
    elif exceeds_limit or (unseen and until is Until.UPDATE):
        reason = Reason.UPDATE
    return reason


def _result(snapshot: Snapshot, cursor: Cursor, until: Until, max_events: int, now: float) -> Tail:
    reason = _reason(snapshot, cursor, until, max_events, now)
    if reason is None:
        reason = Reason.ENDED if is_terminal(snapshot.run) else Reason.TIME_UP
    groups = group_events(_unseen(snapshot, cursor))
    returned = groups[:max_events]
    return Tail(
        snapshot=snapshot,
        outcome=_outcome(snapshot, now),
        reason=reason,
        groups=returned,
        more=len(groups) - len(returned),
        cursor=cursor.with_events(event.id for group in returned for event in group.events),
    )


def _unseen(snapshot: Snapshot, cursor: Cursor) -> list[RunEvent]:
    return [event for event in snapshot.events if not cursor.has_seen(event.id)]


def _outcome(snapshot: Snapshot, now: float) -> Outcome:
    return read_outcome(snapshot.run, snapshot.events, now=datetime.fromtimestamp(now, UTC))
