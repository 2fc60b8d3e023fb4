"""Rules that hold for every history of starts: any machine, journal, delay and failure."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import pairwise
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.server_clock import ServerClock
from mogplex_mcp.runs.idempotency import MOST_REQUESTS, Sent, key_day, start_once
from mogplex_mcp.storage.ledger import SAME_START_SECONDS, Entry, StartKind, StartState, decide, derive_key
from mogplex_mcp.storage.sqlite_ledger import SqliteLedger
from mogplex_mcp.storage.state_file import StateFile
from tests.virtual_time import VirtualTimeLoop, virtual_now


@dataclass
class FakeRun:
    id: str
    created_at: datetime
    status: str = "streaming"


@dataclass
class FakeMogplex:
    """What a key did, and what goes wrong with the next request: nothing, a refusal, or a lost response."""

    runs: dict[str, FakeRun] = field(default_factory=dict)
    fault: str = ""

    async def look(self, run_id: str) -> FakeRun | None:
        return next(run for run in self.runs.values() if run.id == run_id)

    async def send(self, entry: Entry) -> Sent[FakeRun]:
        if self.fault == "refused":
            raise MogplexError(ErrorCode.UNAUTHORIZED, "refused", status=401)
        replayed = entry.key in self.runs
        now = datetime.fromtimestamp(virtual_now(), UTC)
        run = self.runs.setdefault(entry.key, FakeRun(f"run {len(self.runs)}", now))
        if self.fault == "lost":
            raise MogplexError(ErrorCode.CONNECTION_LOST, "lost", may_have_happened=True)
        return Sent(run.id, run, replayed)


def on_virtual_time(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(work())


STEPS = st.lists(
    st.tuples(
        st.sampled_from((0, 1)),  # which machine
        st.sampled_from((0.0, 1.0, 599.0, 601.0, 5_000.0)),  # the pause before the call
        st.sampled_from(("", "", "", "refused", "lost", "journal")),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, kind=st.sampled_from(StartKind))
def test_a_start_never_makes_a_second_run_within_ten_minutes(
    steps: list[tuple[int, float, str]], kind: StartKind
) -> None:
    mogplex, clock = FakeMogplex(), ServerClock(virtual_now)

    async def work() -> None:
        ledgers = [SqliteLedger(StateFile(None), "person", now=virtual_now) for _ in range(2)]
        for machine, pause, fault in steps:
            await anyio.sleep(pause)
            clock.set(formatdate(virtual_now()))
            if fault == "journal":
                ledgers[machine] = SqliteLedger(StateFile(None), "person", now=virtual_now)
            mogplex.fault = fault
            wanted = Entry("", StartState.SENDING, kind, "same", day=key_day(clock))
            try:
                launched = await start_once(ledgers[machine], wanted, mogplex, chain="same", clock=clock)
            except MogplexError:
                continue
            newest = max(mogplex.runs.values(), key=lambda run: run.created_at)
            assert launched.run is not None
            assert virtual_now() - launched.run.created_at.timestamp() <= SAME_START_SECONDS + 1
            assert launched.run_id == newest.id

    on_virtual_time(work)
    times = sorted(run.created_at.timestamp() for run in mogplex.runs.values())
    assert all(later - earlier >= SAME_START_SECONDS - 1 for earlier, later in pairwise(times))
    assert len(mogplex.runs) <= MOST_REQUESTS


ENTRIES = st.builds(
    Entry,
    key=st.just("known"),
    state=st.sampled_from([state for state in StartState if state is not StartState.REFUSED]),
    fingerprint=st.just("same"),
    forced=st.booleans(),
    created_at=st.floats(0, 2_000),
    day=st.integers(0, 3),
    generation=st.integers(-1, 9),
    number=st.integers(0, 9),
)


@given(newest=ENTRIES, day=st.integers(0, 3), forced=st.booleans(), after=st.integers(-1, 9), now=st.floats(0, 2_000))
def test_decide_goes_on_with_the_newest_start_or_one_step_beyond_it(
    newest: Entry, day: int, after: int, now: float, *, forced: bool
) -> None:
    wanted = Entry("", StartState.SENDING, fingerprint="same", forced=forced, day=day)
    entry, earlier = decide(wanted, None, newest, chain="chain", after=after, now=now)
    if earlier:
        assert entry == newest
        assert newest.number > after
    else:
        assert (entry.number, entry.day) == (newest.number + 1, max(day, newest.day))
        assert entry.generation == (newest.generation + 1 if newest.day == entry.day else 0)
        assert entry.key == derive_key("chain", entry.day, entry.generation)


@given(
    first=st.tuples(st.text(), st.integers(0, 99_999), st.integers(0, 99)),
    other=st.tuples(st.text(), st.integers(0, 99_999), st.integers(0, 99)),
)
def test_keys_are_the_same_for_the_same_start_only(first: tuple[str, int, int], other: tuple[str, int, int]) -> None:
    key = derive_key(*first)
    assert key == derive_key(*first)
    assert (key == derive_key(*other)) is (first == other)
    assert len(key) == 36
