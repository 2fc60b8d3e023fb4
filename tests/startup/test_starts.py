"""What a client is told before the server is loaded is what the server tells, and nothing else of it changes."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from tests.startup.starts import (
    INITIALIZED,
    PATIENTLY,
    WITHOUT,
    answers,
    falsify,
    initialize,
    kept,
    modern,
    request,
    texts,
)
from tests.systems import with_modes
from tests.transports.processes import PROGRAM, environment

if sys.platform != "win32":
    import fcntl

EARLIER = [
    (version, initialize(1, version) + INITIALIZED + request(2, "tools/list") + request(3, "ping"))
    for version in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
]
CONVERSATIONS = [
    *EARLIER,
    ("2026-07-28", modern(1, "server/discover") + modern(2, "tools/list") + modern(3, "prompts/list")),
    ("2026-07-28 without a question who it is", modern(1, "tools/list")),
    ("an unknown version", initialize(1, "1999-01-01")),
    ("unusual ids", initialize('é"\\ \u2028') + request(-(2**70), "tools/list") + request(0, "ping")),
]
EVERYTHING = initialize(1) + INITIALIZED + request(2, "tools/list")


@pytest.mark.parametrize("said", [said for _, said in CONVERSATIONS], ids=[name for name, _ in CONVERSATIONS])
def test_early_answers_are_byte_for_byte_those_of_the_server(said: bytes, tmp_path: Path) -> None:
    of_the_server = answers(tmp_path, said, **WITHOUT)
    assert not kept(tmp_path).exists()
    assert answers(tmp_path, said) == of_the_server
    assert answers(tmp_path, said) == of_the_server
    # The second time they did come early.
    assert falsify(tmp_path, '"jsonrpc":"2.0"', '"jsonrpc":"2.1"')
    assert texts(answers(tmp_path, said)).count('"jsonrpc":"2.1"') == len(of_the_server)


ODD = {
    "garbage": b"garbage\n" + EVERYTHING,
    "a batch": b"[" + request(9, "ping").strip() + b"]\n" + EVERYTHING,
    "a call before all else": request(9, "tools/call", {"name": "list_repos"}) + EVERYTHING,
    "a second beginning": EVERYTHING + initialize(4),
    "both eras": modern(8, "server/discover") + initialize(9),
    "the same id twice": initialize(1) + request(1, "tools/list"),
    "no end of the line": EVERYTHING + request(4, "ping").strip(),
    "a byte order mark": b"\xef\xbb\xbf" + EVERYTHING,
    "a long line": EVERYTHING + request(4, "ping", {"_meta": {"long": "x" * 200_000}}) + request(5, "ping"),
}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the usual beginning is known."""
    home = tmp_path_factory.mktemp("known")
    answers(home, EVERYTHING)
    return home


@pytest.mark.parametrize("said", ODD.values(), ids=ODD)
def test_odd_beginnings_are_answered_as_by_the_server_alone(said: bytes, known: Path, tmp_path: Path) -> None:
    shutil.copytree(kept(known), kept(tmp_path))
    of_the_server = answers(tmp_path, said, **WITHOUT)
    for _ in range(2):
        assert answers(tmp_path, said) == of_the_server


