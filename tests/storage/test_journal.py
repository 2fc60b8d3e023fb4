"""The list of runs that Mogplex does not have."""

from pathlib import Path

import anyio
import pytest

from mogplex_mcp.storage import sqlite_journal
from mogplex_mcp.storage.journal import Entry, Fate
from mogplex_mcp.storage.sqlite_journal import SqliteJournal
from mogplex_mcp.storage.state_file import StateFile
from tests.runs.support import OTHER_RUN_ID, RUN_ID
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

TOKEN = "mog_000000000000000000000000000000ab"


@pytest.fixture
def anyio_backend(virtual_time: object) -> object:
    return virtual_time


def a_journal(path: Path | None = None, token: str = TOKEN) -> SqliteJournal:
    return SqliteJournal(StateFile(path), token, now=virtual_now)


def a_start(key: str, fingerprint: str = "", **more: object) -> Entry:
    return Entry(key, Fate.SENDING, fingerprint or key, **more)  # type: ignore[arg-type]


def seen(journal: SqliteJournal, run_id: str, status: str = "streaming", pull_request: str = "") -> None:
    journal.see(run_id, repo_id="r", status=status, pull_request=pull_request, created_at=virtual_now())


async def test_an_open_start_is_found_again_and_marked_as_tried_more_than_once() -> None:
    journal = a_journal()
    first, _ = journal.begin(a_start("a", "same"), within_seconds=600)
    again, earlier = journal.begin(a_start("b", "same"), within_seconds=600)
    assert (again, earlier) == (first, True)
    journal.refuse("a")
    (entry,) = journal.entries()
    assert entry.fate is Fate.REPEATED


async def test_a_refused_start_is_not_listed_and_not_found_again() -> None:
    journal = a_journal()
    journal.begin(a_start("a", "same"), within_seconds=600)
    journal.refuse("a")
    assert not journal.entries()
    assert not journal.begin(a_start("b", "same"), within_seconds=600)[1]


async def test_a_run_that_is_gone_is_not_listed() -> None:
    journal = a_journal()
    journal.begin(a_start("a"), within_seconds=600)
    journal.settle("a", run_id=RUN_ID, status="streaming", fate=Fate.GONE)
    assert not journal.entries()
    assert journal.latest(unknown_within_seconds=600) is None


async def test_a_run_from_elsewhere_enters_when_it_is_looked_at() -> None:
    journal = a_journal()
    seen(journal, RUN_ID)
    entry = journal.find(RUN_ID)
    assert entry is not None
    assert (entry.fate, entry.status, journal.latest(unknown_within_seconds=0)) == (Fate.SEEN, "streaming", entry)


async def test_what_is_seen_is_added_to_what_was_started_and_a_pull_request_stays() -> None:
    journal = a_journal()
    journal.begin(a_start("a", repo="acme/web", prompt_line="do it"), within_seconds=600)
    journal.settle("a", run_id=RUN_ID, status="pending")
    seen(journal, RUN_ID, pull_request="https://github.com/acme/web/pull/4")
    seen(journal, RUN_ID, "success")
    (entry,) = journal.entries()
    assert (entry.key, entry.repo, entry.prompt_line, entry.status) == ("a", "acme/web", "do it", "success")
    assert entry.pull_request == "https://github.com/acme/web/pull/4"


async def test_a_run_that_was_seen_before_its_start_was_settled_is_listed_once() -> None:
    journal = a_journal()
    journal.begin(a_start("a"), within_seconds=600)
    seen(journal, RUN_ID)
    journal.settle("a", run_id=RUN_ID, status="pending")
    assert [entry.key for entry in journal.entries()] == ["a"]


async def test_the_newest_come_first_and_filters_hold() -> None:
    journal = a_journal()
    for key, repo_id in (("a", "one"), ("b", "two"), ("c", "one")):
        journal.begin(a_start(key, repo_id=repo_id), within_seconds=600)
        await anyio.sleep(60)
    assert [entry.key for entry in journal.entries()] == ["c", "b", "a"]
    assert [entry.key for entry in journal.entries(repo_id="one")] == ["c", "a"]
    assert [entry.key for entry in journal.entries(since=virtual_now() - 130)] == ["c", "b"]
    assert [entry.key for entry in journal.entries(limit=1)] == ["c"]


async def test_a_start_of_unknown_fate_is_the_latest_one_for_a_while() -> None:
    journal = a_journal()
    journal.begin(a_start("a"), within_seconds=600)
    journal.settle("a", run_id=RUN_ID, status="pending")
    await anyio.sleep(1)
    journal.begin(a_start("b"), within_seconds=600)
    latest = journal.latest(unknown_within_seconds=600)
    assert latest is not None
    assert latest.run_id == ""
    await anyio.sleep(601)
    latest = journal.latest(unknown_within_seconds=600)
    assert latest is not None
    assert latest.run_id == RUN_ID


async def test_the_old_and_the_many_are_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_journal, "KEPT_ENTRIES", 5)
    journal = a_journal()
    for number in range(8):
        journal.begin(a_start(str(number)), within_seconds=600)
        await anyio.sleep(1)
    assert [entry.key for entry in journal.entries()] == ["7", "6", "5", "4", "3"]
    await anyio.sleep(91 * 86_400)
    seen(journal, OTHER_RUN_ID)
    assert [entry.run_id for entry in journal.entries()] == [OTHER_RUN_ID]


async def test_tenants_of_one_file_are_apart(tmp_path: Path) -> None:
    mine, theirs = a_journal(tmp_path / "state"), a_journal(tmp_path / "state", TOKEN[::-1])
    mine.begin(a_start("a", "same"), within_seconds=600)
    mine.settle("a", run_id=RUN_ID, status="pending")
    assert not theirs.begin(a_start("a", "same"), within_seconds=600)[1]
    assert theirs.find(RUN_ID) is None
    theirs.settle("a", run_id=OTHER_RUN_ID, status="failed")
    found = mine.find(RUN_ID)
    assert found is not None
    assert found.status == "pending"
