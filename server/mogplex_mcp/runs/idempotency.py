"""Start something exactly once: the same rules for runs and for triggers of automations.

Within ten minutes the same arguments are the same start, whether its run has ended or not. The idempotency key follows
from the request (`storage.ledger.derive_key`), so Mogplex itself recognises a repetition: from another process or
machine, after a crash at any point, or with a ledger that was lost. The ledger is a cache of that: it knows the newest
generation, and which run it made, which can be looked up without spending the quota of starts.

A run that turns out to be older than ten minutes belongs to another start, and the next generation is tried. Ages are
measured on Mogplex's own clock. What isn't known to be old is the same start: a second run would be worse than none.

A ledger that cannot be used is done without, except for a start that is forced: only the ledger tells a second one from
a repetition of the first.

Without a ledger two things cannot be known, since every request under an unused key starts a run: which of several
fresh generations is the newest (the oldest fresh one is found), and whether a start in the first ten minutes after the
change of days was made under the key of the day before (that change is at ten minutes past midnight, UTC).
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

import anyio

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.server_clock import ServerClock
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.ledger import SAME_START_SECONDS, Entry, Ledger, StartState
from mogplex_mcp.storage.sqlite_ledger import SqliteLedger
from mogplex_mcp.storage.state_file import StateFile

# Each request spends the quota of starts, which is 10 a minute.
MOST_REQUESTS: Final = 8
_DAY_SECONDS: Final = 86_400
# What `Date` and the time at which a run is dated may differ by.
_CLOCK_SECONDS: Final = 2.0


class _RunLike(Protocol):
    """What a run and a run of an automation have in common."""

    @property
    def status(self) -> str: ...

    @property
    def created_at(self) -> datetime | None: ...


RunT = TypeVar("RunT", bound=_RunLike)
_ResponseT = TypeVar("_ResponseT")


class GenerationsError(MogplexError):
    """The request was started so often today that its newest start could not be found within the quota of starts."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.CONFLICT,
            f"Mogplex knows {MOST_REQUESTS} earlier starts with these arguments, and this journal didn't know them",
        )


@dataclass(frozen=True)
class Sent(Generic[RunT]):
    """The response to a request that starts something.

    Attributes:
        run_id: The run; empty if Mogplex started nothing.
        run: Its state; None if it is not known.
        replayed: Whether an earlier request had started it.
        repeated: Whether this request was sent more than once, so that the earlier one may be its own.
        is_gone: Whether Mogplex doesn't have the run any more.
    """

    run_id: str
    run: RunT | None
    replayed: bool
    repeated: bool = False
    is_gone: bool = False


class Launch(Protocol[RunT]):
    """What differs between runs and triggers."""

    async def look(self, run_id: str) -> RunT | None:
        """Return a run; None or `NOT_FOUND` where Mogplex doesn't have it any more."""

    async def send(self, entry: Entry) -> Sent[RunT]:
        """Send the request under the key of the entry."""


@dataclass(frozen=True)
class Launched(Generic[RunT]):
    """What a start came to.

    Attributes:
        run_id: The run; empty if nothing was started.
        run: Its state; None if it is not known.
        replayed: Whether an earlier call had started it.
        noted: Whether the ledger knows it.
    """

    run_id: str
    run: RunT | None
    replayed: bool
    noted: bool = True


