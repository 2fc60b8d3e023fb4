"""The file of Mogplex's own command line, whose form is not public: what is found in it, and what is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.mogplex_cli_file import read_mogplex_cli_file
from mogplex_mcp.credentials.sources import SourceKind, find_token

BASE = "https://mogplex.com/api/v1/mogplex"
ACCESS = "TxCPRWLYEIoSYxjWkLvfIGQZNSymUFKI"
REFRESH = "ZmJhbyEKmfGQWsEYkwztPDZQzhvbunjr"
PAT = "mog_First0First0First0First0First0Fi"
FLAT = {"access_token": ACCESS, "refresh_token": REFRESH, "expires_at": 1_800_000_000}


@pytest.mark.parametrize(
    ("content", "expires_at"),
    [
        (FLAT, 1_800_000_000.0),
        ({"accessToken": ACCESS, "refreshToken": REFRESH, "expiresAt": 1_800_000_000_000}, 1_800_000_000.0),
        ({"version": 2, "default": {"oauth": {"tokens": FLAT}}}, 1_800_000_000.0),
        ({"tokens": [{"token": ACCESS, "expiry": "2027-01-15T08:00:00Z"}]}, 1_800_000_000.0),
        ({"https://mogplex.com": {"access-token": f"Bearer {ACCESS}"}, "https://other.example": FLAT}, None),
        ({"issuer": "https://www.mogplex.com/", "auth": {"access_token": ACCESS, "expires": "soon"}}, None),
        ({"refresh_token": REFRESH, "id_token": "x" * 32, "access_token": ACCESS, "expires_at": True}, None),
    ],
)
def test_access_token_and_expiry_are_found_by_name_at_any_depth(content: Any, expires_at: float | None) -> None:
    found = read_mogplex_cli_file(json.dumps(content), BASE)
    assert (found.token and found.token.value, found.expires_at, found.problem) == (ACCESS, expires_at, "")


@pytest.mark.parametrize(
    "expires_at", [10**400, 1e308, -1, 0, "9" * 400, "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", [], {}]
)
def test_impossible_expiry_hides_no_token(expires_at: Any, tmp_path: Path) -> None:
    path = tmp_path / ".mogplex" / "auth.json"
    path.parent.mkdir()
    path.write_text(json.dumps(FLAT | {"expires_at": expires_at}))
    found = find_token(Settings(home=tmp_path))
    assert (found.token and found.token.value) == ACCESS


@pytest.mark.parametrize("content", [{"x": PAT}, [PAT], PAT, {"access_token": ACCESS, "old": {"key": PAT}}])
def test_personal_token_is_found_under_any_name_and_comes_first(content: Any) -> None:
    found = read_mogplex_cli_file(json.dumps(content), BASE)
    assert (found.token and found.token.value) == PAT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it isn't JSON"),
        ("[" * 30_000, "it isn't JSON"),
        ("{}", "no field in it has the name of a token"),
        (json.dumps({"refresh_token": REFRESH}), "no field in it has the name of a token"),
        (json.dumps({"access_token": "two words, no token"}), "A Mogplex token is mog_"),
        (json.dumps({"access_token": 7}), "no field in it has the name of a token"),
        (json.dumps({"host": "https://mogplex.internal", **FLAT}), "its token is for another Mogplex"),
    ],
)
def test_file_without_a_usable_token_is_named_with_the_reason(text: str, problem: str, tmp_path: Path) -> None:
    assert read_mogplex_cli_file(text, BASE).problem.startswith(problem)
    path = tmp_path / ".mogplex" / "auth.json"
    path.parent.mkdir()
    path.write_text(text)
    found = find_token(Settings(home=tmp_path))
    assert found.problem is not None
    assert f"The file {path} of Mogplex's own command line was not used: {problem}" in found.problem.message
    assert "two words" not in found.problem.message


def test_sign_in_of_the_other_program_is_used_with_a_note_and_never_refreshed(tmp_path: Path) -> None:
    path = tmp_path / ".mogplex" / "auth.json"
    path.parent.mkdir()
    path.write_text(json.dumps(FLAT))
    found = find_token(Settings(home=tmp_path))
    assert (found.token and found.token.value, found.kind, found.grant) == (ACCESS, SourceKind.MOGPLEX_CLI, None)
    assert "valid until 2027-01-15T08:00+00:00, and only that program refreshes it" in found.warning
    assert json.loads(path.read_text()) == FLAT
