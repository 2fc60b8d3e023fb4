"""Long polling of several runs: wait until the first has news, and tell the state of all.

Each run has its one poller (`watch`), which others may share, and takes its turn in the budget like any other.
"""

import enum
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import anyio

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.unreadable import note_unreadable
from mogplex_mcp.core.shutdown import AT_ONCE
from mogplex_mcp.runs.outcome import Outcome, Phase, is_milestone, is_terminal, read_outcome
from mogplex_mcp.runs.several_cursor import Reported, SeveralCursor
from mogplex_mcp.runs.tail import HEARTBEAT_SECONDS, Reason, Until, WaitOptions, first_snapshot
from mogplex_mcp.runs.watch import RunWatch, Snapshot, is_final

FIRST_LOOK_SECONDS: Final = 5.0
"""How long the answer with news of one run waits for the first look at the others."""


class Verdict(enum.IntEnum):
    """How a run has ended or was lost. The numbers are in cursors."""

    OPEN = 0
    DONE = 1
    FAILED = 2
    CANCELLED = 3
    NEVER_QUEUED = 4
    STALE = 5


_VERDICTS: Final = {Phase.DONE: Verdict.DONE, Phase.FAILED: Verdict.FAILED, Phase.CANCELLED: Verdict.CANCELLED}
_REASONS: Final = {Verdict.NEVER_QUEUED: Reason.NEVER_QUEUED, Verdict.STALE: Reason.STALE}


@dataclass(frozen=True)
class RunState:
    """How one of several runs stands.

    Attributes:
        run_id: The run.
        snapshot: The run and its readable events; None if it could not be read yet.
        outcome: What they say about the result; None with `snapshot`.
        repo: The name of its repository; empty if unknown.
        verdict: How it has ended or was lost.
        news: What is worth the caller's attention; None for nothing.
        new_events: How many events are new to the caller.
        error: Why it could not be read.
    """

    run_id: str
    snapshot: Snapshot | None = None
    outcome: Outcome | None = None
    repo: str = ""
    verdict: Verdict = Verdict.OPEN
    news: Reason | None = None
    new_events: int = 0
    error: MogplexError | None = None

    @property
    def is_open(self) -> bool:
        """Whether the run may still have news."""
        return self.verdict is Verdict.OPEN


@dataclass(frozen=True)
class SeveralTail:
    """The result of a wait for several runs.

    Attributes:
        states: How each stands, in the order of the call.
        cursor: The cursor that knows these states.
    """

    states: Sequence[RunState]
    cursor: SeveralCursor


class UnfollowableError(Exception):
    """Some of the runs can't be followed, however often they are asked for.

    Attributes:
        run_ids: Those runs.
        error: Why the first of them can't.
    """

    def __init__(self, run_ids: Sequence[str], error: MogplexError) -> None:
        super().__init__(error.message)
        self.run_ids = run_ids
        self.error = error


SeveralListener = Callable[[Sequence[RunState]], Awaitable[None]]


async def tail_several(
    watches: Mapping[str, RunWatch], cursor: SeveralCursor, options: WaitOptions, *, listener: SeveralListener
) -> SeveralTail:
    """Wait until the first of several runs has news, until the deadline at most.

    Args:
        watches: The watch of each run, by its id.
        cursor: What was reported to the caller.
        options: How to wait.
        listener: Reports progress: is called on each change and every 10 seconds.

    Raises:
        UnfollowableError: Some of the runs can't be followed.
        MogplexError: None of the runs could be read.
    """
    followers = [_Follower(run_id, watch, cursor.reported(run_id), options) for run_id, watch in watches.items()]
    waits = options.deadline > anyio.current_time()
    wait = _Wait(followers, options, listener, is_first_call=not cursor.runs)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait.heartbeat)
        for follower in followers:
            tasks.start_soon(wait.follow, follower)
        with anyio.CancelScope(deadline=options.deadline), options.shutdown.within(AT_ONCE):
            await wait.over.wait()
        latest = anyio.current_time() + FIRST_LOOK_SECONDS if waits else options.refresh_deadline
        with anyio.CancelScope(deadline=min(options.refresh_deadline, latest)):
            for follower in followers:
                await follower.is_looked_at.wait()
        tasks.cancel_scope.cancel()
    wait.check_readable()
    for follower in followers:
        note_unreadable(follower.watch.unreadable)
    states = wait.states()
    reported = {state.run_id: follower.reported(state) for state, follower in zip(states, followers, strict=True)}
    return SeveralTail(states, SeveralCursor.of(reported))


def count_phases(states: Sequence[RunState]) -> str:
    """Return how many of the runs are in which phase, such as "2 done, 1 working", in the order of the phases."""
    counts = Counter(state.outcome.phase for state in states if state.outcome)
    unknown = sum(state.outcome is None for state in states)
    shown = [f"{counts[phase]} {phase}" for phase in Phase if counts[phase]]
    return ", ".join([*shown, *([f"{unknown} not known"] if unknown else [])])