def chain_of(*parts: str) -> str:
    """Return the chain of a request: what its keys are derived from."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def key_day(clock: ServerClock) -> int:
    """Return the day of new keys. It changes ten minutes after midnight, so that a start before midnight stays one."""
    return int((clock.now() - SAME_START_SECONDS) // _DAY_SECONDS)


async def start_once(
    ledger: Ledger,
    wanted: Entry,
    launch: Launch[RunT],
    *,
    chain: str,
    clock: ServerClock,
    known_runs: Collection[str] | None = None,
) -> Launched[RunT]:
    """Start something, or find what the same start made.

    Args:
        ledger: The starts of the caller.
        wanted: The start.
        launch: How it is sent and looked up.
        chain: What its keys are derived from; empty if the caller chose the key, which then is the same start at any
            time.
        clock: The time at Mogplex.
        known_runs: As in `Ledger.begin`.

    Raises:
        BranchInUseError: Another start may work on its branch; nothing was started.
        GenerationsError: Its newest generation could not be found; nothing was started.
        MogplexError: Nothing was started, or (`may_have_happened`) it is not known whether.
        StateError: The ledger cannot be used, and the start is forced.
    """
    start, requests = _Start(ledger, wanted, launch, chain, clock, known_runs), 0
    launched = None
    while launched is None:
        entry, earlier = await start.begin()
        if earlier and entry.run_id and entry.state is not StartState.GONE:
            launched = await start.look(entry)
        elif requests == MOST_REQUESTS:
            await _noted(start.ledger.refuse(entry))
            raise GenerationsError
        else:
            requests += 1
            launched = await start.send(entry, earlier=earlier)
    return launched


@dataclass
class _Start(Generic[RunT]):
    """A start on its way to the newest generation.

    Attributes:
        ledger: As in `start_once`, like the following ones.
        wanted: The same.
        launch: The same.
        chain: The same.
        clock: The same.
        known_runs: The same.
        after: The number of the newest entry that is known to be another start.
        is_noted: Whether the ledger is the caller's, and not one for this start alone.
        began: When the call began, on the clock of the event loop.
    """

    ledger: Ledger
    wanted: Entry
    launch: Launch[RunT]
    chain: str
    clock: ServerClock
    known_runs: Collection[str] | None
    after: int = -1
    is_noted: bool = True
    began: float = field(default_factory=anyio.current_time)

    async def begin(self) -> tuple[Entry, bool]:
        """See `Ledger.begin`."""
        try:
            entry, earlier = await self.ledger.begin(
                self.wanted, chain=self.chain, after=self.after, known_runs=self.known_runs
            )
        except StateError:
            if self.wanted.forced or not self.is_noted:
                raise
            self.ledger, self.after, self.is_noted = SqliteLedger(StateFile(None), ""), -1, False
            return await self.begin()
        if entry.fingerprint != self.wanted.fingerprint:
            raise MogplexError(
                ErrorCode.IDEMPOTENCY_CONFLICT,
                "this idempotency key was used for a run with other arguments; use another key, or the same arguments",
            )
        return entry, earlier

    async def look(self, entry: Entry) -> Launched[RunT] | None:
        """Return the run of an earlier start; None if it belongs to another start."""
        run = await _found(self.launch.look(entry.run_id))
        if run is None:
            # Its key decides: where Mogplex only failed to find the run, the key gives it back.
            return await self.send(entry, earlier=True)
        age = _age(run, self.clock)
        if age is None and not self.clock.is_set:
            # Mogplex says no time; the ledger has one clock for both of its times.
            age = self.clock.now() - entry.created_at
        if self.chain and _is_old(age):
            self.after = entry.number
            return None
        is_noted = await _noted(self.ledger.settle(entry, run_id=entry.run_id, status=run.status))
        return Launched(entry.run_id, run, replayed=True, noted=is_noted and self.is_noted)

    async def send(self, entry: Entry, *, earlier: bool) -> Launched[RunT] | None:
        """Send the request; return what came of it, or None if its key belongs to another start."""
        try:
            sent = await self.launch.send(entry)
        except MogplexError as error:
            if error.code is ErrorCode.IDEMPOTENCY_CONFLICT and self.chain and self.wanted.forced:
                # Another start has this key, whatever it was: the next one is wanted.
                await self._pass(entry, state=StartState.GONE)
                return None
            await _note_failure(self.ledger, entry, error, earlier=earlier, derived=bool(self.chain))
            raise
        if not sent.run_id:
            await _noted(self.ledger.refuse(entry))
            return Launched("", None, replayed=False)
        if self.chain and sent.is_gone:
            await self._pass(entry, run_id=sent.run_id, state=StartState.GONE)
            return None
        age, status = _age(sent.run, self.clock), sent.run.status if sent.run else ""
        is_earlier = sent.replayed and not self._is_own(sent, age, earlier=earlier)
        # Without a time it may be this call's own run, whose response was lost on the way.
        is_another = self.wanted.forced and not earlier and age is not None
        if self.chain and is_earlier and (_is_old(age) or is_another):
            created_at = None if age is None else self.clock.now() - age
            await self._pass(entry, run_id=sent.run_id, status=status, created_at=created_at)
            return None
        # An earlier entry whose key gives a new run is that of a run that is gone.
        created_at = self.clock.now() if earlier and not sent.replayed and entry.run_id else None
        is_noted = await _noted(self.ledger.settle(entry, run_id=sent.run_id, status=status, created_at=created_at))
        return Launched(sent.run_id, sent.run, replayed=is_earlier, noted=is_noted and self.is_noted)

    async def _pass(
        self,
        entry: Entry,
        *,
        run_id: str = "",
        status: str = "",
        state: StartState = StartState.STARTED,
        created_at: float | None = None,
    ) -> None:
        """Record that an entry belongs to another start, and go on behind it."""
        await _noted(self.ledger.settle(entry, run_id=run_id, status=status, state=state, created_at=created_at))
        self.after = entry.number

    def _is_own(self, sent: Sent[RunT], age: float | None, *, earlier: bool) -> bool:
        """Return whether this call itself started the run that was replayed, in an attempt whose response was lost."""
        if age is None:
            return sent.repeated
        seconds = anyio.current_time() - self.began
        return age <= seconds + _CLOCK_SECONDS and (sent.repeated or not earlier)


async def until_clear(
    post: Callable[[], Awaitable[_ResponseT]], is_unclear: Callable[[MogplexError], bool]
) -> tuple[_ResponseT, bool]:
    """Send a request, and once more where a failure leaves open what it did: only its key can tell.

    Args:
        post: Sends the request, under the same key each time.
        is_unclear: Returns whether a second request is worth its while after a failure that may have started something.

    Returns:
        The response, and whether the request was sent twice.

    Raises:
        MogplexError: As `Launch.send`.
    """
    try:
        return await post(), False
    except MogplexError as error:
        if not error.may_have_happened or not is_unclear(error):
            raise
    try:
        return await post(), True
    except MogplexError as error:
        # Whatever became of the second request, the first one may have started it.
        error.may_have_happened = True
        raise


async def _noted(write: Awaitable[None]) -> bool:
    """Record what came of a start; whether that worked. Its key follows from the request, so nothing is lost."""
    try:
        await write
    except StateError:
        return False
    return True


async def _note_failure(ledger: Ledger, entry: Entry, error: MogplexError, *, earlier: bool, derived: bool) -> None:
    """Record that a request failed, and mark the error if the start may have happened all the same.

    That one request was refused says nothing of others that were sent under the same key.
    """
    if error.code is ErrorCode.IDEMPOTENCY_CONFLICT and (earlier or derived):
        raise MogplexError(
            ErrorCode.CONFLICT,
            "an earlier try of this start made a run, but Mogplex reads the same request in another way now"
            " and does not tell its id; look for it on the Mogplex web page before you force another start",
        ) from error
    if earlier or error.may_have_happened:
        error.may_have_happened = True
    else:
        await _noted(ledger.refuse(entry))


async def _found(run: Awaitable[RunT | None]) -> RunT | None:
    try:
        return await run
    except MogplexError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise
        return None


def _age(run: _RunLike | None, clock: ServerClock) -> float | None:
    """Return the age of a run in seconds, on Mogplex's own clock; None if that is not known."""
    if run is None or run.created_at is None or not clock.is_set:
        return None
    return clock.now() - run.created_at.timestamp()


def _is_old(age: float | None) -> bool:
    return age is not None and age >= SAME_START_SECONDS
