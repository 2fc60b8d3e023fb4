"""The command in an entry is found by a program without a shell's PATH, and is still there tomorrow."""

from dataclasses import replace
from pathlib import Path

import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.launch import Installation, Launch, options_in, server_options, typed_again


def installation(prefix: Path, *, is_virtual: bool = True, program: bool = True) -> Installation:
    scripts = prefix / "bin"
    scripts.mkdir(parents=True)
    if program:
        (scripts / "mogplex-mcp").touch()
    return Installation((scripts,), scripts / "python", prefix, is_virtual, Path("/nowhere/tmp"))


def test_the_command_is_the_whole_path_of_this_installation(tmp_path: Path) -> None:
    launch = installation(tmp_path / "usr", is_virtual=False).launch(["--demo"])
    assert launch == Launch(str(tmp_path / "usr/bin/mogplex-mcp"), (), ("--demo",))


def test_without_a_script_the_interpreter_runs_the_module(tmp_path: Path) -> None:
    launch = installation(tmp_path / "usr", is_virtual=False, program=False).launch()
    assert launch == Launch(str(tmp_path / "usr/bin/python"), ("-m", "mogplex_mcp"))


def test_a_virtual_environment_is_pointed_out(tmp_path: Path) -> None:
    launch = installation(tmp_path / "shop/.venv").launch()
    assert launch.note.startswith(f"The command is in the virtual environment {tmp_path / 'shop/.venv'}: keep it.")
    assert "uv tool install mogplex-mcp" in launch.note


@pytest.mark.parametrize("folder", [".local/share/uv/tools/mogplex-mcp", ".local/pipx/venvs/mogplex-mcp"])
def test_an_environment_that_was_made_for_the_tool_stays(folder: str, tmp_path: Path) -> None:
    assert installation(tmp_path / folder).launch().note == ""


def test_a_temporary_folder_is_warned_of(tmp_path: Path) -> None:
    there = replace(installation(tmp_path / "venv"), temporary=tmp_path)
    assert "is a temporary folder: the entry fails once it is deleted" in there.launch().note


@pytest.mark.parametrize("folder", ["archive-v0/x1", "environments-v2/x1", "builds-v0/.tmp1"])
@pytest.mark.parametrize("has_keyring", [True, False])
def test_from_uvs_cache_uvx_is_written_with_its_whole_path(folder: str, has_keyring: bool, tmp_path: Path) -> None:
    uvx = tmp_path / "bin/uvx"
    uvx.parent.mkdir()
    uvx.touch()
    there = installation(tmp_path / ".cache/uv" / folder)
    launch = replace(there, uvx=(tmp_path / "no/uvx", uvx), has_keyring=has_keyring).launch(["--demo"])
    args = ("--from", "mogplex-mcp[keyring]", "mogplex-mcp") if has_keyring else ("mogplex-mcp",)
    assert launch == Launch(str(uvx), args, ("--demo",), launch.note)
    assert "`uv tool install mogplex-mcp`" in launch.note


@pytest.mark.parametrize("folder", [".cache/uv/archive-v0/x1", ".local/pipx/.cache/x1"])
def test_from_a_cache_that_nothing_can_fill_again_nothing_is_installed(folder: str, tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match=r"cache, which is deleted .* install mogplex-mcp`, then run"):
        installation(tmp_path / folder).launch()


@pytest.mark.parametrize(
    ("typed", "folder", "on_path", "again"),
    [
        ("/home/a/.local/bin/mogplex-mcp", "uv/tools/mogplex-mcp", True, "mogplex-mcp"),
        (".venv/bin/mogplex-mcp", "shop/.venv", False, ".venv/bin/mogplex-mcp"),
        ("my tools/mogplex-mcp", "my tools", False, '"my tools/mogplex-mcp"'),
        ("/home/a/.cache/uv/archive-v0/x1/bin/mogplex-mcp", ".cache/uv/archive-v0/x1", True, "uvx mogplex-mcp"),
        ("/usr/lib/python3/mogplex_mcp/__main__.py", "usr", False, "mogplex-mcp"),
    ],
)
def test_a_proposed_command_is_typed_like_the_one_before(typed: str, folder: str, on_path: bool, again: str) -> None:
    assert typed_again(typed, Path("/") / folder, on_path=on_path) == again


def test_this_installation_can_be_started(tmp_path: Path) -> None:
    launch = Installation.this(tmp_path).launch()
    assert Path(launch.command).is_absolute()
    assert Path(launch.command).exists()


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["mogplex-mcp"], ()),
        (["/x/bin/mogplex-mcp", "--demo"], ("--demo",)),
        (["C:\\Tools\\mogplex-mcp.exe", "--demo"], ("--demo",)),
        (["uvx", "mogplex-mcp@latest", "--demo"], ("--demo",)),
        (["uvx", "--from", "mogplex-mcp[keyring]", "mogplex-mcp", "--demo"], ("--demo",)),
        (["uv", "run", "--directory", "/src/mogplex-mcp", "mogplex-mcp", "--demo"], ("--demo",)),
        (["python", "-m", "mogplex_mcp", "--demo"], ("--demo",)),
        (["docker", "run", "-i", "--name", "mogplex-mcp", "ghcr.io/acme/mogplex-mcp:1.2", "--demo"], ("--demo",)),
        (["mogplex-mcp", "--default-repo", "acme/mogplex-mcp"], ("--default-repo", "acme/mogplex-mcp")),
        (["npx", "other-mcp"], None),
        (["/x/mogplex-mcp-other"], None),
        (["npx", "mcp-remote", "https://mogplex.com/mcp"], None),
        (["C:\\Tools\\MOGPLEX-MCP.EXE", "--demo"], ("--demo",)),
        (["C:/Tools/mogplex-mcp.EXE"], ()),
        (["C:\\Tools\\mogplex-mcp.cmd", "--demo"], ("--demo",)),
        (["cmd", "/c", "mogplex-mcp.bat"], ()),
        (["powershell", "-File", "mogplex-mcp.ps1"], ()),
        (["wsl.exe", "-d", "Ubuntu", "--", "/home/me/.local/bin/mogplex-mcp", "--demo"], ("--demo",)),
        (["mogplex-mcp-other.exe"], None),
    ],
)
def test_this_server_is_known_in_any_command(words: list[str], options: tuple[str, ...] | None) -> None:
    assert options_in(words[0], words[1:]) == options


def test_options_of_the_server_are_handed_on_as_they_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = {"read_only": "1", "toolsets": "runs,repos", "api_key_file": "token.txt", "host": "127.0.0.1"}
    settings = Settings.load({"MOGPLEX_MCP_DEMO": "true", "MOGPLEX_API_KEY": "mog_secret"}, flags)
    assert server_options(settings, {**flags, "clients": ["cursor"], "name": "mogplex"}) == (
        "--api-key-file",
        str(tmp_path / "token.txt"),
        "--toolsets",
        "runs,repos",
        "--read-only",
    )


def test_server_options_leave_out_a_switch_that_is_off() -> None:
    flags = {"read_only": "true", "allow_destructive": "false", "demo": "0"}
    assert server_options(Settings.load({}, flags), flags) == ("--read-only",)