@pytest.fixture(scope="module")
def primed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which false answers are kept, so that whoever gets true ones got them from the server."""
    home = tmp_path_factory.mktemp("home")
    answers(home, EVERYTHING, "--demo")
    assert falsify(home, '"name":"list_repos"', '"name":"kept_repos"')
    return home


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_cached_responses_are_sent(mark: bytes, primed: Path) -> None:
    assert "kept_repos" in texts(answers(primed, mark + EVERYTHING, "--demo"))


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        ((), {}),
        (("--demo", "--read-only"), {}),
        (("--demo",), {"MOGPLEX_MCP_TOOLSETS": "repos"}),
        (("--demo", "--early-answers", "false"), {}),
        (("--demo",), {"HOME": ""}),
        (("--demo",), {"XDG_CACHE_HOME": "/proc/nowhere"}),
    ],
)
def test_responses_of_other_circumstances_are_not_sent(
    arguments: tuple[str, ...], more: dict[str, str], primed: Path
) -> None:
    said = texts(answers(primed, EVERYTHING, *arguments, **more))
    assert "kept_repos" not in said
    assert "list_repos" in said


def test_nothing_is_cached_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answers(tmp_path / "home", EVERYTHING, "--demo", XDG_CACHE_HOME="caches")
    assert not (tmp_path / "caches").exists()


@with_modes
def test_cache_that_others_can_write_is_not_used(primed: Path) -> None:
    kept(primed).chmod(0o770)
    try:
        assert "kept_repos" not in texts(answers(primed, EVERYTHING, "--demo"))
    finally:
        kept(primed).chmod(0o700)


def test_wrong_cached_response_is_sent_only_once(tmp_path: Path) -> None:
    answers(tmp_path, EVERYTHING)
    (false,) = falsify(tmp_path, '"title":"Mogplex"', '"title":"Magplex"')
    # What is not known has the server loaded, which then makes up for what it missed.
    assert "Magplex" in texts(answers(tmp_path, EVERYTHING + request(4, "resources/list")))
    assert not false.exists()
    assert "Magplex" not in texts(answers(tmp_path, EVERYTHING))


def test_truncated_files_are_not_sent(tmp_path: Path) -> None:
    of_the_server = answers(tmp_path, EVERYTHING)
    for file in kept(tmp_path).iterdir():
        file.write_bytes(file.read_bytes()[:-3])
    assert answers(tmp_path, EVERYTHING) == of_the_server


@with_modes
def test_cache_is_private_and_holds_no_token(tmp_path: Path) -> None:
    token = "mog_" + "Secret42" * 4
    answers(tmp_path, EVERYTHING, MOGPLEX_API_KEY=token)
    assert stat.S_IMODE(kept(tmp_path).stat().st_mode) == 0o700
    files = list(kept(tmp_path).iterdir())
    assert len(files) == 4  # that somebody was served, and three lines
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert not [file for file in files if token.encode() in file.read_bytes()]


def test_lines_may_come_in_any_pieces(primed: Path) -> None:
    with _process(primed) as running:
        assert running.stdin
        assert running.stdout
        first, rest = EVERYTHING[:40], EVERYTHING[40:]
        running.stdin.write(first)
        running.stdin.flush()
        running.stdin.write(rest[:-5])
        running.stdin.flush()
        assert b"serverInfo" in running.stdout.readline()
        running.stdin.write(rest[-5:])
        running.stdin.close()
        assert b"kept_repos" in running.stdout.readline()
        assert running.wait(PATIENTLY) == 0


def test_a_call_right_behind_is_answered_by_the_server(primed: Path) -> None:
    said = EVERYTHING + request(3, "tools/call", {"name": "check_connection", "arguments": {}})
    told = texts(answers(primed, said, "--demo"))
    assert "kept_repos" in told
    assert '"id":3' in told
    assert told.count('"jsonrpc":') == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_process_while_loading(number: signal.Signals, primed: Path) -> None:
    with _process(primed) as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write(initialize(1))
        running.stdin.flush()
        running.stdout.readline()
        running.send_signal(number)
        assert running.wait(PATIENTLY) in (-number, 128 + number)


def test_closed_stdout_ends_the_process_silently_while_loading(primed: Path) -> None:
    with _process(primed) as running:
        assert running.stdin
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        running.stdin.write(EVERYTHING)
        running.stdin.flush()
        assert running.wait(PATIENTLY) == 0
        assert running.stderr.read() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="pipes have a fixed size elsewhere")
def test_unsent_bytes_are_handed_over(known: Path) -> None:
    program = """
import os
from mogplex_mcp.startup import early

early.listen()
while len(early._listener.answered) < 3:
    pass
os.write(2, early.take_over().unsent)
"""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdout:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4_096)
        ended = subprocess.run(
            [PROGRAM[0], "-c", program],
            input=EVERYTHING,
            stdout=writing,
            stderr=subprocess.PIPE,
            env=environment(known),
            timeout=PATIENTLY,
            check=True,
        )
        os.close(writing)
        taken = stdout.read()
    assert taken
    assert ended.stderr
    assert sorted((taken + ended.stderr).splitlines()) == answers(known, EVERYTHING)


def test_a_client_on_a_socket_is_answered_early_too(primed: Path) -> None:
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        subprocess.Popen(
            [*PROGRAM, "--demo"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
            env=environment(primed),
        ) as running,
    ):
        theirs.close()
        ours.sendall(EVERYTHING)
        ours.shutdown(socket.SHUT_WR)
        with ours.makefile("rb") as said:
            assert b"kept_repos" in said.read()
        assert running.wait(PATIENTLY) == 0


def test_a_file_as_stdin_is_left_to_the_server(primed: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_bytes(EVERYTHING)
    with said.open("rb") as file:
        ended = subprocess.run(
            [*PROGRAM, "--demo"],
            stdin=file,
            capture_output=True,
            env=environment(primed),
            timeout=PATIENTLY,
            check=True,
        )
    assert b"list_repos" in ended.stdout


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_real_client_meets_no_difference(mode: str, tmp_path: Path) -> None:
    server = StdioServerParameters(command=PROGRAM[0], args=[*PROGRAM[1:], "--demo"], env=environment(tmp_path))
    told = []
    for start in range(3):
        if start == 2:
            falsify(tmp_path, '"title":"Mogplex"', '"title":"Magplex"')
        async with Client(server, mode=mode) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            called = await client.call_tool("list_repos", {})
            told.append((names, called.structured_content is not None, called.is_error))
            assert client.server_info
            assert (client.server_info.title == "Magplex") == (start == 2)
    assert told[0] == told[1] == told[2]


def _process(home: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*PROGRAM, "--demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home),
    )
