"""Of two starts that need a branch for themselves, one begins: also in two processes, and with every store."""

from typing import Any

import pytest

from mogplex_mcp.core.metrics import NoRecorder
from mogplex_mcp.storage.ledger import BRANCH_CLAIM_SECONDS, BranchInUseError, Entry, Ledger, StartState
from mogplex_mcp.storage.measured_ledger import MeasuredLedger
from tests.storage.backends import TOKEN, OpenLedger, clock

pytestmark = pytest.mark.anyio

OTHER_TOKEN = "mog_000000000000000000000000000000cd"


@pytest.fixture
def one(open_ledger: OpenLedger) -> Ledger:
    return open_ledger(TOKEN)


@pytest.fixture
def other(open_ledger: OpenLedger) -> Ledger:
    """The ledger as another process has it."""
    return open_ledger(TOKEN)


async def begin(ledger: Ledger, prompt: str, *known_runs: str, branch: str = "fix", **more: Any) -> Entry:
    wanted = Entry(
        "", StartState.SENDING, fingerprint=prompt, day=20_000, **{"repo_id": "r", "working_branch": branch} | more
    )
    return (await ledger.begin(wanted, chain=prompt, known_runs=known_runs))[0]


async def test_start_of_unknown_outcome_has_its_branch_for_itself(
    one: Ledger, other: Ledger, open_ledger: OpenLedger
) -> None:
    first = await begin(one, "one")
    clock.advance(20)
    with pytest.raises(BranchInUseError) as caught:
        await begin(other, "two")
    assert (caught.value.entry.key, caught.value.seconds) == (first.key, BRANCH_CLAIM_SECONDS - 20)
    # The same start is one run, and nothing else is held.
    assert (await begin(other, "one")).key == first.key
    await begin(other, "elsewhere", branch="feature")
    await begin(other, "in another repository", repo_id="s")
    await begin(open_ledger(OTHER_TOKEN), "of another user")
    # A start that needs no branch for itself is not looked at.
    await other.begin(Entry("", StartState.SENDING, fingerprint="plain", repo_id="r", working_branch="fix"), chain="p")
    assert "two" not in {entry.fingerprint for entry in await one.runs()}


async def test_claim_of_a_process_that_was_killed_ends_by_itself(one: Ledger, other: Ledger) -> None:
    first = await begin(one, "one")
    clock.advance(BRANCH_CLAIM_SECONDS - 1)
    # Another try of the same start begins it anew.
    assert (await begin(one, "one")).key == first.key
    clock.advance(BRANCH_CLAIM_SECONDS - 1)
    with pytest.raises(BranchInUseError):
        await begin(other, "two")
    clock.advance(1)
    await begin(other, "two")
    # The start that was given up isn't tried again while the other one may work on the branch.
    with pytest.raises(BranchInUseError):
        await begin(one, "one")
    # A clock that was set back holds nothing for longer.
    clock.advance(-86_400)
    await begin(other, "three")


async def test_refused_start_frees_its_branch(one: Ledger, other: Ledger) -> None:
    first = await begin(one, "one")
    await one.refuse(first)
    await begin(other, "two")


async def test_run_that_the_caller_has_not_looked_at_holds_its_branch_until_it_ends(one: Ledger, other: Ledger) -> None:
    first = await begin(one, "one")
    await one.settle(first, run_id="run", status="pending")
    clock.advance(10 * BRANCH_CLAIM_SECONDS)
    with pytest.raises(BranchInUseError) as caught:
        await begin(other, "two")
    assert caught.value.entry.run_id == "run"
    # What its run does now is for the caller to judge, who has just looked at it.
    await other.refuse(await begin(other, "two", "run"))
    await one.see_run("run", repo_id="r", status="success", pull_request="", created_at=clock())
    await begin(other, "two")


class Writes(NoRecorder):
    """The outcomes of writes."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def ledger_written(self, operation: str, outcome: str, seconds: float) -> None:
        self.outcomes.append(outcome)


async def test_branch_in_use_is_no_failure_of_the_ledger(one: Ledger) -> None:
    writes = Writes()
    measured = MeasuredLedger(one, writes)
    await begin(measured, "one")
    with pytest.raises(BranchInUseError):
        await begin(measured, "two")
    assert writes.outcomes == ["ok", "ok"]
