"""One poller per run, whoever listens.

There is no background task: of all who wait for news of a run, one holds the lock and asks Mogplex when it is due; the
others wait for the lock and take what that one got. When it goes away, the next one goes on in its place. What a user
asks for now does not wait for the poller, and what it brings is news for all.
"""

import random
import time
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import anyio

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import Run, RunEvent, RunEvents
from mogplex_mcp.runs.kept import characters, kept_event, kept_run
from mogplex_mcp.runs.outcome import is_terminal
from mogplex_mcp.runs.turns import Turns

EVENT_WINDOW: Final = 200
"""Events that can be read of one run: the oldest ones (mogplex-api.md, section 2, "Watching a run")."""

FRESH_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 1.0
JITTER: Final = 0.08
# A run that ended this long ago has written its last event.
LATE_EVENT_SECONDS: Final = 30.0

KEPT_WATCHES: Final = 1_000
KEPT_CHARACTERS: Final = 16 * 1024 * 1024
# Seconds between two looks, by the age of the run. Frequent while a human is likely to be watching and failures are
# likely; from then on rare enough that a ten-minute run costs less than eighty requests, and frequent enough that half
# of all news is known within five seconds.
_SCHEDULE: Final = ((6.0, 2.0), (60.0, 5.5))
_LONGEST_INTERVAL: Final = 8.6

# What says that there is nothing to wait for. A 401 is not among them: while Mogplex's database is away, every token
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


@dataclass(frozen=True)
class Snapshot:
    """What Mogplex said of a run at one time.

    Attributes:
        run: The run.
        events: Its oldest events, at most 200, in the order in which Mogplex gives them.
        at: When it was read, as seconds since the epoch.
        number: Counts the answers of this watch.
        settled: Whether no more is to come: the status is terminal and the last events had time to appear.
        fault: Why the last look after this one failed, or None.
    """

    run: Run
    events: tuple[RunEvent, ...]
    at: float
    number: int
    settled: bool
    fault: MogplexError | None = None

    @property
    def saturated(self) -> bool:
        """Whether the window is full, so that later events cannot be read."""
        return len(self.events) >= EVENT_WINDOW


OnAnswer = Callable[[str, Snapshot], Awaitable[None]]
"""Called with the id of a run and each new answer about it; the next look waits until it returns."""


class RunWatch:
    """What is known of one run, shared by all who look at it."""

    def __init__(
        self,
        mogplex: Mogplex,
        run_id: str,
        *,
        reserve: Callable[[float], Awaitable[None]],
        now: Callable[[], float],
        jitter: Callable[[], float],
        on_answer: OnAnswer | None = None,
    ) -> None:
        self._mogplex = mogplex
        self._run_id = run_id
        self._reserve = reserve
        self._now = now
        self._jitter = jitter
        self._on_answer = on_answer
        self._looking = anyio.Lock()
        self._polling = anyio.Lock()
        self._news = anyio.Event()
        self._answers = 0
        self._known: Snapshot | None = None
        self._characters = 0
        self._error: MogplexError | None = None
        # On the clock of the event loop, which nobody sets back.
        self._answered = self._due = -FRESH_SECONDS

    @property
    def known(self) -> Snapshot | None:
        """The last answer, if there was one."""
        return self._known

    @property
    def characters(self) -> int:
        """About how many characters are kept of the last answer."""
        return self._characters

    @property
    def is_due(self) -> bool:
        """Whether what is known is so old that Mogplex should be asked again."""
        return anyio.current_time() >= self._due

    async def look(self) -> Snapshot:
        """What Mogplex says now; looks at the same moment share one request.

        Raises:
            MogplexError: It could not be read.
        """
        answers = self._answers
        async with self._looking:
            fresh = self._error is None and anyio.current_time() - self._answered <= FRESH_SECONDS
            # Whoever waited for another one's look takes what came of that, also if it failed.
            if self._answers == answers and not (self._known is not None and fresh):
                await self._ask(watching=False)
            return self._result()

    async def after(self, seen: Snapshot) -> Snapshot:
        """The next answer after `seen`, as soon as one is due.

        A poll that fails gives `seen` again with its `fault`; the next one is tried when it is due.

        Raises:
            MogplexError: There is nothing to wait for any more, such as a run that is gone.
        """
        async with self._polling:
            while (known := self._known or seen).number <= seen.number:
                with anyio.CancelScope(deadline=self._due):
                    await self._news.wait()
                    continue
                await self._reserve(self._answered)
                # While this one waited for its share, somebody may have looked.
                if self.is_due:
                    await self._ask(watching=True)
            if self._error is not None and self._error.code in FINAL_ERRORS:
                raise self._error
            return known

    def _result(self) -> Snapshot:
        if self._known is None or self._error is not None:
            raise self._error or MogplexError(ErrorCode.TIMED_OUT, "Mogplex was not asked in time")
        return self._known

    async def _ask(self, *, watching: bool) -> None:
        """Ask Mogplex, and tell everybody who waits for news."""
        try:
            answer = await self._mogplex.get_run_events(self._run_id, limit=EVENT_WINDOW, watching=watching)
        except MogplexError as error:
            self._note_fault(error)
        else:
            self._note_answer(answer)
        self._answers += 1
        self._answered = anyio.current_time()
        self._news.set()
        self._news = anyio.Event()
        if self._on_answer is not None and self._known is not None and self._error is None:
            await self._on_answer(self._run_id, self._known)

    def _note_answer(self, answer: RunEvents) -> None:
        before, run, now = self._known, kept_run(answer.run), self._now()
        events = tuple(map(kept_event, answer.events[:EVENT_WINDOW]))
        self._characters = sum(map(characters, events))
        ended_before = before is not None and before.fault is None and is_terminal(before.run)
        ended_long_ago = run.updated_at is not None and now - run.updated_at.timestamp() > LATE_EVENT_SECONDS
        self._known = Snapshot(
            run,
            events,
            at=now,
            number=before.number + 1 if before else 1,
            settled=is_terminal(run) and (ended_before or ended_long_ago),
        )
        self._error = None
        self._due = anyio.current_time() + (DRAIN_SECONDS if is_terminal(run) else self._interval(run))

    def _note_fault(self, error: MogplexError) -> None:
        self._error = error
        if self._known is not None:
            self._known = replace(self._known, number=self._known.number + 1, settled=False, fault=error)
            self._due = anyio.current_time() + max(error.retry_after or 0.0, self._interval(self._known.run))

    def _interval(self, run: Run) -> float:
        age = (datetime.fromtimestamp(self._now(), UTC) - run.created_at).total_seconds() if run.created_at else 0.0
        seconds = next((interval for until, interval in _SCHEDULE if age < until), _LONGEST_INTERVAL)
        return seconds * (1 + JITTER * (2 * self._jitter() - 1))


