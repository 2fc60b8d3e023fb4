"""A person's token and journal are in one place, whatever variables a program has."""

from pathlib import Path

import pytest

from mogplex_mcp.config.user_files import user_files_of

HOME = Path("/home/me")
XDG = {"XDG_CONFIG_HOME": "/x/config", "XDG_STATE_HOME": "/x/state", "XDG_DATA_HOME": "/x/data"}


@pytest.mark.parametrize(
    ("platform", "token", "state"),
    [
        ("linux", ".config/mogplex-mcp/tokens.json", ".local/state/mogplex-mcp/state.sqlite3"),
        (
            "darwin",
            "Library/Application Support/mogplex-mcp/tokens.json",
            "Library/Application Support/mogplex-mcp/state.sqlite3",
        ),
        ("win32", ".mogplex-mcp/tokens.json", ".mogplex-mcp/state.sqlite3"),
    ],
)
@pytest.mark.parametrize("environment", [{}, XDG, {"LOCALAPPDATA": "/c/local", "APPDATA": "/c/roaming"}])
def test_places_are_the_same_with_and_without_variables(
    platform: str, token: str, state: str, environment: dict[str, str]
) -> None:
    files = user_files_of(HOME, platform, environment)
    assert (files.token_file, files.state_file) == (HOME / token, HOME / state)
    assert "AppData" not in str(files.state_file)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_places_know_where_earlier_releases_had_them(platform: str) -> None:
    files = user_files_of(HOME, platform, XDG)
    assert files.old_token_files == (Path("/x/config/mogplex-mcp/tokens.json"),)
    assert files.old_state_files == (Path("/x/state/mogplex-mcp/state.sqlite3"),)
    files = user_files_of(HOME, platform, {"XDG_CONFIG_HOME": "relative", "XDG_STATE_HOME": " "})
    assert (files.old_token_files, files.old_state_files) == ((), ())


def test_places_on_windows_know_the_folders_that_packages_redirect() -> None:
    files = user_files_of(HOME, "win32", {"LOCALAPPDATA": "/c/local"})
    assert files.old_token_files == (Path("/c/local/mogplex-mcp/tokens.json"),)
    assert user_files_of(HOME, "win32", {}).old_state_files == (HOME / "AppData/Local/mogplex-mcp/state.sqlite3",)


def test_usual_places_are_not_old_ones() -> None:
    environment = {"XDG_CONFIG_HOME": str(HOME / ".config"), "XDG_STATE_HOME": str(HOME / ".local/state")}
    files = user_files_of(HOME, "linux", environment)
    assert (files.old_token_files, files.old_state_files) == ((), ())
