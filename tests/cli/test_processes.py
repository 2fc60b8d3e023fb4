"""Commands as people and scripts run them: real processes, a real terminal, signals, pipes that close."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from tests.tools.people import ids
from tests.transports.processes import PROGRAM, environment, lines, process, simulator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals of POSIX")

PATIENCE_SECONDS = 30
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


class Person:
    """Somebody before a terminal."""

    def __init__(self, pid: int, terminal: int) -> None:
        self._pid = pid
        self._terminal = terminal
        self._seen = b""

    def see(self, text: str) -> None:
        """Wait until this can be read."""
        while text.encode() not in self._seen:
            assert self._read(), self.seen

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def end(self) -> int:
        """Wait for the end; the exit code."""
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    @property
    def seen(self) -> str:
        return self._seen.decode(errors="replace")

    def _read(self) -> bool:
        assert select.select([self._terminal], [], [], PATIENCE_SECONDS)[0], self.seen
        try:
            piece = os.read(self._terminal, 65_536)
        except OSError:
            return False
        self._seen += piece
        return bool(piece)


@contextlib.contextmanager
def person(home: Path, *words: str, more: Mapping[str, str], width: int = 80) -> Iterator[Person]:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM[0], [*PROGRAM, *words], environment(home, {"TERM": "xterm", **more}))  # noqa: S606 - as a shell would
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        yield Person(pid, terminal)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os.close(terminal)


def test_a_person_sees_a_run_move_and_its_pull_request_at_the_end(quick: dict[str, str], tmp_path: Path) -> None:
    with person(tmp_path, *FOLLOW, more=quick) as someone:
        assert someone.end() == 0
        assert "\x1b[2K" in someone.seen
        assert "Harness run finished" in someone.seen
        assert re.search(r"--- run \S+ success ---", someone.seen)
        assert "https://github.com/acme/web/pull/" in someone.seen
        # The cursor is there again.
        assert someone.seen.rindex("\x1b[?25h") > someone.seen.rindex("\x1b[?25l")


def test_ctrl_c_ends_watching_and_leaves_the_run_alone(slow: dict[str, str], tmp_path: Path) -> None:
    with person(tmp_path, *FOLLOW, more=slow) as someone:
        someone.see("External Mogplex run accepted")
        someone.type("\x03")
        assert someone.end() == 128 + signal.SIGINT
        told = re.search(r"The run continues. Follow it again: mogplex-mcp runs events (\S+) --follow", someone.seen)
        assert told
        assert "Traceback" not in someone.seen
    shown = ended(tmp_path, "runs", "get", told[1], "--json", **slow)
    assert json.loads(shown.stdout)["status"] in ("pending", "streaming")


@pytest.mark.parametrize("plain", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_a_terminal_that_can_do_less_gets_less(plain: dict[str, str], quick: dict[str, str], tmp_path: Path) -> None:
    with person(tmp_path, "repos", "list", more=quick | plain, width=0) as someone:
        assert someone.end() == 0
        assert "acme/web" in someone.seen
        assert not re.search(r"\x1b\[[0-9;]*3\dm", someone.seen)
        if plain["TERM"] == "dumb":
            assert "\x1b" not in someone.seen


def test_on_a_dumb_terminal_a_run_is_followed_line_by_line(quick: dict[str, str], tmp_path: Path) -> None:
    with person(tmp_path, *FOLLOW, more=quick | {"TERM": "dumb"}) as someone:
        assert someone.end() == 0
        assert "\x1b" not in someone.seen
        assert "Harness run finished" in someone.seen


@pytest.mark.parametrize("width", [40, 200])
def test_what_other_commands_are_given_is_never_cut(width: int, quick: dict[str, str], tmp_path: Path) -> None:
    listed = ended(tmp_path, "repos", "list", "--json", **quick)
    with person(tmp_path, "repos", "list", more=quick, width=width) as someone:
        assert someone.end() == 0
        for line in listed.stdout.splitlines():
            assert json.loads(line)["id"] in someone.seen
            assert json.loads(line)["full_name"] in someone.seen


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("\n", 1), ("\x04", 1)])
def test_a_person_is_asked_before_something_changes_for_good(
    typed: str, code: int, quick: dict[str, str], tmp_path: Path
) -> None:
    with person(tmp_path, "call", "publish_automation", f"automation_id={AUTOMATION}", more=quick) as someone:
        someone.see("[y/N] ")
        someone.type(typed)
        assert someone.end() == code
        assert ("Nothing was done" in someone.seen) == bool(code)


def test_ctrl_c_at_a_question_means_no(quick: dict[str, str], tmp_path: Path) -> None:
    with person(tmp_path, "call", "publish_automation", f"automation_id={AUTOMATION}", more=quick) as someone:
        someone.see("[y/N] ")
        someone.type("\x03")
        assert someone.end() == 128 + signal.SIGINT
        assert "was published" not in someone.seen
        assert "Traceback" not in someone.seen


def test_a_signal_ends_watching_in_a_pipe_too(slow: dict[str, str], tmp_path: Path) -> None:
    with process(tmp_path, *FOLLOW, more=slow) as running:
        assert any("External Mogplex run accepted" in line for line in iter(lines(running.stdout).readline, ""))
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
        assert "The run continues." in lines(running.stderr).read()


def test_whoever_reads_no_further_ends_a_command_without_a_word(slow: dict[str, str], tmp_path: Path) -> None:
    for words in (["call", "--json"], ["repos", "list"], ["install"], ["completion", "bash"]):
        with process(tmp_path, *words, more=slow) as running:
            lines(running.stdout).close()
            assert running.wait(PATIENCE_SECONDS) == 141
            assert lines(running.stderr).read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("words", [["repos", "list"], ["completion", "bash"], ["doctor", "--offline"]])
def test_a_full_disk_ends_a_command_in_one_line(words: list[str], slow: dict[str, str], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(tmp_path, slow) | {"PYTHONUNBUFFERED": ""},
            timeout=PATIENCE_SECONDS,
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
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done
