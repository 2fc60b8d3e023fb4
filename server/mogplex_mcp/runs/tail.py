"""Long polling of a run: wait for a bounded time and return the events since a cursor, with the state of the run.

A timeout isn't an error, a failed poll doesn't end the wait before its deadline, and the result carries the cursor to
continue from.
"""

import enum
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import anyio

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.api.unreadable import note_unreadable
from mogplex_mcp.core.shutdown import AT_ONCE, Shutdown
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.event_groups import EventGroup, group_events
from mogplex_mcp.runs.outcome import Outcome, is_milestone, is_terminal, read_outcome
from mogplex_mcp.runs.watch import FINAL_ERRORS, RunWatch, Snapshot, is_final

HEARTBEAT_SECONDS: Final = 10.0
"""How often progress is reported while nothing changes."""

ASLEEP_AFTER_SECONDS: Final = 10.0
"""How late a heartbeat is if the machine was asleep before it, or this process stopped."""

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
        repo: The name of the run's repository; empty if unknown.
        asleep: Seconds that this process did nothing after the snapshot, as on a machine that was asleep; 0 for none.
    """

    snapshot: Snapshot
    outcome: Outcome
    reason: Reason
    groups: Sequence[EventGroup]
    more: int
    cursor: Cursor
    repo: str = ""
    asleep: float = 0.0


Listener = Callable[[Snapshot, Outcome], Awaitable[None]]

RepoOf = Callable[[Run], Awaitable[str]]
"""Returns the name of a run's repository, or "" if it is unknown."""


@dataclass(frozen=True)
class WaitOptions:
    """How to wait for one run or for several.

    Attributes:
        until: What ends the wait.
        deadline: When to stop waiting, on the clock of the event loop.
        refresh_deadline: When to give up on the first snapshot; later than `deadline` for a call that doesn't wait.
        shutdown: Ends the wait like a timeout, since the run continues.
        repo_of: Is called once for each run, since only pull requests of its own repository count.
        now: Seconds since the epoch at Mogplex, whose times are compared with it.
        once: Whether to return after one poll, or at once if none is due, instead of waiting.
    """

    until: Until
    deadline: float
    refresh_deadline: float
    shutdown: Shutdown
    repo_of: RepoOf
    now: Callable[[], float]
    once: bool = False


async def tail(
    watch: RunWatch,
    cursor: Cursor,
    options: WaitOptions,
    *,
    max_events: int,
    listener: Listener,
    wall_clock: Callable[[], float] = time.time,
) -> Tail:
    """Wait for news of a run, until the deadline at most.

    Args:
        watch: The watch of the run.
        cursor: The events that the caller has seen.
        options: How to wait.
        max_events: The most groups of events to return.
        listener: Reports progress: is called on each change and every 10 seconds.
        wall_clock: Seconds since the epoch on this machine.

    Raises:
        MogplexError: There is no snapshot of the run, or no further poll can succeed.
    """
    snapshot = await first_snapshot(watch, options, is_first_call=not cursor.digests)
    view = _View(cursor, options.until, max_events, await options.repo_of(snapshot.run), options.now)
    failure: MogplexError | None = None
    async with anyio.create_task_group() as tasks:
        progress = _Progress(listener, snapshot, view, wall_clock)
        tasks.start_soon(progress.heartbeat)
        try:
            with anyio.CancelScope(deadline=options.deadline), options.shutdown.within(AT_ONCE):
                while view.reason(snapshot) is None and not options.once:
                    snapshot = await watch.after(snapshot)
                    await progress.update(snapshot)
        except MogplexError as error:
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    note_unreadable(watch.unreadable)
    return replace(view.result(snapshot), asleep=progress.asleep())


async def first_snapshot(watch: RunWatch, options: WaitOptions, *, is_first_call: bool) -> Snapshot:
    """Return the state of the run: at once if there is no snapshot yet or no time to wait, else when a poll is due.

    Without a snapshot, a failed request is retried until the deadline. With one, it is returned with its `fault`, which
    says that it may be outdated.

    Args:
        watch: The watch of the run.
        options: How to wait.
        is_first_call: Whether the caller has no cursor, so that its token may never have worked.

    Raises:
        MogplexError: There is no snapshot, or no further request can succeed.
    """
    once, shutdown = options.once, options.shutdown
    waits = options.deadline > anyio.current_time() and not shutdown.has_begun
    if once and (standing := watch.standing_error) and (watch.latest is None or standing.code in FINAL_ERRORS):
        raise standing.with_traceback(None)
    if once and watch.latest is not None and watch.latest.settled:
        return watch.latest
    error = MogplexError(ErrorCode.TIMED_OUT, "Mogplex did not say how the run stands before the wait was over")
    with anyio.CancelScope(deadline=max(options.deadline, options.refresh_deadline)):
        while watch.latest is None or not waits:
            try:
                return await watch.refresh()
            except MogplexError as fault:
                error = fault
            pause = max(FIRST_REFRESH_RETRY_SECONDS, error.retry_after or 0.0)
            too_late = anyio.current_time() + pause >= options.deadline or shutdown.has_begun
            if watch.latest is not None or too_late or is_final(error, is_first_call=is_first_call):
                break
            with shutdown.within(AT_ONCE):
                await anyio.sleep(pause)
    if watch.latest is None or error.code in FINAL_ERRORS:
        raise error
    if waits and watch.is_due:
        # A poll instead of a refresh: calls in quick succession must not exceed the share of their run.
        with anyio.CancelScope(deadline=options.deadline), shutdown.within(AT_ONCE):
            return await watch.after(watch.latest)
    return watch.latest


