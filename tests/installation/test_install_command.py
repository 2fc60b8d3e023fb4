"""`mogplex-mcp install` as a user runs it."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from mogplex_mcp.cli.exit_codes import ExitCode
from tests.installation.support import FOREIGN, Run, entry, files

CURSOR = Path("~/.cursor/mcp.json")

TOKEN = "mog_" + "a" * 32


def test_several_clients_are_installed_at_once_with_the_options_of_the_server(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cursor", "codex", "--read-only", "--default-repo", "acme/web") == ExitCode.OK
    assert entry(home / ".cursor/mcp.json")["args"][-3:] == ["--read-only", "--default-repo", "acme/web"]
    assert "[mcp_servers.mogplex]" in (home / ".codex/config.toml").read_text()
    said = capsys.readouterr()
    assert '  +    "mogplex": {' in said.out
    assert "abc" not in said.out
    assert f"Cursor: installed in {CURSOR}. The previous version is mcp.json.backup-" in said.out
    assert "Now run `mogplex-mcp login`: there is no token yet." in said.out


def test_the_second_time_nothing_is_touched(home: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("cursor")
    before = files(home)
    capsys.readouterr()
    assert run("cursor") == ExitCode.OK
    assert capsys.readouterr().out == f"Cursor: already installed in {CURSOR}\n"
    assert files(home) == before


def test_what_is_removed_leaves_the_file_as_it_was(home: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("cursor")
    assert run("cursor", "--remove") == ExitCode.OK
    assert (home / ".cursor/mcp.json").read_text() == FOREIGN
    assert f"Cursor: removed from {CURSOR}." in capsys.readouterr().out
    assert run("cursor", "--remove") == ExitCode.OK
    assert capsys.readouterr().out == f'Cursor: there is no entry "mogplex" in {CURSOR}\n'


def test_all_means_all_that_are_found(home: Path, run: Run) -> None:
    assert run("--all", "--name", "mine") == ExitCode.OK
    assert "mine" in (home / ".cursor/mcp.json").read_text()
    assert "mine" in (home / ".codex/config.toml").read_text()
    assert not (home / ".gemini").exists()


def test_without_a_name_it_says_what_is_where(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("codex")
    capsys.readouterr()
    assert run() == ExitCode.OK
    width = len("copilot-jetbrains")
    lines = capsys.readouterr().out.splitlines()
    assert f"{'claude-desktop':{width}}  not found" in lines
    assert f"{'cursor':{width}}  found, not installed in {CURSOR}" in lines
    assert f'{"codex":{width}}  installed as "mogplex" in {Path("~/.codex/config.toml")}' in lines


def test_printing_writes_nothing(home: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(home)
    assert run("opencode", "--print", "--demo") == ExitCode.OK
    printed = json.loads(capsys.readouterr().out)
    assert printed["mcp"]["mogplex"]["command"][-1] == "--demo"
    assert files(home) == before


def test_a_projects_file_is_at_the_root_of_the_repository(tmp_path: Path, run: Run) -> None:
    assert run("vscode", "--scope", "project") == ExitCode.OK
    assert json.loads((tmp_path / "shop/.vscode/mcp.json").read_text())["servers"]["mogplex"]["type"] == "stdio"


def test_one_that_fails_does_not_keep_the_others(home: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".cursor/mcp.json").write_text("{")
    assert run("cursor", "codex", "zed") == ExitCode.FAILURE
    said = capsys.readouterr()
    assert "mcp.json isn't valid JSON: line 1, column 2" in said.err
    assert "Zed was not found" in said.err
    assert (home / ".cursor/mcp.json").read_text() == "{"
    assert "Codex: installed in" in said.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cursro"], "did you mean cursor?"),
        (["cursor", "--name", "a b"], "--name: write up to 32 letters, digits, - and _, not 'a b'."),
    ],
)
def test_a_wrong_command_line_changes_nothing(
    words: list[str], said: str, home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(home)
    assert run(*words) == ExitCode.USAGE
    assert said in capsys.readouterr().err
    assert files(home) == before


def test_without_a_home_directory_it_says_what_is_missing(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cursor", HOME="") == ExitCode.USAGE
    assert "set HOME" in capsys.readouterr().err


def test_names_of_others_are_no_commands_for_the_terminal(
    home: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = {"mcpServers": {"a\x1b[2J": {"command": "mogplex-mcp\x1b[2J"}, "\x07": {"command": "\x1b/mogplex-mcp"}}}
    (home / ".cursor/mcp.json").write_text(json.dumps(stranger))
    run()
    run("cursor")
    said = capsys.readouterr()
    assert "This server also has the entry" in said.err
    assert not {"\x1b", "\x07"} & set(said.out + said.err)


def test_no_token_is_written_wherever_it_is(home: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cursor", "codex", MOGPLEX_API_KEY=TOKEN) == ExitCode.OK
    assert run("cursor", "codex", "--scope", "project", MOGPLEX_API_KEY=TOKEN) == ExitCode.OK
    assert not [path for path, content in files(home.parent).items() if TOKEN.encode() in content]
    said = capsys.readouterr()
    assert "your token is set in this shell's environment, which clients may not see" in said.out
    assert TOKEN not in said.out + said.err


def test_a_text_that_the_terminal_cannot_show_ends_nothing(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as ascii_only:
        monkeypatch.setattr(sys, "stdout", ascii_only)
        assert run("cursor", "--default-repo", "größer → ") == ExitCode.OK
    assert "gr??er ?" in (tmp_path / "out").read_text(encoding="ascii")


class Terminal:
    """The program in a terminal of its own."""

    def __init__(self, home: Path) -> None:
        self._own, other = os.openpty()
        self.program = subprocess.Popen(
            [sys.executable, "-m", "mogplex_mcp", "install", "cursor"],
            env={"HOME": str(home)},
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)
        self.said = ""

    def read_until(self, text: str) -> None:
        while text not in self.said:
            ready, _, _ = select.select([self._own], [], [], 60)
            assert ready, self.said
            self.said += os.read(self._own, 4_096).decode()

    def write(self, text: str) -> None:
        os.write(self._own, text.encode())

    def end(self) -> int:
        code = self.program.wait(60)
        # What it said last is still there, until there is no more.
        with contextlib.suppress(OSError):
            self.read_until("\N{END OF TEXT}")
        os.close(self._own)
        return code


in_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")


@in_a_terminal
@pytest.mark.parametrize(("answer", "written"), [("y\n", True), ("\n", False), ("no\n", False), ("\x04", False)])
def test_in_a_terminal_it_asks_before_it_writes(answer: str, written: bool, home: Path) -> None:
    terminal = Terminal(home)
    terminal.read_until("Write this file? [y/N] ")
    assert (home / ".cursor/mcp.json").read_text() == FOREIGN
    terminal.write(answer)
    assert terminal.end() == (ExitCode.OK if written else ExitCode.FAILURE)
    assert ((home / ".cursor/mcp.json").read_text() != FOREIGN) == written
    assert ("Nothing was changed." in terminal.said) != written
    assert re.search(r'\x1b\[32m  \+ +"command"', terminal.said)


@in_a_terminal
def test_ctrl_c_ends_the_question(home: Path) -> None:
    terminal = Terminal(home)
    terminal.read_until("[y/N] ")
    terminal.program.send_signal(signal.SIGINT)
    assert terminal.end() == 128 + signal.SIGINT
    assert "Traceback" not in terminal.said
    assert (home / ".cursor/mcp.json").read_text() == FOREIGN


def test_the_entry_that_is_written_starts_a_server(home: Path, run: Run) -> None:
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 - slow, and only this test needs it
    from mcp.client.stdio import stdio_client  # noqa: PLC0415 - the same

    run("cursor", "--demo")
    written = entry(home / ".cursor/mcp.json")
    parameters = StdioServerParameters(command=str(written["command"]), args=written["args"])

    async def tools() -> list[str]:
        with anyio.fail_after(60):
            async with Client(stdio_client(parameters)) as client:
                return [tool.name for tool in (await client.list_tools()).tools]

    assert "start_run" in anyio.run(tools)
