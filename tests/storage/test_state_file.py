"""The state file: shared by processes, and never the reason for a wrong or lost row."""

import concurrent.futures
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mogplex_mcp.storage import state_file as state_module
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.migrations import SCHEMA_VERSION
from mogplex_mcp.storage.state_file import StateFile
from tests.systems import with_modes

ROOT = Path(__file__).parents[2]
TOKEN = "mog_000000000000000000000000000000ab"


def put(state: StateFile, client: str) -> None:
    with state.transaction() as rows:
        rows.execute("INSERT INTO wait_caps VALUES (?, 1, 1)", (client,))


def names(state: StateFile) -> set[str]:
    with state.reading() as rows:
        return {name for (name,) in rows.execute("SELECT client FROM wait_caps")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "state.sqlite3"


def test_nothing_is_opened_before_it_is_used(path: Path) -> None:
    StateFile(path)
    assert not path.parent.exists()


@with_modes
def test_the_file_belongs_to_its_user_alone(path: Path) -> None:
    put(StateFile(path), "a")
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@with_modes
def test_a_file_that_others_could_open_is_closed_to_them_and_that_is_said_once(path: Path) -> None:
    writer = StateFile(path)
    put(writer, "a")
    for file in path.parent.iterdir():
        file.chmod(0o666)
    state = StateFile(path)
    assert names(state) == {"a"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert f"could open {path}" in state.warning
    again = StateFile(path)
    assert names(again) == {"a"}
    assert not again.warning


def test_what_one_writes_another_reads(path: Path) -> None:
    put(StateFile(path), "a")
    assert names(StateFile(path)) == {"a"}


def test_a_body_that_raises_leaves_nothing(path: Path) -> None:
    state = StateFile(path)

    def fail() -> None:
        with state.transaction() as rows:
            rows.execute("INSERT INTO wait_caps VALUES ('a', 1, 1)")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(state) == set()


def test_memory_is_kept_after_an_error() -> None:
    state = StateFile(None)
    put(state, "a")
    with pytest.raises(StateError):
        put(state, "a")
    assert names(state) == {"a"}


def test_a_token_has_one_name_in_all_processes_and_the_name_does_not_tell_it(path: Path) -> None:
    name = StateFile(path).tenant(TOKEN)
    assert StateFile(path).tenant(TOKEN) == name
    assert StateFile(path).tenant(TOKEN[::-1]) != name
    assert StateFile(path.with_name("other")).tenant(TOKEN) != name


def test_processes_that_open_a_new_file_at_once_all_write_to_it(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from mogplex_mcp.storage.state_file import StateFile\n"
        "state = StateFile(Path(sys.argv[1])); sys.stdin.read(1)\n"
        "for number in range(50):\n"
        "    with state.transaction() as rows:\n"
        "        rows.execute('INSERT INTO wait_caps VALUES (?, 1, 1)', (f'{sys.argv[2]}-{number}',))\n"
        "print(state.tenant('token'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "server")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        for number in range(5)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b".")
        process.stdin.flush()
    tenants = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 5
    assert len(tenants) == 1
    assert len(names(StateFile(path))) == 250


def test_threads_that_wait_for_a_lock_get_it(path: Path) -> None:
    put(StateFile(path), "first")
    barrier = threading.Barrier(6)

    def work(number: int) -> None:
        state = StateFile(path)
        barrier.wait()
        for turn in range(20):
            put(state, f"{number}-{turn}")
        state.close()

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert len(names(StateFile(path))) == 121


def test_a_lock_that_is_never_given_back_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "BUSY_SECONDS", 0.05)
    put(StateFile(path), "a")
    holder, other = StateFile(path), StateFile(path)
    with holder.transaction(), pytest.raises(StateError, match="locked"):
        put(other, "b")
    put(other, "b")
    assert names(other) == {"a", "b"}


def test_a_file_that_is_no_database_is_set_aside_and_that_is_said(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"something else " * 1_000)
    state = StateFile(path)
    put(state, "a")
    (kept,) = path.parent.glob("*.damaged-*")
    assert kept.read_bytes() == b"something else " * 1_000
    assert str(kept) in state.warning


def test_a_table_that_is_damaged_inside_is_set_aside(path: Path) -> None:
    state = StateFile(path)
    for number in range(500):
        put(state, f"client {number}")
    state.close()
    data = bytearray(path.read_bytes())
    data[4_096:] = os.urandom(len(data) - 4_096)
    path.write_bytes(data)
    state = StateFile(path)
    put(state, "a")
    assert names(state) == {"a"}
    assert "damaged" in state.warning


def test_files_that_are_set_aside_in_the_same_second_do_not_replace_each_other(path: Path) -> None:
    path.parent.mkdir()
    for content in (b"one", b"two", b"three"):
        path.write_bytes(content * 1_000)
        StateFile(path).tenant(TOKEN)
        for file in path.parent.glob("state.sqlite3*"):
            if "damaged" not in file.name:
                file.unlink()
    kept = {file.read_bytes()[:3] for file in path.parent.glob("*.damaged-*")}
    assert kept == {b"one", b"two", b"thr"}


def test_who_still_writes_to_a_file_that_was_moved_goes_over_to_the_new_one(path: Path) -> None:
    state = StateFile(path)
    put(state, "old")
    path.rename(path.with_name("moved"))
    put(state, "new")
    assert names(StateFile(path)) == {"new"}
    assert state.tenant(TOKEN) == StateFile(path).tenant(TOKEN)


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    state = StateFile(path)
    state.tenant(TOKEN)
    state.close()
    with sqlite3.connect(path) as file:
        file.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    file.close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="newer mogplex-mcp"):
        StateFile(path).tenant(TOKEN)
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="unable to open"):
        put(StateFile(tmp_path), "a")


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    with pytest.raises(StateError):
        put(StateFile(tmp_path / "folder" / "state"), "a")


