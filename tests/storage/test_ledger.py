"""What every store of the ledger has to do."""

from typing import Any

import pytest

from mogplex_mcp.storage import sqlite_ledger
from mogplex_mcp.storage.ledger import Entry, Ledger, StartKind, StartState, derive_key
from mogplex_mcp.storage.postgres import ledger as postgres_ledger
from tests.runs.support import OTHER_RUN_ID, RUN_ID
from tests.storage.backends import TOKEN, OpenLedger, clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def ledger(open_ledger: OpenLedger) -> Ledger:
    return open_ledger(TOKEN)


@pytest.fixture(params=StartKind)
def kind(request: pytest.FixtureRequest) -> StartKind:
    return StartKind(request.param)


TODAY = 20_000


def a_start(key: str, fingerprint: str = "", day: int = TODAY, **more: Any) -> Entry:
    """A start under a key of the caller; `begin` gives it one that follows from the request."""
    return Entry(key, StartState.SENDING, fingerprint=fingerprint or key, day=day, **more)


def key_of(request: str, generation: int = 0, day: int = TODAY) -> str:
    return derive_key(request, day, generation)


async def begin(ledger: Ledger, wanted: Entry, *, own: bool = False, after: int = -1) -> tuple[str, bool]:
    """The key to go on with, and whether it is an earlier one."""
    chain = "" if own else wanted.fingerprint
    entry, earlier = await ledger.begin(wanted, chain=chain, after=after)
    return entry.key, earlier


async def begun(ledger: Ledger, wanted: Entry, *, own: bool = False) -> Entry:
    entry, _ = await ledger.begin(wanted, chain="" if own else wanted.fingerprint)
    return entry


async def see(ledger: Ledger, run_id: str, status: str = "streaming", pull_request: str = "") -> None:
    await ledger.see_run(run_id, repo_id="r", status=status, pull_request=pull_request, created_at=clock())


async def keys(ledger: Ledger, **filters: Any) -> list[str]:
    return [entry.key for entry in await ledger.runs(**filters)]


async def test_begin_finds_the_same_start_and_marks_it_as_retried(ledger: Ledger) -> None:
    first = await begun(ledger, a_start("", "same"))
    again, earlier = await ledger.begin(a_start("", "same"), chain="same")
    assert (again, earlier) == (first, True)
    await ledger.refuse(first)
    (entry,) = await ledger.runs()
    assert entry.state is StartState.RETRIED


async def test_begin_derives_the_key_from_the_request_in_every_ledger(open_ledger: OpenLedger, kind: StartKind) -> None:
    for token in (TOKEN, TOKEN[::-1]):
        assert await begin(open_ledger(token), a_start("", "same", kind=kind)) == (key_of("same"), False)


