"""What a user can choose: names, precedence, and errors that say what to write."""

import os
import re
from pathlib import Path

import pytest

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.config.options import OPTIONS, Option
from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.core.redaction import Secret

TOKEN = "mog_TestTokenTestTokenTestTokenTest0"


def test_without_any_choice_the_defaults_hold() -> None:
    settings = Settings.load({})
    assert settings == Settings()
    assert settings.base_url == DEFAULT_BASE_URL
    assert not settings.read_only
    assert settings.remember_prompts


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("MOGPLEX_API_KEY", "api_key"),
        ("MOGPLEX_TOKEN", "api_key"),
        ("MOGPLEX_API_TOKEN", "api_key"),
        ("MOGPLEX_URL", "base_url"),
        ("MOGPLEX_BASE_URL", "base_url"),
        ("MOGPLEX_API_URL", "base_url"),
    ],
)
def test_the_vendors_names_are_read(name: str, setting: str) -> None:
    value = {"api_key": TOKEN, "base_url": "https://mogplex.example"}[setting]
    expected = {"api_key": Secret(TOKEN), "base_url": "https://mogplex.example/api/v1/mogplex"}[setting]
    assert getattr(Settings.load({name: value}), setting) == expected


def test_of_several_names_the_first_one_that_is_set_counts() -> None:
    environment = {"MOGPLEX_API_KEY": " ", "MOGPLEX_TOKEN": "second", "MOGPLEX_API_TOKEN": "third"}
    assert Settings.load(environment).api_key == Secret("second")


def test_a_flag_counts_before_the_environment() -> None:
    environment = {"MOGPLEX_MCP_READ_ONLY": "false", "MOGPLEX_MCP_MAX_WAIT": "10", "MOGPLEX_MCP_TOOLS": "get_run"}
    settings = Settings.load(environment, {"read_only": "true", "max_wait": None, "tools": "list_repos, tail_run"})
    assert settings.read_only
    assert settings.max_wait == 10
    assert settings.tools == ("list_repos", "tail_run")


def test_blank_variables_count_as_not_set() -> None:
    assert Settings.load({name: "  " for option in OPTIONS for name in option.environment}) == Settings()


@pytest.mark.parametrize(
    ("environment", "flags", "said"),
    [
        ({"MOGPLEX_MCP_READ_ONLY": "maybe"}, {}, "MOGPLEX_MCP_READ_ONLY: write true or false, not 'maybe'"),
        ({}, {"read_only": "maybe"}, "--read-only: write true or false"),
        ({"MOGPLEX_MCP_MAX_WAIT": "soon"}, {}, "MOGPLEX_MCP_MAX_WAIT: write a number of seconds, not 'soon'"),
        ({"MOGPLEX_MCP_MAX_WAIT": "0"}, {}, "write a number from 1 to 3600, not 0"),
        ({"MOGPLEX_MCP_MAX_WAIT": "nan"}, {}, "write a number from 1 to 3600"),
        ({"MOGPLEX_MCP_MAX_WAIT": "inf"}, {}, "write a number from 1 to 3600"),
        ({"MOGPLEX_MCP_LOG_LEVEL": "loud"}, {}, "write one of debug, info, warning, error, not 'loud'"),
        ({"MOGPLEX_MCP_PORT": "65536"}, {}, "write a port from 0 to 65535"),
        ({"MOGPLEX_MCP_PORT": "-1"}, {}, "write a port from 0 to 65535"),
        ({"MOGPLEX_MCP_PORT": "http"}, {}, "write a port from 0 to 65535"),
        ({"MOGPLEX_URL": "http://mogplex.example"}, {}, "MOGPLEX_URL: http:// would send your token unencrypted"),
        ({}, {"base_url": ""}, "--url: The Mogplex address is empty"),
        ({"MOGPLEX_API_KEY_FILE": "~unknown-user/token"}, {}, "MOGPLEX_API_KEY_FILE: write an absolute path"),
        ({}, {"state_file": ""}, "--state-file: write the path of a file"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_what_to_write(
    environment: dict[str, str], flags: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        Settings.load(environment, flags)


@pytest.mark.parametrize("text", ["1", "true", "YES", "On"])
def test_a_switch_is_on_in_every_usual_spelling(text: str) -> None:
    assert Settings.load({"MOGPLEX_MCP_READ_ONLY": text}).read_only


def test_secrets_are_shown_by_nothing() -> None:
    settings = Settings.load({"MOGPLEX_API_KEY": TOKEN, "MOGPLEX_MCP_CLIENT_KEY": "hunter2"})
    for text in (repr(settings), str(settings), f"{settings.api_key}", repr(settings.api_key)):
        assert TOKEN not in text
        assert "hunter2" not in text
    assert str(Settings().api_key) == "(not set)"


def test_a_demo_uses_no_token_no_journal_and_no_other_address_of_the_user(tmp_path: Path) -> None:
    environment = {
        "MOGPLEX_MCP_DEMO": "true",
        "MOGPLEX_API_KEY": TOKEN,
        "MOGPLEX_URL": "https://mogplex.example",
        "MOGPLEX_MCP_STATE_FILE": str(tmp_path / "folder" / "state"),
    }
    settings = Settings.load(environment)
    assert not settings.api_key
    assert settings.state_file == tmp_path / "folder" / "demo.sqlite3"
    assert settings.base_url == DEFAULT_BASE_URL


def test_a_demo_keeps_nothing_where_no_file_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)

    assert Settings.load({"MOGPLEX_MCP_DEMO": "1", "MOGPLEX_MCP_STATE_FILE": str(tmp_path / "s")}).state_file is None


def test_files_are_found_from_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings.load({"HOME": str(tmp_path), "MOGPLEX_API_KEY_FILE": "~/token"})
    assert settings.home == tmp_path
    assert settings.api_key_file == tmp_path / "token"
    assert settings.state_file is not None
    assert settings.state_file.name == "state.sqlite3"


def test_without_a_home_directory_nothing_is_kept_in_files() -> None:
    settings = Settings.load({})
    assert settings.home is None
    assert settings.state_file is None


def test_a_home_directory_that_is_relative_is_none() -> None:
    settings = Settings.load({"HOME": "."})
    assert settings.home is None
    assert settings.state_file is None


def test_a_process_that_was_started_without_its_environment_still_finds_its_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HOME", "USERPROFILE", *(name for option in OPTIONS for name in option.environment)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", str(tmp_path)))
    assert Settings.load().home == tmp_path
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert Settings.load().home is None


def _setting(option: Option) -> str:
    return option.setting


@pytest.mark.parametrize("option", OPTIONS, ids=_setting)
def test_every_option_has_an_environment_name_a_help_and_a_field(option: Option) -> None:
    assert option.environment
    assert all(re.fullmatch(r"MOGPLEX_[A-Z_]+", name) for name in option.environment)
    assert option.help.endswith(".")
    assert hasattr(Settings(), option.setting)


def test_no_name_is_used_twice() -> None:
    names = [name for option in OPTIONS for name in option.environment]
    flags = [option.flag for option in OPTIONS if option.flag]
    assert len(names) == len(set(names))
    assert len(flags) == len(set(flags))


def test_what_is_secret_can_never_stand_in_a_command_line() -> None:
    assert {option.setting for option in OPTIONS if not option.flag} == {"api_key", "client_key"}
