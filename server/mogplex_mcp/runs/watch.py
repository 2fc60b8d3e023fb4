"""One poller per run, shared by all who wait for it.

There is no background task. Of all callers that wait for a run, one holds the poll lock and polls Mogplex at the
interval of `polling`; the others wait for the lock and share the snapshot. When that caller leaves, the next one takes
over. A refresh on behalf of a user does not wait for the poller, and its snapshot reaches all waiting callers. Among
replicas that share a database, one polls in the same way, and the others read what it saw (`shared_look`).
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import anyio

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import Run, RunEvent, RunEvents
from mogplex_mcp.api.unreadable import collect_unreadable, note_unreadable
from mogplex_mcp.core.metrics import NO_METRICS, Recorder
from mogplex_mcp.runs.outcome import Outcome, is_stale, is_terminal
from mogplex_mcp.runs.polling import pause_after, poll_interval
from mogplex_mcp.runs.shared_look import Seen, SharedLook
from mogplex_mcp.runs.truncation import count_characters, truncate_event, truncate_run
from mogplex_mcp.storage.looks import SharedLooks

EVENT_WINDOW: Final = 200
"""Events that can be read of one run: the oldest ones (mogplex-api.md, section 2, "Watching a run")."""

FRESH_SECONDS: Final = 1.0
"""How long a snapshot is returned again without a request."""

DRAIN_SECONDS: Final = 1.0
"""How long after a terminal status the events are read once more: the last ones are written after the status."""

LATE_EVENT_SECONDS: Final = 30.0
"""How long after the end of a run events may still be written."""

AGAIN_AFTER_ERROR_SECONDS: Final = 10.0
"""How long a program that asks again and again gets the same error without another request."""

# Errors that no further poll can mend. A 401 is not among them: while Mogplex's database is unavailable, every token
# gets one, and that passes by itself.
FINAL_ERRORS: Final = frozenset(
    {
        ErrorCode.NO_TOKEN,
        ErrorCode.MALFORMED_TOKEN,
        ErrorCode.INVALID_ARGUMENT,
        ErrorCode.FORBIDDEN,
        ErrorCode.NOT_FOUND,
        ErrorCode.NOT_SUPPORTED,
        ErrorCode.TLS_FAILED,
    }
)


def is_final(error: MogplexError, *, is_first_call: bool) -> bool:
    """Return whether no further poll can succeed after an error.

    Args:
        error: The error.
        is_first_call: Whether the caller has no cursor, so that its token may never have worked.
    """
    # A token that never worked is a wrong one; for a token that has worked, see FINAL_ERRORS.
    return error.code in FINAL_ERRORS or (error.code is ErrorCode.UNAUTHORIZED and is_first_call)


@dataclass(frozen=True)
class Snapshot:
    """The state of a run at one time.

    Attributes:
        run: The run.
        events: Its oldest events, at most 200, in the order in which Mogplex returns them.
        at: When it was read, in seconds since the epoch.
        number: Sequence number of the snapshot within its watch.
        settled: Whether the run is over: the status is terminal and the last events had time to be written.
        fault: Why the poll after this snapshot failed, or None.
    """

    run: Run
    events: tuple[RunEvent, ...]
    at: float
    number: int
    settled: bool
    fault: MogplexError | None = None

    @property
    def saturated(self) -> bool:
        """Whether the event window is full, so that later events can't be read."""
        return len(self.events) >= EVENT_WINDOW

    def is_stale(self, outcome: Outcome) -> bool:
        """Return whether the run counts as stale, given what the snapshot says about its result."""
        # With a full window no newer event can be read, so silence doesn't mean that the run is stale.
        return not self.saturated and is_stale(self.run, outcome)

    def differs_from(self, other: "Snapshot") -> bool:
        """Return whether the run has another status than in another snapshot, or another number of events."""
        return (self.run.status, len(self.events)) != (other.run.status, len(other.events))