@dataclass(frozen=True)
class _View:
    """What one caller makes of a snapshot.

    Attributes:
        cursor: The events that it has seen.
        until: What ends its wait.
        max_events: The most groups of events to return.
        repo: The name of the run's repository; empty if unknown.
        now: Seconds since the epoch at Mogplex.
    """

    cursor: Cursor
    until: Until
    max_events: int
    repo: str
    now: Callable[[], float]

    def outcome(self, snapshot: Snapshot) -> Outcome:
        """Return what the snapshot says about the result of the run."""
        now = datetime.fromtimestamp(self.now(), UTC)
        return read_outcome(snapshot.run, snapshot.events, repo=self.repo, now=now)

    def reason(self, snapshot: Snapshot) -> Reason | None:
        """Return why to stop waiting with this snapshot, or None to continue."""
        if is_terminal(snapshot.run):
            return Reason.ENDED if snapshot.settled else None
        unseen, outcome = self._unseen(snapshot), self.outcome(snapshot)
        # What exceeds one result is returned by the next call at once.
        exceeds_limit = len(group_events(unseen)) > self.max_events
        reason = None
        if outcome.never_queued:
            reason = Reason.NEVER_QUEUED
        elif any(is_milestone(event, self.repo) for event in unseen):
            reason = Reason.MILESTONE
        elif snapshot.is_stale(outcome):
            reason = Reason.STALE
        elif exceeds_limit or (unseen and self.until is Until.UPDATE):
            reason = Reason.UPDATE
        return reason

    def result(self, snapshot: Snapshot) -> Tail:
        """Return the snapshot as the result of the wait."""
        reason = self.reason(snapshot)
        if reason is None:
            reason = Reason.ENDED if is_terminal(snapshot.run) else Reason.TIME_UP
        groups = group_events(self._unseen(snapshot))
        returned = groups[: self.max_events]
        return Tail(
            snapshot=snapshot,
            outcome=self.outcome(snapshot),
            reason=reason,
            groups=returned,
            more=len(groups) - len(returned),
            cursor=self.cursor.with_events(event.id for group in returned for event in group.events),
            repo=self.repo,
        )

    def _unseen(self, snapshot: Snapshot) -> list[RunEvent]:
        return [event for event in snapshot.events if not self.cursor.has_seen(event.id)]


class _Progress:
    """Reports each change to the listener, and repeats the last state every 10 seconds."""

    def __init__(self, listener: Listener, snapshot: Snapshot, view: _View, wall_clock: Callable[[], float]) -> None:
        self._listener = listener
        self._snapshot = snapshot
        self._view = view
        self._wall_clock = wall_clock
        self._slept = 0.0
        self._awake_at = self._clocks()

    async def heartbeat(self) -> None:
        await self._report()
        while True:
            await anyio.sleep(HEARTBEAT_SECONDS)
            self._notice_sleep()
            await self._report()

    async def update(self, snapshot: Snapshot) -> None:
        changed = snapshot.differs_from(self._snapshot)
        if snapshot.fault is None:
            self._awake_at, self._slept = self._clocks(), 0.0
        self._snapshot = snapshot
        if changed:
            await self._report()

    def asleep(self) -> float:
        """Return how many seconds this process did nothing after the latest snapshot; 0 for none."""
        self._notice_sleep()
        return self._slept

    def _notice_sleep(self) -> None:
        # The clock of the event loop stands still while a machine sleeps, or goes on, depending on the system.
        before, self._awake_at = self._awake_at, self._clocks()
        longest = max(later - earlier for earlier, later in zip(before, self._awake_at, strict=True))
        if longest > HEARTBEAT_SECONDS + ASLEEP_AFTER_SECONDS:
            self._slept += longest

    def _clocks(self) -> tuple[float, float]:
        return anyio.current_time(), self._wall_clock()

    async def _report(self) -> None:
        await self._listener(self._snapshot, self._view.outcome(self._snapshot))
