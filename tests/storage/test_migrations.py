"""A file of an earlier release is brought up to date without a loss; one of a later release is left alone."""

import concurrent.futures
import sqlite3
import threading
from pathlib import Path

import pytest

from mogplex_mcp.api.budget import SharedBudget
from mogplex_mcp.simulator import DEMO_TOKEN
from mogplex_mcp.storage import migrations
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.inspection import count_runs
from mogplex_mcp.storage.ledger import Entry, StartKind, StartState, derive_key
from mogplex_mcp.storage.migrations import MIGRATIONS, SCHEMA_VERSION, migrate
from mogplex_mcp.storage.request_counts import SqliteRequestCounts
from mogplex_mcp.storage.sqlite_ledger import SqliteLedger
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.wait_limits import SqliteWaitLimits

pytestmark = pytest.mark.anyio

# Written by release 0.1.0 itself, at this time, for two tokens.
DUMP = Path(__file__).parent / "data" / "state_0_1_0.sql"
WRITTEN_AT = 1_795_000_000.0
TODAY = int(WRITTEN_AT // 86_400)
OTHER_TOKEN = "mog_000000000000000000000000000000ab"


def schema(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(name, " ".join(sql.split())) for name, sql in rows}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that 0.1.0 left."""
    path = tmp_path / "state.sqlite3"
    path.touch(mode=0o600)
    connection = sqlite3.connect(path)
    connection.executescript(DUMP.read_text())
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    return path


def ledger_in(path: Path, token: str = DEMO_TOKEN) -> SqliteLedger:
    return SqliteLedger(StateFile(path), token, now=lambda: WRITTEN_AT)


def a_start(fingerprint: str, kind: StartKind = StartKind.RUN, *, forced: bool = False) -> Entry:
    return Entry("", StartState.SENDING, kind=kind, fingerprint=fingerprint, forced=forced, day=TODAY)


def test_the_first_step_is_the_schema_of_0_1_0(path: Path) -> None:
    new = sqlite3.connect(":memory:", isolation_level=None)
    for statement in MIGRATIONS[0].split(";\n"):
        new.execute(statement)
    old = sqlite3.connect(path)
    # 0.1.0 made the table of triggers when there was one.
    assert {(name, sql) for name, sql in schema(old) if name != "triggers"} == schema(new)
    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    old.close()
    new.close()


def test_a_migrated_file_has_the_schema_of_a_new_one(path: Path) -> None:
    new = sqlite3.connect(":memory:", isolation_level=None)
    migrate(new)
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old)
    assert schema(old) == schema(new)
    assert old.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    old.close()
    new.close()


async def test_runs_of_0_1_0_are_listed_as_before(path: Path) -> None:
    assert count_runs(path) == 9
    ledger = ledger_in(path)
    runs = await ledger.runs()
    assert [(entry.key, entry.state, entry.status) for entry in runs] == [
        ("key-of-repeated", StartState.RETRIED, ""),
        ("key-of-forced", StartState.SENDING, ""),
        ("key-of-sending", StartState.SENDING, ""),
        ("key-of-running", StartState.STARTED, "streaming"),
        ("seen:0b8e1a52-93c1-4f7e-8a52-0d4c5f1f5b11", StartState.SEEN, "streaming"),
        ("key-of-success", StartState.STARTED, "success"),
    ]
    assert await ledger.find_run("75ce86aa-b59e-5f62-9d77-426c941e3c32") == Entry(
        key="key-of-success",
        state=StartState.STARTED,
        fingerprint="f1",
        run_id="75ce86aa-b59e-5f62-9d77-426c941e3c32",
        repo_id="4fc47468-0f0d-5a62-b2f1-34868131c9b8",
        repo="acme/web",
        base_branch="main",
        prompt_line="prompt of key-of-success",
        status="success",
        pull_request="https://github.com/acme/web/pull/4",
        created_at=WRITTEN_AT - 3_600,
        checked_at=WRITTEN_AT - 3_600,
    )
    gone = await ledger.find_run("11111111-2222-4333-8444-555555555555")
    assert gone is not None
    assert gone.state is StartState.GONE
    (theirs,) = await ledger_in(path, OTHER_TOKEN).runs()
    assert theirs.run_id == "33333333-2222-4333-8444-555555555555"
    assert count_runs(path) == 9


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        (a_start("f4"), "key-of-forced"),
        (a_start("f5"), "key-of-sending"),
        (a_start("f6"), "key-of-repeated"),
        (a_start("f4", forced=True), "key-of-forced"),
        (a_start("f3"), "new"),
        (a_start("t1", StartKind.TRIGGER, forced=True), "aaaaaaaa-0000-4000-8000-000000000003"),
        (a_start("t2", StartKind.TRIGGER), "aaaaaaaa-0000-4000-8000-000000000002"),
        (a_start("t2"), "new"),
    ],
)
async def test_starts_of_0_1_0_keep_their_keys(path: Path, wanted: Entry, key: str) -> None:
    entry, earlier = await ledger_in(path).begin(wanted, chain=wanted.fingerprint)
    assert (entry.key, earlier) == ((derive_key(wanted.fingerprint, TODAY, 0), False) if key == "new" else (key, True))


async def test_a_trigger_of_0_1_0_keeps_its_run(path: Path) -> None:
    with StateFile(path).reading() as rows:
        found = rows.execute("SELECT key, run_id, state FROM starts WHERE kind = 'trigger' AND run_id != ''")
        assert found.fetchall() == [
            ("aaaaaaaa-0000-4000-8000-000000000001", "44444444-2222-4333-8444-555555555555", "started")
        ]


async def test_a_trigger_of_0_1_0_of_unknown_outcome_is_not_forgotten_by_a_refusal(path: Path) -> None:
    ledger = ledger_in(path)
    entry, _ = await ledger.begin(a_start("t2", StartKind.TRIGGER), chain="t2")
    await ledger.refuse(entry)
    again, earlier = await ledger.begin(a_start("t2", StartKind.TRIGGER), chain="t2")
    assert (again.key, earlier) == (entry.key, True)


async def test_counts_pauses_and_learnt_limits_of_0_1_0_are_kept(path: Path) -> None:
    state = StateFile(path)
    budget = SharedBudget(SqliteRequestCounts(state, DEMO_TOKEN), now=lambda: WRITTEN_AT)
    usage = await budget.usage()
    assert (usage.units, usage.paused_seconds) == (9, 10)
    assert SqliteWaitLimits(state).limits(WRITTEN_AT)["langchain/1.0"].seconds == 4.0


async def test_a_file_of_0_1_0_without_triggers_is_migrated(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE triggers")
    connection.close()
    assert len(await ledger_in(path).runs()) == 6


def test_processes_that_migrate_at_once_do_it_once(path: Path) -> None:
    barrier = threading.Barrier(8)

    def work(_: int) -> str:
        state = StateFile(path)
        barrier.wait()
        with state.reading() as rows:
            (runs,) = rows.execute("SELECT count(*) FROM starts WHERE kind = 'run'").fetchone()
        state.close()
        return f"{runs} {state.warning}"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(8))) == {"9 "}


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = (*MIGRATIONS[:1], "DROP TABLE runs;\nDROP TABLE pauses;\nINSERT INTO missing VALUES (1);\n")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", failing)
        with pytest.raises(StateError, match="no such table: missing"):
            StateFile(path).tenant(DEMO_TOKEN)
    assert count_runs(path) == 9
    with StateFile(path).reading() as rows:
        assert rows.execute("SELECT count(*) FROM starts").fetchone() == (12,)


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_file_of_a_newer_release_is_refused_and_left_as_it_is(path: Path, journal_mode: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {journal_mode}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    state = StateFile(path)
    for _ in range(2):
        with pytest.raises(StateError, match=rf"written by a newer mogplex-mcp \(schema {SCHEMA_VERSION + 1}\)"):
            state.tenant(DEMO_TOKEN)
    with pytest.raises(StateError, match="newer mogplex-mcp"):
        count_runs(path)
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.damaged-*"))


@pytest.mark.parametrize("table", ["runs", "triggers"])
def test_a_process_of_0_1_0_cannot_start_anything_in_a_migrated_file(path: Path, table: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection)
    if table == "triggers":
        # 0.1.0 does this before each trigger.
        connection.execute(
            "CREATE TABLE IF NOT EXISTS triggers (tenant TEXT, key TEXT, fingerprint TEXT, forced INTEGER, "
            "run_id TEXT, created_at REAL)"
        )
    with pytest.raises(sqlite3.OperationalError, match=f"no such table: {table}|it is a view"):
        connection.execute(f"DELETE FROM {table} WHERE tenant = 'x'")  # noqa: S608 - a name of this test
    connection.close()


async def test_entries_of_0_1_0_become_those_of_the_person_with_the_token_and_no_others(path: Path) -> None:
    def of_person(token: str) -> SqliteLedger:
        return SqliteLedger(StateFile(path), "person at here", token=token, now=lambda: WRITTEN_AT)

    assert len(await of_person(DEMO_TOKEN).runs()) == 6
    assert not await ledger_in(path).runs()
    # Those of a caller that this server had over HTTP stay apart.
    assert len(await ledger_in(path, OTHER_TOKEN).runs()) == 1


async def test_entries_that_a_caller_wrote_since_are_not_taken_from_it(path: Path) -> None:
    assert len(await SqliteLedger(StateFile(path), "person at here", token=DEMO_TOKEN).runs()) == 6
    await ledger_in(path).begin(a_start("f9"), chain="f9")
    assert len(await SqliteLedger(StateFile(path), "person at here", token=DEMO_TOKEN).runs()) == 6
    assert len(await ledger_in(path).runs()) == 1
