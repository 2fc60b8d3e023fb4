"""Files of earlier releases move to the places of this one, once, and nothing is lost on the way."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mogplex_mcp.cli.moving import move_old_files
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import find_token
from mogplex_mcp.storage.inspection import count_runs
from mogplex_mcp.storage.state_file import StateFile
from tests.cli.login_support import run, tokens_file
from tests.systems import with_modes

TOKEN = "mog_TestTokenTestTokenTestTokenTest0"
ADDRESS = "https://mogplex.com"


def settings(home: Path) -> Settings:
    found = Settings.load(
        {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "xdg/config"), "XDG_STATE_HOME": str(home / "xdg/state")}
    )
    (old,) = found.old_token_files
    old.parent.mkdir(parents=True)
    (old,) = found.old_state_files
    old.parent.mkdir(parents=True)
    return found


@with_modes
def test_tokens_in_the_old_place_are_found_and_move_over(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (old,) = chosen.old_token_files
    old.write_text(json.dumps({ADDRESS: TOKEN, "https://other.example": TOKEN}))
    old.chmod(0o600)
    assert find_token(chosen).source == f"the file {old}"
    move_old_files(chosen)
    assert not old.exists()
    assert chosen.token_file is not None
    assert json.loads(chosen.token_file.read_text()) == {ADDRESS: TOKEN, "https://other.example": TOKEN}
    assert chosen.token_file.stat().st_mode & 0o777 == 0o600
    assert find_token(chosen).source == f"the file {chosen.token_file}"


def test_tokens_in_the_new_place_count_before_old_ones(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (old,) = chosen.old_token_files
    old.write_text(json.dumps({ADDRESS: TOKEN.replace("0", "1")}))
    assert chosen.token_file is not None
    chosen.token_file.parent.mkdir(parents=True)
    chosen.token_file.write_text(json.dumps({ADDRESS: TOKEN}))
    move_old_files(chosen)
    assert json.loads(chosen.token_file.read_text()) == {ADDRESS: TOKEN}


@with_modes
def test_a_journal_in_the_old_place_moves_over_with_what_is_not_yet_in_its_main_file(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (old,) = chosen.old_state_files
    state = StateFile(old)
    with state.transaction():
        pass  # makes the tables; the connection stays open, so that they are in the -wal file
    move_old_files(chosen)
    state.close()
    assert chosen.state_file is not None
    assert count_runs(chosen.state_file) == 0
    assert chosen.state_file.stat().st_mode & 0o777 == 0o600
    assert not old.exists()
    assert [path.name for path in chosen.state_file.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("content", [b"not a database" * 100])
def test_a_journal_that_cannot_be_moved_stays(content: bytes, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (old,) = chosen.old_state_files
    old.write_bytes(content)
    move_old_files(chosen)
    assert old.read_bytes() == content
    assert chosen.state_file is not None
    assert not chosen.state_file.exists()


def test_a_journal_in_the_new_place_is_not_replaced(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (old,) = chosen.old_state_files
    with closing(sqlite3.connect(old)) as database:
        database.execute("CREATE TABLE t (x)")
    assert chosen.state_file is not None
    chosen.state_file.parent.mkdir(parents=True)
    chosen.state_file.write_bytes(b"new")
    move_old_files(chosen)
    assert chosen.state_file.read_bytes() == b"new"
    assert old.exists()


def test_login_stores_a_token_where_a_client_without_the_variables_of_the_shell_finds_it(tmp_path: Path) -> None:
    done = run(tmp_path, "login", "--no-check", text=TOKEN, XDG_CONFIG_HOME=str(tmp_path / "xdg"))
    assert done.code == 0, done
    assert json.loads(tokens_file(tmp_path).read_text()) == {ADDRESS: TOKEN}
    assert not (tmp_path / "xdg").exists()


def test_a_command_moves_old_files_and_logout_leaves_no_token_behind(tmp_path: Path) -> None:
    old = tmp_path / "xdg/mogplex-mcp/tokens.json"
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps({ADDRESS: TOKEN}))
    done = run(tmp_path, "logout", XDG_CONFIG_HOME=str(tmp_path / "xdg"))
    assert f"were moved to {tokens_file(tmp_path)}" in done.stderr
    assert f"was removed from the file {tokens_file(tmp_path)}" in done.stderr
    assert not old.exists()
    assert not tokens_file(tmp_path).exists()


def test_a_demo_moves_nothing(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (old,) = chosen.old_state_files
    old.write_bytes(b"of the user")
    move_old_files(replace(chosen, demo=True, state_file=tmp_path / "demo.sqlite3"))
    assert old.exists()
    assert not (tmp_path / "demo.sqlite3").exists()
