"""The client-side rate limit: never above the limit of Mogplex, and users before polling."""

import sqlite3
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.budget import (
    RESERVED_FOR_USERS,
    UNITS_PER_MINUTE,
    WATCHING_UNITS_PER_MINUTE,
    WINDOW_SECONDS,
    SharedBudget,
    Spent,
    seconds_until_allowed,
)
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.storage.request_counts import SqliteRequestCounts
from mogplex_mcp.storage.state_file import StateFile
from tests.virtual_time import EPOCH, virtual_now

pytestmark = pytest.mark.anyio

TOKEN = "mog_000000000000000000000000000000ab"


@pytest.fixture
def anyio_backend(virtual_time: object) -> object:
    return virtual_time


class Clock:
    def __init__(self) -> None:
        self.time = EPOCH

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def most_in_a_window(spent: list[Spent], seconds: float) -> int:
    return max(
        (sum(other.units for other in spent if one.at - seconds < other.at <= one.at) for one in spent), default=0
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0, 30), st.sampled_from([1, 2]), st.booleans()), min_size=1, max_size=250
    )
)
async def test_budget_allows_at_most_60_requests_in_any_minute(asked: list[tuple[int, float, int, bool]]) -> None:
    clock, state, spent = Clock(), StateFile(None), []
    budgets = [SharedBudget(SqliteRequestCounts(state, TOKEN), now=clock, sleep=clock.sleep) for _ in range(3)]
    for which, later, units, watching in asked:
        clock.time += later if later > 15 else 0
        if await budgets[which]._take(units, watching=watching) == 0:
            spent.append(Spent(clock.time, units, watching))
    state.close()
    assert most_in_a_window(spent, 60) <= UNITS_PER_MINUTE
    assert most_in_a_window([one for one in spent if one.watching], 60) <= WATCHING_UNITS_PER_MINUTE


@given(
    st.lists(st.builds(Spent, st.floats(0, 61), st.sampled_from([1, 2]), st.booleans()), max_size=80),
    st.sampled_from([1, 2]),
    st.booleans(),
)
def test_seconds_until_allowed_is_exact(spent: list[Spent], units: int, watching: bool) -> None:
    wait = seconds_until_allowed(spent, units, watching=watching, now=61)
    left = [one for one in spent if one.at > 61 + wait - WINDOW_SECONDS + 1e-6]
    assert seconds_until_allowed(left, units, watching=watching, now=61 + wait) == 0
    if wait > 0.01 and not watching:
        still = [one for one in spent if one.at > 61 + wait - 0.01 - WINDOW_SECONDS]
        assert seconds_until_allowed(still, units, watching=watching, now=61 + wait - 0.01) > 0


async def test_budget_gives_polling_half_of_rate_limit() -> None:
    budget = SharedBudget(SqliteRequestCounts(StateFile(None), TOKEN), now=virtual_now)
    with anyio.move_on_after(50):
        while True:
            await budget.spend(1, watching=True)
    assert (await budget.usage()).units == WATCHING_UNITS_PER_MINUTE
    for _ in range(UNITS_PER_MINUTE - WATCHING_UNITS_PER_MINUTE):
        began = anyio.current_time()
        await budget.spend(1, watching=False)
        assert anyio.current_time() == began


async def test_budget_reserves_last_units_for_users() -> None:
    budget = SharedBudget(SqliteRequestCounts(StateFile(None), TOKEN), now=virtual_now)
    for _ in range(UNITS_PER_MINUTE - RESERVED_FOR_USERS):
        await budget.spend(1, watching=False)
    with anyio.move_on_after(10) as waiting:
        await budget.spend(1, watching=True)
    assert waiting.cancelled_caught
    await budget.spend(RESERVED_FOR_USERS, watching=False)


async def test_budget_raises_when_wait_is_too_long() -> None:
    budget = SharedBudget(SqliteRequestCounts(StateFile(None), TOKEN), now=virtual_now)
    await budget.spend(UNITS_PER_MINUTE, watching=False)
    with pytest.raises(MogplexError) as raised:
        await budget.spend(1, watching=False)
    assert raised.value.code is ErrorCode.BUDGET_EXHAUSTED
    assert raised.value.retry_after == pytest.approx(WINDOW_SECONDS)