class KeptWatches:
    """Watches that stay although nobody listens, since the next call of the same client comes within seconds.

    Those that were used last, of all tenants: no more than `KEPT_WATCHES`, with `KEPT_CHARACTERS` at most.
    """

    def __init__(self) -> None:
        self._watches: OrderedDict[int, RunWatch] = OrderedDict()

    def keep(self, watch: RunWatch) -> None:
        """Keep a watch, which was used just now."""
        self._watches[id(watch)] = watch
        self._watches.move_to_end(id(watch))
        total = sum(one.characters for one in self._watches.values())
        while len(self._watches) > KEPT_WATCHES or total > KEPT_CHARACTERS:
            _, oldest = self._watches.popitem(last=False)
            total -= oldest.characters


class Watches:
    """The runs that are being watched with one token.

    Args:
        mogplex: Where to ask.
        reserve: Waits until a poll may be sent, and counts it; None where nothing is counted.
        now: Seconds since the epoch.
        jitter: A number from 0 to 1, for the time between polls.
        kept: What keeps watches from one call to the next.

    Attributes:
        on_answer: Told of each new answer; may be set at any time.
    """

    on_answer: OnAnswer | None = None

    def __init__(
        self,
        mogplex: Mogplex,
        *,
        reserve: Callable[[], Awaitable[None]] | None = None,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        kept: KeptWatches | None = None,
    ) -> None:
        self._mogplex = mogplex
        self._reserve_any = reserve
        self._now = now
        self._jitter = jitter
        self._turns = Turns()
        self._watches: weakref.WeakValueDictionary[str, RunWatch] = weakref.WeakValueDictionary()
        self._kept = kept or KeptWatches()

    def of(self, run_id: str) -> RunWatch:
        """The watch of a run, shared with everybody who holds it and kept for the next call."""
        watch = self._watches.get(run_id)
        if watch is None:
            watch = self._watches[run_id] = RunWatch(
                self._mogplex,
                run_id,
                reserve=self._reserve,
                now=self._now,
                jitter=self._jitter,
                on_answer=self._tell,
            )
        self._kept.keep(watch)
        return watch

    async def _reserve(self, answered_at: float) -> None:
        """Wait for the next poll that may be sent, which belongs to who has gone longest without an answer."""
        if self._reserve_any is not None:
            async with self._turns.turn(answered_at):
                await self._reserve_any()

    async def _tell(self, run_id: str, snapshot: Snapshot) -> None:
        # It has changed its size.
        self.of(run_id)
        if self.on_answer is not None:
            await self.on_answer(run_id, snapshot)
