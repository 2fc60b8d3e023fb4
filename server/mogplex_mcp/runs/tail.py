"""Following a run for a bounded time: what is new since a cursor, and what it has come to.

Time that ran out is no error, a fault inside the deadline is not the end, and everything that the caller needs for
going on is in the answer.
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
from mogplex_mcp.core.shutdown import AT_ONCE, Shutdown
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.fold import Fold, fold
from mogplex_mcp.runs.outcome import Outcome, find_pull_request, is_stale, is_terminal, read_outcome
from mogplex_mcp.runs.watch import FINAL_ERRORS, RunWatch, Snapshot

HEARTBEAT_SECONDS: Final = 10.0
FIRST_LOOK_PAUSE_SECONDS: Final = 2.0


class Until(enum.StrEnum):
    """What ends a wait before its time."""

    DONE = "done"
    """A terminal status, or a milestone: a pull request, a failure, a run that needs attention."""
    UPDATE = "update"
    """Any new event."""


class Reason(enum.StrEnum):
    """Why an answer was given now."""

    ENDED = "ended"
    MILESTONE = "milestone"
    UPDATE = "update"
    TIME_UP = "time_up"
    STALE = "stale"
    NEVER_QUEUED = "never_queued"


@dataclass(frozen=True)
class Tail:
    """What a wait came to.

    Attributes:
        snapshot: The run and all its readable events.
        outcome: What they say.
        reason: Why the wait ended.
        folds: The events that are new since the cursor, folded, oldest first.
        more: How many folds were left out for the next call.
        cursor: The position after `folds`.
    """

    snapshot: Snapshot
    outcome: Outcome
    reason: Reason
    folds: Sequence[Fold]
    more: int
    cursor: Cursor


Listener = Callable[[Snapshot, Outcome], Awaitable[None]]


async def tail(
    watch: RunWatch,
    cursor: Cursor,
    *,
    until: Until,
    deadline: float,
    look_deadline: float,
    max_events: int,
    listener: Listener,
    shutdown: Shutdown,
    now: Callable[[], float] = time.time,
) -> Tail:
    """Wait for something worth telling, until the deadline at most.

    Args:
        watch: The run.
        cursor: What was told before.
        until: What counts as worth telling.
        deadline: When to stop waiting, on the clock of the event loop.
        look_deadline: When to give up the first look; later than `deadline` for whoever does not want to wait.
        max_events: The most folds to tell.
        listener: Called on each change and each 10 seconds, for progress.
        shutdown: Ends the wait as if its time were up, since the run goes on.
        now: Seconds since the epoch.

    Raises:
        MogplexError: Nothing is known of the run, or there is nothing to wait for.
    """
    snapshot = await _first_look(watch, cursor, deadline, look_deadline, shutdown)
    gone: MogplexError | None = None
    async with anyio.create_task_group() as tasks:
        heart = _Heart(listener, snapshot, now)
        tasks.start_soon(heart.beat)
        try:
            with anyio.CancelScope(deadline=deadline), shutdown.within(AT_ONCE):
                while _reason(snapshot, cursor, until, max_events, now()) is None:
                    snapshot = await watch.after(snapshot)
                    await heart.show(snapshot)
        except MogplexError as error:
            gone = error
        tasks.cancel_scope.cancel()
    if gone is not None:
        raise gone
    return _told(snapshot, cursor, until, max_events, now())


async def _first_look(
    watch: RunWatch, cursor: Cursor, deadline: float, look_deadline: float, shutdown: Shutdown
) -> Snapshot:
    """How the run stands: at once if nothing is known or nobody wants to wait, else as soon as a poll is due.

    While nothing is known, a fault is waited out as long as there is time. What is known already is good enough to go
    on with; its `fault` says that it may be old.
    """
    waits = deadline > anyio.current_time() and not shutdown.has_begun
    error = MogplexError(ErrorCode.TIMED_OUT, "Mogplex did not say how the run stands before the wait was over")
    with anyio.CancelScope(deadline=max(deadline, look_deadline)):
        while watch.known is None or not waits:
            try:
                return await watch.look()
            except MogplexError as fault:
                error = fault
            # A token that was refused and never worked is a wrong one; of others, see FINAL_ERRORS.
            refused = error.code is ErrorCode.UNAUTHORIZED and not cursor.marks
            pause = max(FIRST_LOOK_PAUSE_SECONDS, error.retry_after or 0.0)
            too_late = anyio.current_time() + pause >= deadline or shutdown.has_begun
            if error.code in FINAL_ERRORS or watch.known is not None or refused or too_late:
                break
            with shutdown.within(AT_ONCE):
                await anyio.sleep(pause)
    if watch.known is None or error.code in FINAL_ERRORS:
        raise error
    if waits and watch.is_due:
        # Calls that come again and again must not get more than the share of their run.
        with anyio.CancelScope(deadline=deadline), shutdown.within(AT_ONCE):
            return await watch.after(watch.known)
    return watch.known


class _Heart:
    """Tells the listener of each change, and that the wait goes on when there is none."""

    def __init__(self, listener: Listener, snapshot: Snapshot, now: Callable[[], float]) -> None:
        self._listener = listener
        self._snapshot = snapshot
        self._now = now

    async def beat(self) -> None:
        await self._tell()
        while True:
            await anyio.sleep(HEARTBEAT_SECONDS)
            await self._tell()

    async def show(self, snapshot: Snapshot) -> None:
        changed = (snapshot.run.status, len(snapshot.events)) != (self._snapshot.run.status, len(self._snapshot.events))
        self._snapshot = snapshot
        if changed:
            await self._tell()

    async def _tell(self) -> None:
        await self._listener(self._snapshot, _outcome(self._snapshot, self._now()))


def _reason(snapshot: Snapshot, cursor: Cursor, until: Until, max_events: int, now: float) -> Reason | None:
    """Why to answer with this snapshot, or None to go on waiting."""
    if is_terminal(snapshot.run):
        return Reason.ENDED if snapshot.settled else None
    unseen = _unseen(snapshot, cursor)
    # Of a full window nothing new can be read: silence says nothing.
    heard = snapshot.saturated or not is_stale(snapshot.run, snapshot.events, now=datetime.fromtimestamp(now, UTC))
    # More than fits into an answer: the rest of what was there before does not wait for what comes.
    crowded = len(fold(unseen)) > max_events
    reason = None
    if _outcome(snapshot, now).never_queued:
        reason = Reason.NEVER_QUEUED
    elif any(event.type == "failed" or find_pull_request(event) for event in unseen):
        reason = Reason.MILESTONE
    elif not heard:
        reason = Reason.STALE
    elif crowded or (unseen and until is Until.UPDATE):
        reason = Reason.UPDATE
    return reason


def _told(snapshot: Snapshot, cursor: Cursor, until: Until, max_events: int, now: float) -> Tail:
    reason = _reason(snapshot, cursor, until, max_events, now)
    if reason is None:
        reason = Reason.ENDED if is_terminal(snapshot.run) else Reason.TIME_UP
    folds = fold(_unseen(snapshot, cursor))
    told = folds[:max_events]
    return Tail(
        snapshot=snapshot,
        outcome=_outcome(snapshot, now),
        reason=reason,
        folds=told,
        more=len(folds) - len(told),
        cursor=cursor.with_events(event.id for one in told for event in one.events),
    )


def _unseen(snapshot: Snapshot, cursor: Cursor) -> list[RunEvent]:
    return [event for event in snapshot.events if not cursor.has_seen(event.id)]


def _outcome(snapshot: Snapshot, now: float) -> Outcome:
    return read_outcome(snapshot.run, snapshot.events, now=datetime.fromtimestamp(now, UTC))
