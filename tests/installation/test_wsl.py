"""`mogplex-mcp install --wsl` writes the files of programs on Windows, which start this server in WSL."""

import json
import subprocess
from pathlib import Path

import pytest

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.installation import InstallationError, machine, wsl
from mogplex_mcp.installation.clients import client_named
from mogplex_mcp.installation.entry import entry_for, parse_entry
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.wsl import started_from_windows, windows_machine
from tests.installation.support import Run

LINUX = "/home/ann/.local/bin/mogplex-mcp"


class Windows:
    """The programs that say where the files of Windows are, which is below a folder."""

    def __init__(self, drive: Path, **variables: str) -> None:
        self.drive = drive
        self.variables = {"USERPROFILE": "C:\\Users\\Ann Lee", "APPDATA": "C:\\Roaming", **variables}

    def __call__(self, words: list[str]) -> bytes:
        if words[0] == "wslpath":
            return f"{self.drive}/{words[2].removeprefix('C:').replace(chr(92), '/').lstrip('/')}\n".encode()
        assert words[-1] == "set"
        # Windows writes "Path" and "windir" in its own case.
        return "".join(f"{name.title()}={value}\r\n" for name, value in self.variables.items()).encode("utf-16-le")


def here(tmp_path: Path, *, is_wsl: bool = True) -> Machine:
    return Machine("linux", tmp_path, tmp_path, {"WSL_DISTRO_NAME": "Ubuntu-24.04"}, is_wsl=is_wsl)


def test_windows_machine_has_the_folders_of_the_user_of_windows(tmp_path: Path) -> None:
    windows = Windows(tmp_path / "c", CODEX_HOME="C:\\Codex", COMSPEC="C:\\cmd.exe")
    found = windows_machine(here(tmp_path), windows)
    assert (found.platform, found.home) == ("win32", tmp_path / "c/Users/Ann Lee")
    assert found.configuration(client_named("cursor"), "user") == tmp_path / "c/Users/Ann Lee/.cursor/mcp.json"
    assert found.configuration(client_named("zed"), "user") == tmp_path / "c/Roaming/Zed/settings.json"
    assert found.configuration(client_named("codex"), "user") == tmp_path / "c/Codex/config.toml"


def test_windows_machine_is_for_wsl_only(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="this isn't WSL"):
        windows_machine(here(tmp_path, is_wsl=False), Windows(tmp_path))


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("cmd.exe", 1)])
def test_windows_machine_without_an_answer_of_windows_names_what_works(error: Exception, tmp_path: Path) -> None:
    def fail(_: list[str]) -> bytes:
        raise error

    with pytest.raises(InstallationError, match="in PowerShell instead"):
        windows_machine(here(tmp_path), fail)
    silent = Windows(tmp_path)
    silent.variables = {}
    with pytest.raises(InstallationError, match="in PowerShell instead"):
        windows_machine(here(tmp_path), silent)


def test_entry_for_windows_starts_this_server_without_a_shell_and_passes_variables_on() -> None:
    launch = Launch(
        LINUX,
        (),
        ("--read-only",),
        variables={"MOGPLEX_URL": "https://other.example"},
        forwarded={"HTTPS_PROXY": "http://proxy:3128"},
        hidden=("ALL_PROXY",),
    )
    moved = started_from_windows(launch, {"WSL_DISTRO_NAME": "Ubuntu-24.04"})
    for name in ("cursor", "codex"):
        entry = entry_for(client_named(name), moved)
        assert entry["command"] == "wsl.exe"
        assert entry["args"] == ["-d", "Ubuntu-24.04", "--exec", LINUX, "--read-only"]
        assert entry["env"] == {
            "MOGPLEX_URL": "https://other.example",
            "HTTPS_PROXY": "http://proxy:3128",
            "WSLENV": "MOGPLEX_URL/u:HTTPS_PROXY/u",
        }
        assert "env_vars" not in entry
        assert parse_entry(client_named(name), entry).options == ("--read-only",)


def test_entry_for_windows_without_variables_and_name_of_the_linux_is_plain() -> None:
    entry = entry_for(client_named("cursor"), started_from_windows(Launch(LINUX), {}))
    assert entry == {"command": "wsl.exe", "args": ["--exec", LINUX]}


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home directory on Windows, with Cursor in it, seen from WSL."""
    kernel = tmp_path / "version"
    kernel.write_text("Linux version 6.6.87.2-microsoft-standard-WSL2")
    monkeypatch.setattr(machine, "_KERNEL", kernel)
    monkeypatch.setattr(wsl, "_run", Windows(tmp_path / "c"))
    home = tmp_path / "c/Users/Ann Lee"
    (home / ".cursor").mkdir(parents=True)
    return home


def test_install_wsl_writes_the_file_of_a_program_on_windows(windows: Path, home: Path, run: Run) -> None:
    before = (home / ".cursor/mcp.json").read_text()
    assert run("cursor", "--wsl", "--demo", WSL_DISTRO_NAME="Debian") == ExitCode.OK
    written = json.loads((windows / ".cursor/mcp.json").read_text())["mcpServers"]["mogplex"]
    assert written["command"] == "wsl.exe"
    assert written["args"][:3] == ["-d", "Debian", "--exec"]
    assert written["args"][-1] == "--demo"
    assert (home / ".cursor/mcp.json").read_text() == before


@pytest.mark.usefixtures("windows")
def test_install_wsl_lists_the_programs_of_windows(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--wsl") == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "found, not installed" in line] == ["cursor"]


@pytest.mark.usefixtures("windows")
def test_install_wsl_has_no_projects(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cursor", "--wsl", "--scope", "project") == ExitCode.USAGE
    assert "--scope user" in capsys.readouterr().err


def test_install_wsl_elsewhere_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cursor", "--wsl") == ExitCode.USAGE
    assert "this isn't WSL" in capsys.readouterr().err
