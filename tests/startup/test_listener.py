"""What a client is told before the server is loaded is what the server tells, and nothing else of it changes."""

import json
import os
import signal
import socket
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
    command,
    falsified,
    initialize,
    modern,
    request,
)
from tests.systems import with_posix
from tests.transports.processes import environment

if sys.platform != "win32":
    import fcntl

pytestmark = with_posix

EVERYTHING = initialize(1) + INITIALIZED + request(2, "tools/list")
CALL = request(9, "tools/call", {"name": "list_repos", "arguments": {}})
# Claude Code asks in this order, and the server has to answer the second.
IN_BETWEEN = initialize(1) + request("a", "prompts/list") + request("b", "resources/list") + request("c", "tools/list")


@pytest.fixture(scope="module")
def false(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built responses that are not those of the server, so that it shows who answered."""
    return falsified(built, tmp_path_factory.mktemp("false"))


def running(
    built: Path, home: Path, stdin: int = subprocess.PIPE, stdout: int = subprocess.PIPE
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command(built, "--demo"), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=environment(home)
    )


@pytest.mark.parametrize(
    "said",
    [IN_BETWEEN + CALL, modern(1, "server/discover") + modern(2, "tools/list") + modern(3, "ping")],
    ids=["2025", "2026"],
)
def test_responses_are_byte_for_byte_those_of_the_server(said: bytes, built: Path, tmp_path: Path) -> None:
    of_the_server = answers(command(built, "--demo", *WITHOUT), tmp_path, said)
    assert answers(command(built, "--demo"), tmp_path, said) == of_the_server


def test_known_requests_are_answered_while_the_server_is_loading(false: Path, tmp_path: Path) -> None:
    with running(false, tmp_path) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(IN_BETWEEN + CALL)
        process.stdin.flush()
        said = [json.loads(process.stdout.readline()) for _ in range(5)]
        process.stdin.close()
        assert process.wait(PATIENTLY) == 0
    assert "Magplex" in str(said[0])
    # What the server has to answer comes behind what it need not.
    assert [one["id"] for one in said[:3]] == [1, "a", "c"]
    assert {one["id"] for one in said[3:]} == {"b", 9}
    assert not any("error" in one for one in said)


def test_a_client_that_needs_nothing_else_does_not_wait_for_the_server(false: Path, tmp_path: Path) -> None:
    program = command(false, then="from mogplex_mcp.startup.listener import listen; from mogplex_mcp.config.settings "
    "import Settings; import time; listen(Settings.load()); time.sleep(3_600)")  # fmt: skip
    assert len(answers(program, tmp_path, EVERYTHING)) == 2


def test_lines_may_come_in_any_pieces(false: Path, tmp_path: Path) -> None:
    with running(false, tmp_path) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(EVERYTHING[:-5])
        process.stdin.flush()
        assert b"Magplex" in process.stdout.readline()
        process.stdin.write(EVERYTHING[-5:])
        process.stdin.close()
        assert b"list_repos" in process.stdout.readline()
        assert process.wait(PATIENTLY) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_process_while_loading(number: signal.Signals, false: Path, tmp_path: Path) -> None:
    with running(false, tmp_path) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(initialize(1))
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(PATIENTLY) in (-number, 128 + number)


def test_closed_stdout_ends_the_process_silently_while_loading(false: Path, tmp_path: Path) -> None:
    with running(false, tmp_path) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write(EVERYTHING)
        process.stdin.flush()
        assert process.wait(PATIENTLY) == 0
        assert process.stderr.read() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="pipes have a fixed size elsewhere")
def test_unsent_bytes_are_handed_over(built: Path, tmp_path: Path) -> None:
    of_the_server = answers(command(built, "--demo"), tmp_path, EVERYTHING + CALL)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdout:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4_096)
        with running(built, tmp_path, stdout=writing) as process:
            os.close(writing)
            assert process.stdin
            process.stdin.write(EVERYTHING + CALL)
            process.stdin.close()
            # The server is loaded by then: it has claimed its streams.
            while Path(f"/proc/{process.pid}/fd/0").readlink() != Path(os.devnull):
                assert process.poll() is None
            assert sorted(stdout.read().splitlines()) == of_the_server


def test_a_client_on_a_socket_is_answered_early_too(false: Path, tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, running(false, tmp_path, stdin=theirs.fileno(), stdout=theirs.fileno()) as process:
        theirs.close()
        ours.sendall(EVERYTHING)
        ours.shutdown(socket.SHUT_WR)
        with ours.makefile("rb") as said:
            assert b"Magplex" in said.read()
        assert process.wait(PATIENTLY) == 0


def test_a_file_as_stdin_is_left_to_the_server(false: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_bytes(EVERYTHING)
    with said.open("rb") as file, running(false, tmp_path, stdin=file.fileno()) as process:
        told, _ = process.communicate(timeout=PATIENTLY)
    assert b"list_repos" in told
    assert b"Magplex" not in told


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_real_client_is_served_on_as_if_the_server_had_answered(mode: str, built: Path, tmp_path: Path) -> None:
    program, *arguments = command(built, "--demo")
    server = StdioServerParameters(command=program, args=arguments, env=environment(tmp_path))
    async with Client(server, mode=mode) as client:
        assert "list_repos" in {tool.name for tool in (await client.list_tools()).tools}
        called = await client.call_tool("list_repos", {})
        assert not called.is_error
        assert called.structured_content
