"""Where a token is looked for, in which order, and what is said where there is none."""

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.private_file import LARGEST
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.sources import find_token
from tests.systems import with_posix

MOGPLEX = "https://mogplex.com"
FIRST = "mog_First0First0First0First0First0Fi"
SECOND = "mog_Second0Second0Second0Second0Seco"
THIRD = "mog_Third0Third0Third0Third0Third0Th"
FOURTH = "mog_Fourth0Fourth0Fourth0Fourth0Four"


@pytest.fixture(autouse=True)
def keyring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An empty keyring, independent of this machine's."""
    module = ModuleType("keyring")
    module.get_password = lambda _service, _user: None  # type: ignore[attr-defined] # a stand-in
    monkeypatch.setitem(sys.modules, "keyring", module)
    return module


def auth_file(home: Path, text: str) -> Path:
    path = home / ".mogplex" / "auth.json"
    path.parent.mkdir()
    path.write_text(text)
    return path


def test_every_place_is_looked_at_in_order(
    keyring: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    file = tmp_path / "token"
    file.write_text(SECOND)
    keyring.get_password = lambda service, user: THIRD if (service, user) == ("mogplex-mcp", MOGPLEX) else None  # type: ignore[attr-defined] # a stand-in
    path = auth_file(tmp_path, f'{{"token": "{FOURTH}"}}')
    places = {"api_key": Secret(FIRST), "api_key_file": file, "home": tmp_path}
    found = []
    for gone in ("", "api_key", "api_key_file", "keyring"):
        places.pop(gone, None)
        if gone == "keyring":
            keyring.get_password = lambda _service, _user: None  # type: ignore[attr-defined] # a stand-in
        one = find_token(Settings(**places))  # type: ignore[arg-type] # fields by name
        found.append((one.token.value if one.token else "", one.source))
    assert found == [
        (FIRST, "the environment"),
        (SECOND, f"the file {file}"),
        (THIRD, "the keyring"),
        (FOURTH, f"the file {path}"),
    ]


def test_nothing_anywhere_is_said_with_all_places() -> None:
    found = find_token(Settings())
    assert found.token is None
    assert found.problem is not None
    assert found.problem.code is ErrorCode.NO_TOKEN
    for place in ("MOGPLEX_API_KEY", "MOGPLEX_API_KEY_FILE", "keyring", "~/.mogplex/auth.json"):
        assert place in found.problem.message


@pytest.mark.parametrize("text", [FIRST, f"  {FIRST}\n", f'"{FIRST}"', f"\ufeff{FIRST}\r\n"])
def test_a_file_may_hold_the_token_as_editors_leave_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")
    found = find_token(Settings(api_key_file=file))
    assert found.token is not None
    assert found.token.value == FIRST


def test_a_token_that_is_none_is_not_passed_over_and_not_shown(tmp_path: Path) -> None:
    auth_file(tmp_path, f'{{"token": "{FOURTH}"}}')
    found = find_token(Settings(api_key=Secret("hunter2hunter2"), home=tmp_path))
    assert found.token is None
    assert found.problem is not None
    assert found.problem.code is ErrorCode.MALFORMED_TOKEN
    assert "the environment" in found.problem.message
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    "kind",
    [
        *("missing", "directory", "huge", "binary", "half of utf-16", "below a file"),
        pytest.param("pipe", marks=with_posix),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if kind == "directory":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "huge":
        file.write_text("m" * (LARGEST + 1))
    elif kind == "binary":
        file.write_bytes(b"\xff\xfe\x00\xd8")
    elif kind == "half of utf-16":
        file.write_bytes(FIRST.encode("utf-16")[:-1])
    elif kind == "below a file":
        file.write_text(FIRST)
        file = file / "token"
    found = find_token(Settings(api_key_file=file))
    assert found.token is None
    assert found.problem is not None
    assert found.problem.code is ErrorCode.NO_TOKEN
    assert str(file) in found.problem.message
    assert "cannot be used: " in found.problem.message
    assert found.problem.message.endswith("Correct MOGPLEX_API_KEY_FILE (--api-key-file), or leave it out.")


def test_token_file_that_powershell_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{FIRST}\r\n", encoding="utf-16")
    found = find_token(Settings(api_key_file=file))
    assert found.token is not None
    assert found.token.value == FIRST


def test_a_file_with_an_impossible_name_is_no_crash() -> None:
    assert find_token(Settings(api_key_file=Path("a\0b"))).token is None


def test_a_file_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    file = tmp_path / "token"
    file.write_text(FIRST)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    found = find_token(Settings(api_key_file=file))
    assert found.problem is not None
    assert "Permission denied" in found.problem.message


def test_an_empty_file_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("\n")
    auth_file(tmp_path, f'{{"token": "{FOURTH}"}}')
    found = find_token(Settings(api_key_file=file, home=tmp_path))
    assert found.token is not None
    assert found.token.value == FOURTH


@pytest.mark.parametrize(
    "text",
    [
        f'{{"token": "{FOURTH}"}}',
        f'{{"version": 1, "default": {{"apiKey": "{FOURTH}", "host": "https://mogplex.com"}}}}',
        f'{{"accounts": [{{"name": "me", "key": "{FOURTH}"}}]}}',
        f'["{FOURTH}"]',
    ],
)
def test_the_vendors_file_is_read_under_whatever_name_it_keeps_the_token(text: str, tmp_path: Path) -> None:
    auth_file(tmp_path, text)
    found = find_token(Settings(home=tmp_path))
    assert found.token is not None
    assert found.token.value == FOURTH


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"token": 7}', "[" * 30_000, '{"token": "other"}'])
def test_a_vendors_file_without_a_token_is_as_good_as_none(text: str, tmp_path: Path) -> None:
    auth_file(tmp_path, text)
    found = find_token(Settings(home=tmp_path))
    assert found.problem is not None
    assert found.problem.code is ErrorCode.NO_TOKEN
    assert found.source == "nowhere"


def test_a_vendors_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = auth_file(tmp_path, "x" * (LARGEST + 1))
    found = find_token(Settings(home=tmp_path))
    assert found.problem is not None
    assert str(path) in found.problem.message


def test_a_home_that_is_a_file_is_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "home"
    file.write_text("")
    assert find_token(Settings(home=file)).source == "nowhere"


def test_a_keyring_that_fails_in_whatever_way_is_passed_over(keyring: ModuleType, tmp_path: Path) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError("no D-Bus")

    keyring.get_password = fail  # type: ignore[attr-defined] # a stand-in
    auth_file(tmp_path, f'{{"token": "{FOURTH}"}}')
    found = find_token(Settings(home=tmp_path))
    assert found.token is not None
    assert found.token.value == FOURTH


@pytest.mark.parametrize(("platform", "expected"), [("linux", FIRST), ("win32", FIRST), ("darwin", SECOND)])
def test_keyring_of_macos_is_asked_last(
    platform: str, expected: str, keyring: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.get_password = lambda _service, _user: FIRST  # type: ignore[attr-defined] # a stand-in
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps({MOGPLEX: SECOND}))
    monkeypatch.setattr(sys, "platform", platform)
    found = find_token(Settings(token_file=file))
    assert found.token is not None
    assert found.token.value == expected


def test_without_the_keyring_package_the_other_places_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    auth_file(tmp_path, f'{{"token": "{FOURTH}"}}')
    assert find_token(Settings(home=tmp_path)).token is not None


def test_a_found_token_shows_its_last_letters_at_most() -> None:
    found = find_token(Settings(api_key=Secret(FIRST)))
    assert FIRST not in repr(found)
    assert FIRST[:-4] not in str(found)


def test_find_token_names_a_placeholder_when_there_is_no_token() -> None:
    found = find_token(Settings.load({"MOGPLEX_API_KEY": "${input:token}"}))
    assert found.problem is not None
    assert "MOGPLEX_API_KEY contains a placeholder that was not filled in." in found.problem.message
