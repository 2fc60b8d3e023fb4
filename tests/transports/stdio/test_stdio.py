import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from tests.transports.conftest import ROOT
from tests.transports.processes import PROGRAM, environment, lines, process
from tests.transports.story import call, follow_to_pull_request
from tests.transports.talking import INITIALIZE, PATIENTLY, QUICKLY, Talk, request
from tests.transports.without_polling import NO_SIGNAL_HANDLERS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("stdio")]

WINDOWS = [sys.executable, "-m", "tests.transports.without_polling", NO_SIGNAL_HANDLERS]
ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])


def server(home: Path, *arguments: str, **more: str) -> StdioServerParameters:
    return StdioServerParameters(command=PROGRAM[0], args=[*PROGRAM[1:], *arguments], env=environment(home, more))


@ERAS
async def test_a_client_gets_from_a_repository_to_a_pull_request(mode: str, tmp_path: Path) -> None:
    async with Client(server(tmp_path, "--demo", "--demo-seconds", "1"), mode=mode) as client:
        told = await follow_to_pull_request(client, "Fix the flaky test.")
    assert told


async def test_the_server_starts_without_a_token_and_says_so_in_every_tool(tmp_path: Path) -> None:
    async with Client(server(tmp_path)) as client:
        connection = await call(client, "check_connection")
        refused = await client.call_tool("list_repos", {})
    assert connection["connected"] is False
    assert "MOGPLEX_API_KEY" in json.dumps(connection)
    assert refused.is_error
    assert "MOGPLEX_API_KEY" in str(refused.content)


async def test_a_mogplex_that_cannot_be_reached_is_named_without_a_traceback(tmp_path: Path) -> None:
    settings = {"MOGPLEX_URL": "http://127.0.0.1:9", "MOGPLEX_API_KEY": "mog_" + "a1" * 16}
    async with Client(server(tmp_path, **settings)) as client:
        connection = await call(client, "check_connection")
    assert connection["connected"] is False
    assert "could not be reached" in connection["summary"]


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("end", ["closed stdin", "SIGINT", "SIGTERM"])
def test_server_exits_at_once_and_silently(end: str, busy: bool, tmp_path: Path) -> None:
    with process(tmp_path, "--demo") as running:
        stdin, stdout = lines(running.stdin), lines(running.stdout)
        stdin.write(INITIALIZE)
        stdin.flush()
        stdout.readline()
        if busy:
            stdin.write(request(2, "tools/call", name="start_run", arguments={"repo": "acme/web", "prompt": "x"}))
            stdin.flush()
            stdout.readline()
            stdin.write(request(3, "tools/call", name="tail_run", arguments={}, _meta={"progressToken": "p"}))
            stdin.flush()
            assert "notifications/progress" in stdout.readline()
        if end == "closed stdin":
            stdin.close()
            expected = 0
        else:
            number = signal.Signals[end]
            running.send_signal(number)
            expected = 128 + number
        assert running.wait(QUICKLY) == expected
        assert lines(running.stderr).read() == ""


def test_a_client_that_gave_up_probing_before_the_server_was_there_is_served(tmp_path: Path) -> None:
    probe = request(0, "server/discover", _meta={"io.modelcontextprotocol/protocolVersion": "2026-07-28"})
    with process(tmp_path, "--demo") as running:
        lines(running.stdin).write(probe + INITIALIZE + request(2, "ping"))
        lines(running.stdin).flush()
        answers = [json.loads(lines(running.stdout).readline()) for _ in range(3)]
    assert {answer["id"]: "result" in answer for answer in answers} == {0: False, 1: True, 2: True}


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_a_client_of_any_earlier_protocol_is_served_in_its_own(version: str, tmp_path: Path) -> None:
    with process(tmp_path, "--demo") as running:
        stdin, stdout = lines(running.stdin), lines(running.stdout)
        stdin.write(INITIALIZE.replace("2025-06-18", version) + request(2, "tools/list"))
        stdin.flush()
        initialized, listed = json.loads(stdout.readline()), json.loads(stdout.readline())
    assert initialized["result"]["protocolVersion"] == version
    assert {"start_run", "tail_run"} <= {tool["name"] for tool in listed["result"]["tools"]}


