"""Where a client looks that has several folders or files."""

import os
from pathlib import Path, PureWindowsPath

import pytest

from mogplex_mcp.installation.clients import client_named
from mogplex_mcp.installation.machine import Machine
from tests.installation.support import machine


def test_claude_desktop_from_the_windows_store_has_a_folder_of_its_own(tmp_path: Path) -> None:
    here = machine(tmp_path, "win32", LOCALAPPDATA=str(tmp_path / "Local"), APPDATA=str(tmp_path / "Roaming"))
    (tmp_path / "Roaming/Claude").mkdir(parents=True)
    (tmp_path / "Roaming/Claude/claude_desktop_config.json").write_text("{}")
    client = client_named("claude-desktop")
    assert here.configuration(client, "user") == tmp_path / "Roaming/Claude/claude_desktop_config.json"
    package = tmp_path / "Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    package.mkdir(parents=True)
    assert here.configuration(client, "user") == package / "claude_desktop_config.json"


@pytest.mark.parametrize(
    ("name", "folder"), [("vscode", "Code"), ("vscode-insiders", "Code - Insiders"), ("vscodium", "VSCodium")]
)
def test_configurations_of_each_edition_are_its_own_with_all_profiles(name: str, folder: str, tmp_path: Path) -> None:
    here = machine(tmp_path)
    for edition in ("Code", "Code - Insiders", "VSCodium"):
        (here.home / ".config" / edition / "User/profiles/-1a2b").mkdir(parents=True)
    user = here.home / ".config" / folder / "User"
    assert here.configurations(client_named(name), "user") == [user / "mcp.json", user / "profiles/-1a2b/mcp.json"]


def test_configurations_have_the_file_of_an_editor_in_a_sandbox(tmp_path: Path) -> None:
    here = machine(tmp_path)
    user = here.home / ".var/app/com.visualstudio.code/config/Code/User"
    user.mkdir(parents=True)
    assert here.configurations(client_named("vscode"), "user") == [user / "mcp.json"]
    assert here.has(client_named("vscode"))


def test_configurations_of_cline_are_those_of_its_program_and_of_its_extension(tmp_path: Path) -> None:
    here, cline = machine(tmp_path), client_named("cline")
    extension = here.home / ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings"
    extension.mkdir(parents=True)
    assert here.configurations(cline, "user") == [extension / "cline_mcp_settings.json"]
    assert here.has(cline)
    program = here.home / ".cline/data/settings"
    program.mkdir(parents=True)
    assert here.configurations(cline, "user") == [
        program / "cline_mcp_settings.json",
        extension / "cline_mcp_settings.json",
    ]


@pytest.mark.parametrize(("name", "variable"), [("cline", "CLINE_MCP_SETTINGS_PATH"), ("amp", "AMP_SETTINGS_FILE")])
def test_configuration_of_a_client_can_be_named_by_a_variable(name: str, variable: str, tmp_path: Path) -> None:
    moved = tmp_path / "moved.json"
    assert machine(tmp_path, **{variable: str(moved)}).configurations(client_named(name), "user") == [moved]


def test_configuration_of_claude_code_is_its_older_file_if_that_is_there(tmp_path: Path) -> None:
    here, client = machine(tmp_path), client_named("claude-code")
    older = here.home / ".claude/.config.json"
    older.parent.mkdir()
    assert here.configuration(client, "user") == here.home / ".claude.json"
    older.write_text("{}")
    assert here.configurations(client, "user") == [older]


@pytest.mark.parametrize("key", ["d:/repos/Shop", "D:/Repos/shop"])
def test_entries_of_a_project_on_windows_are_found_in_any_case(key: str, tmp_path: Path) -> None:
    client = client_named("claude-code")
    here = Machine("win32", tmp_path, PureWindowsPath("D:\\repos\\Shop"), {})  # type: ignore[arg-type]  # a path of Windows
    assert here.entries(client, "local", {"projects": {key: {}}}) == ("projects", key, "mcpServers")
    assert here.entries(client, "local", {"projects": 5}) == ("projects", "D:/repos/Shop", "mcpServers")


def package(tmp_path: Path, name: str, *, text: str | None = None, modified: int = 1) -> Path:
    """A package of Claude Desktop in the folder of Windows, used so far if it has a text."""
    folder = tmp_path / f"Local/Packages/{name}/LocalCache/Roaming/Claude"
    (tmp_path / f"Local/Packages/{name}").mkdir(parents=True)
    path = folder / "claude_desktop_config.json"
    if text is not None:
        folder.mkdir(parents=True)
        path.write_text(text)
        os.utime(path, (modified, modified))
    return path


def test_configurations_of_packages_begin_with_the_one_in_use(tmp_path: Path) -> None:
    here, client = machine(tmp_path, "win32", LOCALAPPDATA=str(tmp_path / "Local")), client_named("claude-desktop")
    stale, used = package(tmp_path, "Claude_aaa", text="{}"), package(tmp_path, "Claude_bbb", text="{}", modified=9)
    assert here.configurations(client, "user") == [used, stale]
    vendors = package(tmp_path, "Claude_pzs8sxrjxfjjc", text="{}", modified=5)
    assert here.configurations(client, "user") == [vendors, used, stale]


def test_configuration_of_a_package_counts_before_that_of_an_old_build(tmp_path: Path) -> None:
    folders = {"LOCALAPPDATA": str(tmp_path / "Local"), "APPDATA": str(tmp_path / "Roaming")}
    here, client = machine(tmp_path, "win32", **folders), client_named("claude-desktop")
    old = tmp_path / "Roaming/Claude/claude_desktop_config.json"
    old.parent.mkdir(parents=True)
    assert here.configurations(client, "user") == [old]
    fresh = package(tmp_path, "Claude_pzs8sxrjxfjjc")
    assert here.configurations(client, "user") == [fresh]
    old.write_text("{}")
    assert here.configurations(client, "user") == [fresh, old]


def test_configuration_of_copilot_for_jetbrains_on_macos_is_in_the_folder_that_exists(tmp_path: Path) -> None:
    here, client = machine(tmp_path, "darwin"), client_named("copilot-jetbrains")
    other = here.home / "Library/Application Support/github-copilot/intellij"
    other.mkdir(parents=True)
    assert here.configurations(client, "user") == [other / "mcp.json"]
    usual = here.home / ".config/github-copilot/intellij"
    usual.mkdir(parents=True)
    assert here.configuration(client, "user") == usual / "mcp.json"
