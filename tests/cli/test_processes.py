"""Commands as real processes: on a pseudo-terminal, in pipes, with signals."""

import contextlib
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from tests.tools.people import ids
from tests.transports.processes import PROGRAM, environment, lines, process, simulator

if sys.platform != "win32":
    import fcntl
    import pty
    import termios

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals of POSIX")

TIMEOUT_SECONDS = 30
AUTOMATION = ids(Simulator(now=lambda: 0.0))["Review on mention"]
FOLLOW = ["run", "--repo", "acme/web", "--follow", "Fix it."]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Mogplex whose runs take a second."""
    with simulator(tmp_path_factory.mktemp("quick"), "--demo-seconds", "1") as url:
        yield {"MOGPLEX_URL": url, "MOGPLEX_API_KEY": DEMO_TOKEN}


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Mogplex whose runs take an hour."""
    with simulator(tmp_path_factory.mktemp("slow"), "--demo-seconds", "3600") as url:
        yield {"MOGPLEX_URL": url, "MOGPLEX_API_KEY": DEMO_TOKEN}


INTERRUPTED_WHILE_LOADING = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "mogplex_mcp.cli.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from mogplex_mcp.__main__ import main
main()
"""


class TerminalProcess:
    """A command on a pseudo-terminal."""

    def __init__(self, pid: int, terminal: int) -> None:
        self._pid = pid
        self._terminal = terminal
        self._seen = b""

    def see(self, text: str) -> None:
        """Wait until the text was printed."""
        while text.encode() not in self._seen:
            assert self._read(), self.seen

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def end(self) -> int:
        """Wait for the end, and return the exit status."""
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    @property
    def seen(self) -> str:
        return self._seen.decode(errors="replace")

    def _read(self) -> bool:
        assert select.select([self._terminal], [], [], TIMEOUT_SECONDS)[0], self.seen
        try:
            piece = os.read(self._terminal, 65_536)
        except OSError:
            return False
        self._seen += piece
        return bool(piece)


@contextlib.contextmanager
def on_terminal(home: Path, *words: str, more: Mapping[str, str], width: int = 80) -> Iterator[TerminalProcess]:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM[0], [*PROGRAM, *words], environment(home, {"TERM": "xterm", **more}))  # noqa: S606 - as a shell would
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        yield TerminalProcess(pid, terminal)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os.close(terminal)


def test_follow_shows_a_live_view_and_the_pull_request(quick: dict[str, str], tmp_path: Path) -> None:
    with on_terminal(tmp_path, *FOLLOW, more=quick) as command:
        assert command.end() == 0
        assert "\x1b[2K" in command.seen
        assert "Harness run finished" in command.seen
        assert re.search(r"--- run \S+ success ---", command.seen)
        assert "https://github.com/acme/web/pull/" in command.seen
        # The cursor is there again.
        assert command.seen.rindex("\x1b[?25h") > command.seen.rindex("\x1b[?25l")


def test_ctrl_c_stops_following_and_the_run_continues(slow: dict[str, str], tmp_path: Path) -> None:
    with on_terminal(tmp_path, *FOLLOW, more=slow) as command:
        command.see("External Mogplex run accepted")
        command.type("\x03")
        assert command.end() == 128 + signal.SIGINT
        message = re.search(r"The run continues. Follow it again: mogplex-mcp runs events (\S+) --follow", command.seen)
        assert message
        assert "Traceback" not in command.seen
    shown = ended(tmp_path, "runs", "get", message[1], "--json", **slow)
    assert json.loads(shown.stdout)["status"] in ("pending", "streaming")


@pytest.mark.parametrize("plain", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_output_respects_dumb_terminals_and_no_color(
    plain: dict[str, str], quick: dict[str, str], tmp_path: Path
) -> None:
    with on_terminal(tmp_path, "repos", "list", more=quick | plain, width=0) as command:
        assert command.end() == 0
        assert "acme/web" in command.seen
        assert not re.search(r"\x1b\[[0-9;]*3\dm", command.seen)
        if plain["TERM"] == "dumb":
            assert "\x1b" not in command.seen


def test_follow_prints_lines_on_a_dumb_terminal(quick: dict[str, str], tmp_path: Path) -> None:
    with on_terminal(tmp_path, *FOLLOW, more=quick | {"TERM": "dumb"}) as command:
        assert command.end() == 0
        assert "\x1b" not in command.seen
        assert "Harness run finished" in command.seen


@pytest.mark.parametrize("width", [40, 200])
def test_table_never_cuts_ids_and_names(width: int, quick: dict[str, str], tmp_path: Path) -> None:
    listed = ended(tmp_path, "repos", "list", "--json", **quick)
    with on_terminal(tmp_path, "repos", "list", more=quick, width=width) as command:
        assert command.end() == 0
        for line in listed.stdout.splitlines():
            assert json.loads(line)["id"] in command.seen
            assert json.loads(line)["full_name"] in command.seen


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("\n", 1), ("\x04", 1)])
def test_consent_prompt_defaults_to_no(typed: str, code: int, quick: dict[str, str], tmp_path: Path) -> None:
    with on_terminal(tmp_path, "call", "publish_automation", f"automation_id={AUTOMATION}", more=quick) as command:
        command.see("[y/N] ")
        command.type(typed)
        assert command.end() == code
        assert ("Nothing was done" in command.seen) == bool(code)


def test_ctrl_c_at_the_consent_prompt_changes_nothing(quick: dict[str, str], tmp_path: Path) -> None:
    with on_terminal(tmp_path, "call", "publish_automation", f"automation_id={AUTOMATION}", more=quick) as command:
        command.see("[y/N] ")
        command.type("\x03")
        assert command.end() == 128 + signal.SIGINT
        assert "was published" not in command.seen
        assert "Traceback" not in command.seen


def test_sigterm_stops_following_in_a_pipe(slow: dict[str, str], tmp_path: Path) -> None:
    with process(tmp_path, *FOLLOW, more=slow) as running:
        assert any("External Mogplex run accepted" in line for line in iter(lines(running.stdout).readline, ""))
        running.send_signal(signal.SIGTERM)
        assert running.wait(TIMEOUT_SECONDS) == 128 + signal.SIGTERM
        assert "The run continues." in lines(running.stderr).read()


def test_closed_pipe_ends_a_command_silently(slow: dict[str, str], tmp_path: Path) -> None:
    for words in (["call", "--json"], ["repos", "list"], ["install"], ["completion", "bash"]):
        with process(tmp_path, *words, more=slow) as running:
            lines(running.stdout).close()
            assert running.wait(TIMEOUT_SECONDS) == 141
            assert lines(running.stderr).read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("words", [["repos", "list"], ["completion", "bash"], ["doctor", "--offline"]])
def test_full_disk_is_reported_in_one_line(words: list[str], slow: dict[str, str], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(tmp_path, slow) | {"PYTHONUNBUFFERED": ""},
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "No space left on device" in line


def ended(home: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [*PROGRAM, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(home, more),
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_ctrl_c_while_the_program_loads_ends_it_without_a_traceback(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_LOADING, "demo"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(tmp_path, {}),
        timeout=TIMEOUT_SECONDS,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")