def test_stray_output_does_not_reach_the_client(tmp_path: Path) -> None:
    program = """
import os, sys, anyio, mcp_types
from mcp.server import Server
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.transports.stdio.serving import serve_stdio

async def list_tools(context, params):
    print("stray")
    os.system("echo stray from a child")
    assert sys.stdin.read() == ""
    return mcp_types.ListToolsResult(tools=[])

anyio.run(serve_stdio, Server("test", on_list_tools=list_tools), Shutdown())
"""
    ended = subprocess.run(
        [PROGRAM[0], "-c", program],
        input=INITIALIZE + request(2, "tools/list"),
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        timeout=20,
        check=False,
    )
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()] == [1, 2]
    assert sorted(ended.stderr.splitlines()) == ["stray", "stray from a child"]


def test_invalid_lines_do_not_end_the_conversation(tmp_path: Path) -> None:
    garbage = 'garbage\n\n{}\n[]\n{"jsonrpc":"2.0"}\n' + "[" * 50_000 + "\n"
    with process(tmp_path, "--demo") as running:
        stdin = lines(running.stdin)
        stdin.write(garbage + INITIALIZE)
        stdin.flush()
        answers = (json.loads(line) for line in lines(running.stdout))
        assert "result" in next(answer for answer in answers if answer.get("id") == 1)


def test_ctrl_c_ends_the_server_where_there_are_no_signal_handlers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("tests.transports.processes.PROGRAM", WINDOWS)
    with process(tmp_path, "--demo") as running:
        talk = Talk(running)
        talk.say(INITIALIZE)
        talk.hear(1)
        running.send_signal(signal.SIGINT)
        assert running.wait(QUICKLY) == 128 + signal.SIGINT
        assert lines(running.stderr).read() == ""


def test_sockets_of_a_node_client_are_served(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(PATIENTLY)
        with subprocess.Popen(
            [*PROGRAM, "--demo"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
        ) as running:
            theirs.close()
            ours.sendall((INITIALIZE + request(2, "tools/list")).encode())
            with ours.makefile("rb") as stdout:
                assert [json.loads(stdout.readline())["id"] for _ in range(2)] == [1, 2]
                ours.shutdown(socket.SHUT_WR)
                assert stdout.read() == b""
            assert running.wait(PATIENTLY) == 0


def test_line_ends_are_line_feeds(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*PROGRAM, "--demo"],
        input=(INITIALIZE + request(2, "ping")).encode(),
        capture_output=True,
        env=environment(tmp_path),
        timeout=PATIENTLY,
        check=True,
    )
    assert ended.stdout.count(b"\n") == 2
    assert b"\r" not in ended.stdout


def test_stdin_can_be_a_file(tmp_path: Path) -> None:
    spoken = tmp_path / "spoken"
    spoken.write_text(INITIALIZE)
    for stdin in (spoken, Path(os.devnull)):
        with stdin.open() as source:
            ended = subprocess.run(
                [*PROGRAM, "--demo"],
                stdin=source,
                capture_output=True,
                env=environment(tmp_path),
                timeout=20,
                check=False,
            )
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert (b'"protocolVersion":"2025-06-18"' in ended.stdout) == (stdin == spoken)


def test_an_unknown_option_ends_with_the_usage_code_and_one_hint(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*PROGRAM, "--nonsense"], capture_output=True, text=True, env=environment(tmp_path), timeout=20, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr == "mogplex-mcp: unrecognized arguments: --nonsense\nSee mogplex-mcp --help.\n"


def test_an_unknown_tool_in_the_settings_is_logged_and_served_with_the_explanation(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*PROGRAM, "--tools", "start_rum"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        timeout=20,
        check=False,
    )
    assert ended.returncode == 0
    assert "did you mean start_run?" in ended.stderr
    assert "Traceback" not in ended.stderr