async def test_begin_finds_no_other_start_of_the_same_request_for_a_key_of_the_caller(
    open_ledger: OpenLedger, kind: StartKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(TOKEN)
    assert await begin(ledger, a_start("own-1", "same", kind=kind), own=True) == ("own-1", False)
    # Also when the clock was set back since.
    monkeypatch.setattr(ledger, "_now", lambda: clock() - 10)
    assert await begin(ledger, a_start("own-2", "same", kind=kind), own=True) == ("own-2", False)
    assert await begin(ledger, a_start("own-1", "same", kind=kind), own=True) == ("own-1", True)


async def test_begin_finds_a_start_until_it_is_known_to_be_another(ledger: Ledger, kind: StartKind) -> None:
    assert await begin(ledger, a_start("", "same", kind=kind)) == (key_of("same"), False)
    assert await begin(ledger, a_start("", "other", kind=kind)) == (key_of("other"), False)
    clock.advance(700)
    first, earlier = await ledger.begin(a_start("", "same", kind=kind), chain="same")
    assert (first.key, earlier) == (key_of("same"), True)
    wanted = a_start("", "same", kind=kind)
    assert await begin(ledger, wanted, after=first.number) == (key_of("same", 1), False)
    # Another process has found that out too, and meets the next generation.
    assert await begin(ledger, wanted, after=first.number) == (key_of("same", 1), True)


async def test_begin_finds_a_start_of_the_day_before(ledger: Ledger, kind: StartKind) -> None:
    entry = await begun(ledger, a_start("", "same", kind=kind))
    clock.advance(599)
    tomorrow = a_start("", "same", TODAY + 1, kind=kind)
    assert await begin(ledger, tomorrow) == (entry.key, True)
    await ledger.settle(entry, run_id=RUN_ID, status="pending")
    assert await begin(ledger, tomorrow) == (entry.key, True)
    assert await begin(ledger, tomorrow, after=entry.number) == (key_of("same", 0, TODAY + 1), False)


async def test_begin_leaves_a_start_of_unknown_outcome_behind_with_its_day(ledger: Ledger, kind: StartKind) -> None:
    await begin(ledger, a_start("", "same", kind=kind))
    clock.advance(86_400)
    assert await begin(ledger, a_start("", "same", TODAY + 1, kind=kind)) == (key_of("same", 0, TODAY + 1), False)


async def test_begin_keeps_the_newest_generation_when_the_clock_is_set_back(
    open_ledger: OpenLedger, kind: StartKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(TOKEN)
    first = await begun(ledger, a_start("", "same", kind=kind))
    await ledger.settle(first, run_id=RUN_ID, status="success")
    monkeypatch.setattr(ledger, "_now", lambda: clock() - 90_000)
    forced = a_start("", "same", TODAY - 1, kind=kind, forced=True)
    assert await begin(ledger, forced) == (key_of("same", 1), False)
    assert await begin(ledger, a_start("", "same", TODAY - 1, kind=kind)) == (key_of("same", 1), True)
    monkeypatch.undo()
    assert await begin(ledger, a_start("", "same", kind=kind)) == (key_of("same", 1), True)


async def test_begin_finds_a_key_at_any_time_whatever_its_fingerprint(ledger: Ledger, kind: StartKind) -> None:
    await begin(ledger, a_start("a", "one", kind=kind), own=True)
    clock.advance(86_400)
    entry, earlier = await ledger.begin(a_start("a", "other", kind=kind))
    assert (entry.fingerprint, earlier) == ("one", True)


async def test_begin_finds_a_start_whose_run_has_ended(ledger: Ledger, kind: StartKind) -> None:
    entry = await begun(ledger, a_start("", "same", kind=kind))
    await ledger.settle(entry, run_id=RUN_ID, status="success")
    again, earlier = await ledger.begin(a_start("", "same", kind=kind), chain="same")
    assert (again.key, again.run_id, again.status, earlier) == (key_of("same"), RUN_ID, "success", True)


async def test_begin_finds_a_start_under_a_key_of_the_caller(ledger: Ledger, kind: StartKind) -> None:
    await begin(ledger, a_start("own", "same", kind=kind), own=True)
    own, earlier = await ledger.begin(a_start("", "same", kind=kind), chain="same")
    assert (own.key, earlier) == ("own", True)
    assert await begin(ledger, a_start("", "same", kind=kind), after=own.number) == (key_of("same"), False)


async def test_begin_does_not_find_a_refused_start_and_uses_its_key_again(ledger: Ledger, kind: StartKind) -> None:
    entry = await begun(ledger, a_start("", "same", kind=kind))
    await ledger.refuse(entry)
    assert not await ledger.runs()
    assert await begin(ledger, a_start("", "same", kind=kind)) == (entry.key, False)


async def test_a_refused_key_may_be_used_for_something_else(ledger: Ledger, kind: StartKind) -> None:
    entry = await begun(ledger, a_start("a", "wrong", kind=kind), own=True)
    await ledger.refuse(entry)
    again, earlier = await ledger.begin(a_start("a", "right", kind=kind))
    assert (again.fingerprint, again.state, earlier) == ("right", StartState.SENDING, False)


async def test_a_refused_key_of_the_caller_hides_no_start_of_the_same_request(ledger: Ledger, kind: StartKind) -> None:
    await begin(ledger, a_start("", "same", kind=kind))
    await ledger.refuse(await begun(ledger, a_start("own", "same", kind=kind), own=True))
    assert await begin(ledger, a_start("", "same", kind=kind)) == (key_of("same"), True)


async def test_refuse_keeps_a_start_of_which_another_request_may_have_been_accepted(
    ledger: Ledger, kind: StartKind
) -> None:
    entry = await begun(ledger, a_start("", "same", kind=kind))
    await begin(ledger, a_start("", "same", kind=kind))
    await ledger.refuse(entry)
    assert await begin(ledger, a_start("", "same", kind=kind)) == (entry.key, True)


async def test_refuse_keeps_a_start_that_made_a_run(ledger: Ledger, kind: StartKind) -> None:
    entry = await begun(ledger, a_start("", "same", kind=kind))
    await ledger.settle(entry, run_id=RUN_ID, status="pending")
    await ledger.refuse(entry)
    assert await begin(ledger, a_start("", "same", kind=kind)) == (entry.key, True)


async def test_a_forced_start_is_the_same_only_while_its_own_outcome_is_unknown(
    ledger: Ledger, kind: StartKind
) -> None:
    await begin(ledger, a_start("", "same", kind=kind))
    wanted = a_start("", "same", kind=kind, forced=True)
    forced, earlier = await ledger.begin(wanted, chain="same")
    assert (forced.key, earlier) == (key_of("same", 1), False)
    assert await begin(ledger, wanted) == (forced.key, True)
    await ledger.settle(forced, run_id=RUN_ID, status="pending")
    assert await begin(ledger, wanted) == (key_of("same", 2), False)


async def test_begin_finds_the_newest_generation_after_a_forced_start(ledger: Ledger, kind: StartKind) -> None:
    first = await begun(ledger, a_start("", "same", kind=kind))
    await ledger.settle(first, run_id=RUN_ID, status="pending")
    forced = await begun(ledger, a_start("", "same", kind=kind, forced=True))
    await ledger.settle(forced, run_id=OTHER_RUN_ID, status="pending")
    again, earlier = await ledger.begin(a_start("", "same", kind=kind), chain="same")
    assert (again.run_id, earlier) == (OTHER_RUN_ID, True)


async def test_settle_writes_a_start_that_has_vanished(open_ledger: OpenLedger, kind: StartKind) -> None:
    entry = await begun(open_ledger(TOKEN), a_start("", "same", kind=kind))
    ledger = open_ledger("the ledger of another file")
    await ledger.settle(entry, run_id=RUN_ID, status="pending")
    again, earlier = await ledger.begin(a_start("", "same", kind=kind), chain="same")
    assert (again.run_id, earlier) == (RUN_ID, True)


async def test_kinds_share_neither_keys_nor_fingerprints(ledger: Ledger) -> None:
    run = await begun(ledger, a_start("a", "same"), own=True)
    assert await begin(ledger, a_start("a", "same", kind=StartKind.TRIGGER), own=True) == ("a", False)
    await ledger.settle(run, run_id=RUN_ID, status="pending")
    trigger, earlier = await ledger.begin(a_start("", "same", kind=StartKind.TRIGGER), chain="same")
    assert (trigger.run_id, earlier) == ("", True)


async def test_a_trigger_is_not_listed_as_a_run(ledger: Ledger) -> None:
    entry = await begun(ledger, a_start("a", kind=StartKind.TRIGGER))
    await ledger.settle(entry, run_id=RUN_ID, status="pending")
    assert not await ledger.runs()
    assert await ledger.find_run(RUN_ID) is None


async def test_begin_does_not_find_a_run_that_is_gone_nor_is_it_listed(ledger: Ledger) -> None:
    entry = await begun(ledger, a_start("", "same"))
    await ledger.settle(entry, run_id=RUN_ID, status="streaming", state=StartState.GONE)
    assert not await ledger.runs()
    assert await begin(ledger, a_start("", "same")) == (key_of("same", 1), False)


async def test_a_run_from_elsewhere_enters_when_it_is_looked_at(ledger: Ledger) -> None:
    await see(ledger, RUN_ID)
    entry = await ledger.find_run(RUN_ID)
    assert entry is not None
    assert (entry.state, entry.status, await ledger.runs()) == (StartState.SEEN, "streaming", [entry])


async def test_what_is_seen_is_added_to_what_was_started_and_a_pull_request_stays(ledger: Ledger) -> None:
    entry = await begun(ledger, a_start("a", repo="acme/web", prompt_line="do it"), own=True)
    await ledger.settle(entry, run_id=RUN_ID, status="pending")
    await see(ledger, RUN_ID, pull_request="https://github.com/acme/web/pull/4")
    await see(ledger, RUN_ID, "success")
    (entry,) = await ledger.runs()
    assert (entry.key, entry.repo, entry.prompt_line, entry.status) == ("a", "acme/web", "do it", "success")
    assert entry.pull_request == "https://github.com/acme/web/pull/4"


async def test_a_run_that_was_seen_before_its_start_was_settled_is_listed_once(ledger: Ledger) -> None:
    entry = await begun(ledger, a_start("a"), own=True)
    await see(ledger, RUN_ID)
    await ledger.settle(entry, run_id=RUN_ID, status="pending")
    assert await keys(ledger) == ["a"]


async def test_the_newest_come_first_and_filters_hold(ledger: Ledger) -> None:
    for key, repo_id in (("a", "one"), ("b", "two"), ("c", "one")):
        await begin(ledger, a_start(key, repo_id=repo_id), own=True)
        clock.advance(60)
    assert await keys(ledger) == ["c", "b", "a"]
    assert await keys(ledger, repo_id="one") == ["c", "a"]
    assert await keys(ledger, since=clock() - 130) == ["c", "b"]
    assert await keys(ledger, limit=1) == ["c"]


async def test_a_start_of_unknown_outcome_is_the_latest_one(ledger: Ledger) -> None:
    entry = await begun(ledger, a_start("a"), own=True)
    await ledger.settle(entry, run_id=RUN_ID, status="pending")
    clock.advance(1)
    await begin(ledger, a_start("b"), own=True)
    assert [entry.run_id for entry in await ledger.runs()] == ["", RUN_ID]


async def test_the_old_and_the_many_are_pruned(
    ledger: Ledger, kind: StartKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in (sqlite_ledger, postgres_ledger):
        monkeypatch.setattr(store, "KEPT_ENTRIES", 5)
    for number in range(8):
        await begin(ledger, a_start(str(number)), own=True)
        await begin(ledger, a_start(str(number), kind=StartKind.TRIGGER), own=True)
        clock.advance(1)
    assert await keys(ledger) == ["7", "6", "5", "4", "3"]
    found = [await begin(ledger, a_start(str(number), kind=kind), own=True) for number in (3, 2)]
    assert found == [("3", True), ("2", False)]
    clock.advance(91 * 86_400)
    await see(ledger, OTHER_RUN_ID)
    assert [entry.run_id for entry in await ledger.runs()] == [OTHER_RUN_ID]


async def test_tenants_of_one_store_are_apart(open_ledger: OpenLedger) -> None:
    mine, theirs = open_ledger(TOKEN), open_ledger(TOKEN[::-1])
    entry = await begun(mine, a_start("a", "same"), own=True)
    await mine.settle(entry, run_id=RUN_ID, status="pending")
    assert await begin(theirs, a_start("a", "same"), own=True) == ("a", False)
    assert await theirs.find_run(RUN_ID) is None
    await theirs.settle(entry, run_id=OTHER_RUN_ID, status="failed")
    found = await mine.find_run(RUN_ID)
    assert found is not None
    assert found.status == "pending"


async def test_two_processes_that_begin_the_same_start_go_on_with_one_key(open_ledger: OpenLedger) -> None:
    ledgers = [open_ledger(TOKEN) for _ in range(3)]
    keys = [await begin(one, a_start("", "same")) for one in ledgers]
    assert keys == [(key_of("same"), earlier) for earlier in (False, True, True)]