async def test_budget_waits_for_short_time() -> None:
    budget = SharedBudget(SqliteRequestCounts(StateFile(None), TOKEN), now=virtual_now)
    await budget.spend(UNITS_PER_MINUTE, watching=False)
    await anyio.sleep(45)
    began = anyio.current_time()
    await budget.spend(1, watching=False)
    assert anyio.current_time() - began == pytest.approx(WINDOW_SECONDS - 45)


async def test_budget_longest_pause_holds_all_requests(tmp_path: Path) -> None:
    states = [StateFile(tmp_path / "state") for _ in range(2)]
    one, other = (SharedBudget(SqliteRequestCounts(state, TOKEN), now=virtual_now) for state in states)
    await one.pause(60)
    await one.pause(5)
    assert (await other.usage()).paused_seconds == pytest.approx(60)
    with pytest.raises(MogplexError):
        await other.spend(1, watching=False)
    await anyio.sleep(45)
    await other.spend(1, watching=False)
    assert (await one.usage()).paused_seconds == 0
    for state in states:
        state.close()


async def test_budget_is_separate_for_each_token(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state")
    mine = SharedBudget(SqliteRequestCounts(state, TOKEN), now=virtual_now)
    theirs = SharedBudget(SqliteRequestCounts(state, TOKEN[::-1]), now=virtual_now)
    await mine.spend(UNITS_PER_MINUTE, watching=False)
    await mine.pause(60)
    began = anyio.current_time()
    await theirs.spend(UNITS_PER_MINUTE, watching=False)
    assert anyio.current_time() == began
    state.close()


async def test_budget_counts_in_process_when_store_is_unavailable(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    budget = SharedBudget(SqliteRequestCounts(state, TOKEN), now=virtual_now)
    await budget.spend(UNITS_PER_MINUTE, watching=False)
    with pytest.raises(MogplexError):
        await budget.spend(1, watching=False)
    usage = await budget.usage()
    assert (usage.units, usage.shared) == (UNITS_PER_MINUTE, False)
    assert str(tmp_path) in usage.problem


async def test_budget_keeps_count_when_store_fails_and_retries_it(tmp_path: Path) -> None:
    path = tmp_path / "state"
    state = StateFile(path)
    budget = SharedBudget(SqliteRequestCounts(state, TOKEN), now=virtual_now)
    await budget.spend(UNITS_PER_MINUTE, watching=False)
    path.rename(tmp_path / "kept")
    path.mkdir()
    with pytest.raises(MogplexError):
        await budget.spend(1, watching=False)
    assert (await budget.usage()).units == UNITS_PER_MINUTE
    path.rmdir()
    await anyio.sleep(WINDOW_SECONDS)
    await budget.spend(1, watching=False)
    assert (await budget.usage()).shared
    state.close()


async def test_budget_blocks_at_most_two_windows_after_clock_is_set_back(tmp_path: Path) -> None:
    clock, state = Clock(), StateFile(tmp_path / "state")
    budget = SharedBudget(SqliteRequestCounts(state, TOKEN), now=clock, sleep=clock.sleep)
    clock.time = EPOCH + 86_400 * 365
    await budget.spend(UNITS_PER_MINUTE, watching=False)
    await budget.pause(60)
    clock.time = EPOCH
    await budget.spend(1, watching=False)
    assert clock.time == EPOCH
    clock.time = EPOCH - 30
    assert await budget._take(UNITS_PER_MINUTE, watching=False) <= 2 * WINDOW_SECONDS
    state.close()


async def test_budget_deletes_expired_rows(tmp_path: Path) -> None:
    clock, state = Clock(), StateFile(tmp_path / "state")
    budget = SharedBudget(SqliteRequestCounts(state, TOKEN), now=clock)
    for _ in range(200):
        await budget._take(1, watching=False)
        clock.time += 30
    state.close()
    with sqlite3.connect(tmp_path / "state") as file:
        assert file.execute("SELECT count(*) FROM requests").fetchone()[0] <= 4
    file.close()


async def test_budget_counts_concurrent_requests(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "state"
    states = [StateFile(path), StateFile(path)]
    budgets = [SharedBudget(SqliteRequestCounts(state, TOKEN), now=clock) for state in states]
    for units in (1, 2):
        for budget in budgets:
            await budget.spend(units, watching=False)
            await budget.spend(units, watching=True)
    assert [(await budget.usage()).units for budget in budgets] == [12, 12]
    for state in states:
        state.close()