def test_a_file_that_cannot_be_written_can_still_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = StateFile(path)
    put(writer, "a")
    name = writer.tenant(TOKEN)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda file, **more: connect(f"file:{file}?mode=ro", uri=True, **more))
    reader = StateFile(path)
    assert names(reader) == {"a"}
    assert reader.tenant(TOKEN) == name
    with pytest.raises(StateError, match="readonly"):
        put(reader, "b")
    assert names(reader) == {"a"}


def test_a_full_disk_is_said_and_what_was_there_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(StateFile(path), "a")
    prepare = state_module._prepare

    def small(connection: sqlite3.Connection, *, is_local: bool) -> bool:
        is_changed = prepare(connection, is_local=is_local)
        connection.execute("PRAGMA max_page_count = 1")
        return is_changed

    monkeypatch.setattr(state_module, "_prepare", small)
    state = StateFile(path)

    def fill() -> None:
        for number in range(1_000):
            put(state, f"a long name {number} " * 20)

    with pytest.raises(StateError, match="full"):
        fill()
    monkeypatch.undo()
    assert "a" in names(state)
    put(state, "b")


def test_damaged_file_that_another_process_has_open_says_what_to_do(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"something else " * 1_000)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "The process cannot access the file because it is being used by another process")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StateError, match=r"is damaged .* another process has it open.*Quit all MCP clients"):
        put(StateFile(path), "a")
    monkeypatch.undo()
    put(state := StateFile(path), "a")
    assert names(state) == {"a"}


@pytest.fixture
def on_nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "network_file_system", lambda _: "nfs4")


def journal_mode(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


@pytest.mark.usefixtures("on_nfs")
def test_state_file_on_a_network_file_system_has_a_rollback_journal_and_says_so_once(path: Path) -> None:
    state = StateFile(path)
    put(state, "a")
    assert journal_mode(path) == "delete"
    assert "network file system (nfs4)" in state.warning
    assert "MOGPLEX_MCP_STATE_FILE" in state.warning
    again = StateFile(path)
    put(again, "b")
    assert names(state) == {"a", "b"}
    assert not again.warning


def test_state_file_with_a_write_ahead_log_gets_a_rollback_journal_on_a_network_file_system(
    path: Path, request: pytest.FixtureRequest
) -> None:
    local = StateFile(path)
    put(local, "a")
    local.close()
    assert journal_mode(path) == "wal"
    request.getfixturevalue("on_nfs")
    state = StateFile(path)
    assert names(state) == {"a"}
    assert journal_mode(path) == "delete"
    assert "nfs4" in state.warning


@pytest.mark.usefixtures("on_nfs")
def test_state_file_that_another_machine_has_on_a_network_file_system_keeps_its_rollback_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StateFile(path).tenant(TOKEN)
    monkeypatch.setattr(state_module, "network_file_system", lambda _: "")
    put(StateFile(path), "a")
    assert journal_mode(path) == "delete"


@pytest.mark.usefixtures("on_nfs")
def test_damaged_state_file_on_a_network_file_system_is_set_aside_and_both_are_said(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"something else " * 1_000)
    state = StateFile(path)
    put(state, "a")
    assert "damaged" in state.warning
    assert "nfs4" in state.warning
