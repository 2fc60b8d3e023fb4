"""Where login keeps tokens: written whole or not at all, for the user alone, and never through a link."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import find_token, sources
from mogplex_mcp.credentials.token_store import FileStore, KeyringStore, StoreError
from tests.systems import with_modes, with_posix

MOGPLEX = "https://mogplex.com"
OTHER = "http://127.0.0.1:8787"
FIRST = "mog_First0First0First0First0First0Fi"
SECOND = "mog_Second0Second0Second0Second0Seco"


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "mogplex-mcp" / "tokens.json")


def test_what_is_put_is_got_by_its_own_address_alone(store: FileStore) -> None:
    store.put(MOGPLEX, FIRST)
    store.put(OTHER, SECOND)
    store.put(MOGPLEX, SECOND)
    assert (store.get(MOGPLEX), store.get(OTHER), store.get("https://example.com")) == (SECOND, SECOND, "")
    assert store.addresses() == [OTHER, MOGPLEX]
    assert store.remove(MOGPLEX)
    assert not store.remove(MOGPLEX)
    assert store.addresses() == [OTHER]


@with_modes
def test_the_mode_is_the_users_alone_whatever_the_umask(store: FileStore) -> None:
    store.path.parent.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        store.put(MOGPLEX, FIRST)
    finally:
        os.umask(before)
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    assert not store.is_exposed


def test_a_link_in_place_of_the_file_is_replaced_and_not_followed(store: FileStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("{}")
    store.path.parent.mkdir()
    store.path.symlink_to(elsewhere)
    store.put(MOGPLEX, FIRST)
    assert elsewhere.read_text() == "{}"
    assert not store.path.is_symlink()
    assert store.get(MOGPLEX) == FIRST


def test_a_folder_that_is_a_link_is_refused(store: FileStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "shared"
    elsewhere.mkdir()
    store.path.parent.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="is a symbolic link"):
        store.put(MOGPLEX, FIRST)
    assert list(elsewhere.iterdir()) == []


@with_posix
def test_a_folder_of_another_user_is_refused(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.path.parent.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    with pytest.raises(StoreError, match="belongs to another user"):
        store.put(MOGPLEX, FIRST)


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(MOGPLEX, FIRST)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match="No space left on device"):
        store.put(MOGPLEX, SECOND)
    assert store.get(MOGPLEX) == FIRST
    assert [path.name for path in store.path.parent.iterdir()] == ["tokens.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"https://mogplex.com": 7}', "[" * 30_000, "null"])
def test_a_damaged_file_is_named_replaced_by_a_login_and_removed_by_a_logout(text: str, store: FileStore) -> None:
    store.path.parent.mkdir()
    store.path.write_text(text)
    with pytest.raises(StoreError, match=r"tokens\.json cannot be used: it is damaged; `mogplex-mcp login`"):
        store.get(MOGPLEX)
    assert store.remove(MOGPLEX)
    assert not store.path.exists()
    store.path.write_text(text)
    store.put(MOGPLEX, FIRST)
    assert store.get(MOGPLEX) == FIRST


def test_a_folder_in_place_of_the_file_is_named(store: FileStore) -> None:
    store.path.mkdir(parents=True)
    with pytest.raises(StoreError, match="no regular file"):
        store.get(MOGPLEX)
    with pytest.raises(StoreError, match="cannot be used"):
        store.put(MOGPLEX, FIRST)


def test_find_token_looks_there_before_the_vendors_file(store: FileStore, tmp_path: Path) -> None:
    auth = tmp_path / ".mogplex" / "auth.json"
    auth.parent.mkdir()
    auth.write_text(json.dumps({"token": SECOND}))
    auth.chmod(0o600)
    store.put(MOGPLEX, FIRST)
    settings = Settings(home=tmp_path, token_file=store.path)
    found = find_token(settings)
    assert found.token is not None
    assert (found.token.value, found.source, found.warning) == (FIRST, store.name, "")
    assert sources(settings) == [store.name, f"the file {auth}"]


def test_a_token_for_another_address_is_mentioned_and_not_used(store: FileStore) -> None:
    store.put(OTHER, FIRST)
    found = find_token(Settings(token_file=store.path))
    assert found.token is None
    assert found.problem is not None
    assert f"A token is stored for {OTHER}" in found.problem.message


def test_a_damaged_file_is_not_passed_over(store: FileStore) -> None:
    store.path.parent.mkdir()
    store.path.write_text("{")
    found = find_token(Settings(token_file=store.path))
    assert found.problem is not None
    assert "it is damaged" in found.problem.message


@with_modes
def test_a_file_that_others_may_read_is_warned_of(store: FileStore) -> None:
    store.put(MOGPLEX, FIRST)
    store.path.chmod(0o644)
    found = find_token(Settings(token_file=store.path))
    assert found.token is not None
    assert found.warning == f"Other users of this machine may read {store.path}: run `chmod 600` on it."


class Hanging(ModuleType):
    """A keyring that waits for a user who is not there, and counts who asks."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.unlocked = threading.Event()
        self.asked = 0

    def get_password(self, _service: str, _user: str) -> str:
        self.asked += 1
        self.unlocked.wait()
        return FIRST


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    module = Hanging()
    monkeypatch.setitem(sys.modules, "keyring", module)
    yield module
    module.unlocked.set()


def test_a_keyring_that_does_not_answer_is_given_up_and_not_asked_again_until_it_does(hanging: Hanging) -> None:
    store = KeyringStore(seconds=0.01)
    with pytest.raises(StoreError, match="did not answer within"):
        store.get(MOGPLEX)
    with pytest.raises(StoreError, match="has not answered yet"):
        store.get(MOGPLEX)
    assert hanging.asked == 1
    hanging.unlocked.set()
    patient = KeyringStore(seconds=30)
    assert patient.get(MOGPLEX) == FIRST


def test_put_refuses_a_file_that_windows_redirects_into_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(tmp_path / "tokens.json")
    private = r"C:\Users\me\AppData\Local\Packages\Claude_pzs8sxrjxfjjc\LocalCache\Local\mogplex-mcp\tokens.json"
    monkeypatch.setattr("os.path.realpath", lambda _: private)
    with pytest.raises(StoreError, match="Windows redirects it to C:"):
        store.put("https://mogplex.com", "mog_" + "a" * 32)