OnAnswer = Callable[[str, Snapshot], Awaitable[None]]
"""A callback for each new snapshot, with the id of the run. The next poll waits until it returns."""


class RunWatch:
    """The poller and the latest snapshot of one run, shared by all callers.

    Attributes:
        unreadable: The number of events in the last response that could not be read, see `api.unreadable`.
    """

    def __init__(
        self,
        mogplex: Mogplex,
        run_id: str,
        *,
        reserve: Callable[[float], Awaitable[None]],
        now: Callable[[], float],
        jitter: Callable[[], float],
        on_answer: OnAnswer | None = None,
        looks: SharedLooks | None = None,
        recorder: Recorder = NO_METRICS,
    ) -> None:
        self._mogplex = mogplex
        self._run_id = run_id
        self._recorder = recorder
        self._shared = SharedLook(looks, run_id)
        self._reserve = reserve
        self._now = now
        self._jitter = jitter
        self._on_answer = on_answer
        self._refresh_lock = anyio.Lock()
        self._poll_lock = anyio.Lock()
        self._requested = anyio.Event()
        self._requests = 0
        self._latest: Snapshot | None = None
        self._characters = 0
        self._error: MogplexError | None = None
        self.unreadable: Mapping[str, int] = {}
        # Seconds between the last request and the next one.
        self._pause = FRESH_SECONDS
        # On the monotonic clock of the event loop.
        self._last_request_at = self._next_poll_at = -FRESH_SECONDS
        # A poll that no caller waits for, as long as it can still give way.
        self._unawaited = anyio.CancelScope()

    @property
    def latest(self) -> Snapshot | None:
        """The latest snapshot, if there is one."""
        return self._latest

    @property
    def characters(self) -> int:
        """The approximate size of the latest snapshot, in characters."""
        return self._characters

    @property
    def is_due(self) -> bool:
        """Whether the next poll is due."""
        return anyio.current_time() >= self._next_poll_at

    @property
    def seconds_until_due(self) -> float:
        """Seconds until the next poll is due, 0 if it is."""
        return max(0.0, self._next_poll_at - anyio.current_time())

    @property
    def standing_error(self) -> MogplexError | None:
        """The error of the last request, as long as it is too early for another one without a caller's wish."""
        error = self._error
        if error is None or self.idle_seconds > pause_after(error, AGAIN_AFTER_ERROR_SECONDS):
            return None
        return error

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last request, whatever came of it."""
        return anyio.current_time() - self._last_request_at

    @property
    def is_over(self) -> bool:
        """Whether another poll would show nothing new: the run is over, or no poll can succeed."""
        if self._error is not None:
            return self._error.code in FINAL_ERRORS
        return self._latest is not None and self._latest.settled

    async def poll_unawaited(self) -> None:
        """Poll at the lowest priority if that is due: after all polls that a caller waits for, or not at all.

        The outcome is in `latest`; `idle_seconds` begins anew.
        """
        if self._poll_lock.locked():
            return
        async with self._poll_lock:
            with anyio.CancelScope() as self._unawaited:
                if not self.is_due or not await self._is_mine_to_poll():
                    return
                await self._reserve(math.inf)
            if not self._unawaited.cancelled_caught and self.is_due:
                self._unawaited = anyio.CancelScope()
                await self._request(watching=True)

    async def refresh(self) -> Snapshot:
        """Return a snapshot that is at most a second old; concurrent calls share one request.

        Raises:
            MogplexError: The request failed.
        """
        requests = self._requests
        async with self._refresh_lock:
            is_fresh = self._error is None and anyio.current_time() - self._last_request_at <= FRESH_SECONDS
            # A call that waited for the request of another takes its outcome, even if that is an error.
            if self._requests == requests and not (self._latest is not None and is_fresh):
                seen = await self._shared.fresh(FRESH_SECONDS)
                await (self._request(watching=False) if seen is None else self._take(seen))
            return self._result()

    async def after(self, seen: Snapshot) -> Snapshot:
        """Wait for the snapshot after `seen`, and poll for it when that is due.

        After a failed poll this is `seen` again with its `fault`; the next call polls again when that is due.

        Raises:
            MogplexError: No further poll can succeed, such as for a run that was deleted.
        """
        with self._recorder.waiting(self):
            return await self._after(seen)

    async def _after(self, seen: Snapshot) -> Snapshot:
        self._unawaited.cancel()
        async with self._poll_lock:
            while (latest := self._latest or seen).number <= seen.number:
                with anyio.CancelScope(deadline=self._next_poll_at):
                    await self._requested.wait()
                    continue
                if not await self._is_mine_to_poll():
                    continue
                await self._reserve(self._last_request_at)
                # A refresh may have come in while this poll waited for the rate limit.
                if self.is_due:
                    await self._request(watching=True)
            if self._error is not None and self._error.code in FINAL_ERRORS:
                raise self._error
            return latest

    def _result(self) -> Snapshot:
        if self._latest is None or self._error is not None:
            raise self._error or MogplexError(ErrorCode.TIMED_OUT, "Mogplex was not asked in time")
        note_unreadable(self.unreadable)
        return self._latest

    async def _is_mine_to_poll(self) -> bool:
        """Return whether no other replica polls this run; take what it saw, or wait a moment, if one does."""
        claim = await self._shared.claim(self._pause)
        if isinstance(claim, Seen):
            await self._take(claim)
            return False
        self._next_poll_at = anyio.current_time() + claim
        return claim == 0

    async def _take(self, seen: Seen) -> None:
        """Take what another replica saw."""
        await self._finish(seen.response, seen.age_seconds)

    async def _request(self, *, watching: bool) -> None:
        """Read the run and its events, and wake all callers that wait for a snapshot."""
        try:
            # Counted here, since the snapshot is for more callers than the one that polls.
            with collect_unreadable() as self.unreadable:
                response = await self._mogplex.get_run_events(self._run_id, limit=EVENT_WINDOW, watching=watching)
        except MogplexError as error:
            await self._finish(error, 0.0)
            return
        events = list(map(truncate_event, response.events[:EVENT_WINDOW]))
        response = RunEvents(run=truncate_run(response.run), events=events)
        await self._shared.publish(response)
        await self._finish(response, 0.0)

    async def _finish(self, response: RunEvents | MogplexError, age: float) -> None:
        if isinstance(response, MogplexError):
            self._store_error(response)
        else:
            self._store(response, age)
        self._requests += 1
        self._last_request_at = anyio.current_time() - age
        self._requested.set()
        self._requested = anyio.Event()
        if self._on_answer is not None and self._latest is not None and self._error is None:
            await self._on_answer(self._run_id, self._latest)

    def _store(self, response: RunEvents, age: float) -> None:
        previous, run, events, now = self._latest, response.run, tuple(response.events), self._now() - age
        self._characters = sum(map(count_characters, events))
        ended_before = previous is not None and previous.fault is None and is_terminal(previous.run)
        ended_long_ago = run.updated_at is not None and now - run.updated_at.timestamp() > LATE_EVENT_SECONDS
        self._latest = Snapshot(
            run,
            events,
            at=now,
            number=previous.number + 1 if previous else 1,
            settled=is_terminal(run) and (ended_before or ended_long_ago),
        )
        self._error = None
        self._pause = DRAIN_SECONDS if is_terminal(run) else self._interval(run)
        self._next_poll_at = anyio.current_time() - age + self._pause

    def _store_error(self, error: MogplexError) -> None:
        self._error = error
        if self._latest is not None:
            self._latest = replace(self._latest, number=self._latest.number + 1, settled=False, fault=error)
            self._next_poll_at = anyio.current_time() + pause_after(error, self._interval(self._latest.run))

    def _interval(self, run: Run) -> float:
        age = (datetime.fromtimestamp(self._now(), UTC) - run.created_at).total_seconds() if run.created_at else 0.0
        return poll_interval(age, self._jitter())