class _Wait:
    """One wait for all followers.

    Attributes:
        over: Set when there is news, when none can come, or when a run can't be followed.
    """

    def __init__(
        self,
        followers: Sequence["_Follower"],
        options: WaitOptions,
        listener: SeveralListener,
        *,
        is_first_call: bool,
    ) -> None:
        self._followers = followers
        self._options = options
        self._listener = listener
        self._is_first_call = is_first_call
        self.over = anyio.Event()

    def states(self) -> list[RunState]:
        return [follower.state() for follower in self._followers]

    async def heartbeat(self) -> None:
        while True:
            await anyio.sleep(HEARTBEAT_SECONDS)
            await self._listener(self.states())

    async def follow(self, one: "_Follower") -> None:
        """Follow one of the runs until it has news, or can't have any."""
        try:
            one.snapshot = await first_snapshot(one.watch, self._options, is_first_call=self._is_first_call)
            one.repo = await self._options.repo_of(one.snapshot.run)
            one.is_looked_at.set()
            await self._listener(self.states())
            while one.has_to_wait() and not self._options.once:
                before, one.snapshot = one.snapshot, await one.watch.after(one.snapshot)
                if one.snapshot.differs_from(before):
                    await self._listener(self.states())
        except MogplexError as error:
            one.error = error
        one.is_followed = False
        one.is_looked_at.set()
        ends = one.error is not None and self._is_final(one.error)
        if ends or one.state().news or not any(other.is_followed for other in self._followers):
            self.over.set()

    def check_readable(self) -> None:
        """Check that each run can be followed, and that one could be read at least.

        Raises:
            UnfollowableError: One can't.
            MogplexError: None could be read.
        """
        failed = [(one.run_id, one.error) for one in self._followers if one.error is not None]
        for _, error in failed:
            if self._is_final(error):
                raise UnfollowableError([run_id for run_id, other in failed if other.code is error.code], error)
        if all(one.snapshot is None for one in self._followers):
            late = MogplexError(ErrorCode.TIMED_OUT, "Mogplex did not say how the runs stand before the wait was over")
            raise failed[0][1] if failed else late

    def _is_final(self, error: MogplexError) -> bool:
        return is_final(error, is_first_call=self._is_first_call)


class _Follower:
    """Follows one of the runs for one caller."""

    def __init__(self, run_id: str, watch: RunWatch, reported: Reported, options: WaitOptions) -> None:
        self.run_id = run_id
        self.watch = watch
        self.snapshot: Snapshot | None = None
        self.repo = ""
        self.error: MogplexError | None = None
        self.is_followed = True
        self.is_looked_at = anyio.Event()
        self._reported = reported
        self._options = options

    def has_to_wait(self) -> bool:
        """Return whether there is no news, and there can be some."""
        state = self.state()
        return state.news is None and state.is_open

    def state(self) -> RunState:
        """Return how the run stands."""
        if self.snapshot is None:
            return RunState(self.run_id, error=self.error)
        snapshot = self.snapshot
        now = datetime.fromtimestamp(self._options.now(), UTC)
        outcome = read_outcome(snapshot.run, snapshot.events, repo=self.repo, now=now)
        verdict = _verdict(snapshot, outcome)
        return RunState(
            run_id=self.run_id,
            snapshot=snapshot,
            outcome=outcome,
            repo=self.repo,
            verdict=verdict,
            news=self._news(snapshot, verdict),
            new_events=max(0, len(snapshot.events) - self._reported.events),
            error=self.error or snapshot.fault,
        )

    def reported(self, state: RunState) -> Reported:
        """Return what the caller knows once it has this state."""
        if state.snapshot is None:
            return self._reported
        return Reported(state.verdict, len(state.snapshot.events), self._count_milestones(state.snapshot))

    def _news(self, snapshot: Snapshot, verdict: Verdict) -> Reason | None:
        if verdict is not Verdict.OPEN:
            return None if verdict == self._reported.verdict else _REASONS.get(verdict, Reason.ENDED)
        if is_terminal(snapshot.run):
            return None  # the last events may still come
        if self._count_milestones(snapshot) > self._reported.milestones:
            return Reason.MILESTONE
        is_update = self._options.until is Until.UPDATE and len(snapshot.events) > self._reported.events
        return Reason.UPDATE if is_update else None

    def _count_milestones(self, snapshot: Snapshot) -> int:
        return sum(is_milestone(event, self.repo) for event in snapshot.events)


def _verdict(snapshot: Snapshot, outcome: Outcome) -> Verdict:
    if is_terminal(snapshot.run):
        return _VERDICTS[outcome.phase] if snapshot.settled else Verdict.OPEN
    if outcome.never_queued:
        return Verdict.NEVER_QUEUED
    return Verdict.STALE if snapshot.is_stale(outcome) else Verdict.OPEN
