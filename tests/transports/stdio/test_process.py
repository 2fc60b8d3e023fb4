"""What a process lives through: closed streams, signals, garbage, no place to write. It goes on, or ends in words."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import anyio
import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.simulator.server import serve
from tests.transports.processes import PROGRAM, environment, lines, process
from tests.transports.talking import INITIALIZE, PATIENTLY, QUICKLY, START, address_of, request, talking, tool

if sys.platform != "win32":
    import resource

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("stdio"),
    pytest.mark.skipif(sys.platform == "win32", reason="streams and signals of POSIX"),
]

LIST = request(2, "tools/list")
TOO_LONG = {"code": -32600, "message": "The message is longer than 16 MiB."}


def shell(command: str, home: Path, said: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", "-c", command],
        input=said,
        capture_output=True,
        text=True,
        env=environment(home),
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    ("closed", "code", "said"),
    [("<&-", 0, ""), (">&-", 1, "stdout is closed"), ("2>&-", 0, ""), ("<&- >&- 2>&-", 1, "")],
)
def test_closed_standard_stream_is_a_clear_error(closed: str, code: int, said: str, tmp_path: Path) -> None:
    ended = shell(f"{shlex.join(PROGRAM)} --demo {closed}", tmp_path, INITIALIZE + LIST)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stdout.splitlines()) == (2 if closed == "2>&-" else 0)


def test_closed_stderr_descriptor_is_not_reused(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite3"
    program = f"import os, sys, sqlite3; from mogplex_mcp.core.standard_streams import fill_closed; fill_closed(); c = sqlite3.connect({str(state)!r}); c.execute('create table t (x)'); os.write(2, b'stray'); print('stray', file=sys.stderr)"  # noqa: E501 - a program
    shell(f"{shlex.quote(PROGRAM[0])} -c {shlex.quote(program)} <&- 2>&-", tmp_path)
    assert b"stray" not in state.read_bytes()


def test_closed_stdout_ends_the_process(tmp_path: Path) -> None:
    with talking(tmp_path, "--demo") as talk:
        lines(talk.running.stdout).close()
        talk.say(LIST)
        assert talk.running.wait(QUICKLY) == 0
        assert lines(talk.running.stderr).read() == ""


def test_closed_stderr_does_not_end_the_process(tmp_path: Path) -> None:
    with process(tmp_path, "http", "--demo", "--port", "0", "--log-level", "debug") as running:
        address = address_of(running)
        lines(running.stderr).close()
        for _ in range(3):
            assert httpx2.post(address, content=b"x", headers={"Content-Type": "application/json"}).status_code < 500
        assert running.poll() is None


def test_a_hundred_thousand_lines_of_garbage_change_nothing(tmp_path: Path) -> None:
    with talking(tmp_path, "--demo") as talk:
        before = talk.memory
        for number in range(100):
            talk.say(f"garbage {number} {{]\n" * 500 + "\x00\xff\n" * 250 + '{"jsonrpc": 3}\n' * 250)
        talk.say(LIST)
        assert talk.hear(2)["result"]["tools"]
        assert talk.memory - before < 10


@pytest.mark.parametrize("size", [10_000_000, 40_000_000])
def test_a_huge_message_is_refused_and_the_next_is_answered(size: int, tmp_path: Path) -> None:
    with talking(tmp_path, "--demo") as talk:
        talk.say(tool(2, "start_run", repo="acme/web", prompt="x" * size))
        talk.say(request(3, "tools/list"))
        if size < 16 * 2**20:
            assert talk.hear(2)["result"]["isError"]
        else:
            assert talk.hear(2)["error"] == TOO_LONG
        assert talk.hear(3)["result"]["tools"]
        assert talk.memory < 300


def test_the_end_of_a_message_that_was_too_long_is_no_message(tmp_path: Path) -> None:
    with talking(tmp_path, "--demo") as talk:
        talk.say("x" * (17 * 2**20) + LIST)
        talk.say(request(3, "tools/list"))
        assert talk.hear_next() == {"jsonrpc": "2.0", "id": None, "error": TOO_LONG}
        assert talk.hear_next()["id"] == 3


@pytest.mark.parametrize("depth", [100, 150, 100_000])
def test_deep_json_is_refused_and_the_next_message_is_answered(depth: int, tmp_path: Path) -> None:
    with talking(tmp_path, "--demo") as talk:
        talk.say(tool(2, "list_repos", query=0).replace('"query": 0', '"query": ' + "[" * depth + "]" * depth))
        talk.say(request(3, "tools/list"))
        assert talk.hear(3)["result"]["tools"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_client_that_reads_nothing_holds_up_nothing_but_itself(number: signal.Signals, tmp_path: Path) -> None:
    with talking(tmp_path, "--demo") as talk:
        stdin = lines(talk.running.stdin).fileno()
        os.set_blocking(stdin, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(stdin, LIST.encode())
        assert talk.memory < 300
        talk.running.send_signal(number)
        assert talk.running.wait(QUICKLY) == 128 + number
        assert lines(talk.running.stderr).read() == ""


def test_ignored_sighup_stays_ignored(tmp_path: Path) -> None:
    command = f"trap '' HUP; exec {shlex.join(PROGRAM)} http --demo --port 0"
    with subprocess.Popen(
        ["/bin/sh", "-c", command], stderr=subprocess.PIPE, text=True, env=environment(tmp_path)
    ) as running:
        address = address_of(running)
        running.send_signal(signal.SIGHUP)
        assert httpx2.get(address.removesuffix("/mcp") + "/healthz").status_code == 200
        running.terminate()
        assert running.wait(QUICKLY) == 128 + signal.SIGTERM


def test_a_client_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    program = f"import subprocess, time; p = subprocess.Popen({[*PROGRAM, '--demo']}, stdin=subprocess.PIPE); print(p.pid, flush=True); time.sleep(60)"  # noqa: E501 - a program
    with subprocess.Popen(
        [PROGRAM[0], "-c", program], stdout=subprocess.PIPE, text=True, env=environment(tmp_path)
    ) as client:
        server = int(lines(client.stdout).readline())
        child = os.pidfd_open(server)
        client.kill()
        # Ready as soon as the process has ended.
        import select  # noqa: PLC0415 - for this only

        assert select.select([child], [], [], PATIENTLY)[0]
        os.close(child)


@pytest.mark.parametrize("home", ["a file", "no such place", "none"])
def test_without_a_home_to_write_to_it_serves_and_says_what_does_not_work(home: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = {"a file": tmp_path / "file", "no such place": Path("/proc/nowhere"), "none": Path()}[home]
    with talking(place, MOGPLEX_API_KEY=DEMO_TOKEN, MOGPLEX_URL="http://127.0.0.1:9") as talk:
        talk.say(tool(2, "check_connection") + tool(3, "start_run", **START))
        assert "result" in talk.hear(2)
        assert talk.hear(3)["result"]["isError"]
        lines(talk.running.stdin).close()
        assert talk.running.wait(QUICKLY) == 0
        assert "Traceback" not in lines(talk.running.stderr).read()


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is of Linux")
async def test_on_a_full_disk_a_start_is_one_run_that_is_not_listed_and_all_else_goes_on(tmp_path: Path) -> None:
    simulator = Simulator()
    before = set(simulator.world.runs)
    async with anyio.create_task_group() as tasks:
        port = await tasks.start(serve, simulator, "127.0.0.1", 0)

        def talk_about_it() -> None:
            settings = {"MOGPLEX_API_KEY": DEMO_TOKEN, "MOGPLEX_URL": f"http://127.0.0.1:{port}"}
            with talking(tmp_path, **settings) as talk:
                talk.say(tool(2, "list_repos"))
                talk.hear(2)
                resource.prlimit(talk.running.pid, resource.RLIMIT_FSIZE, (0, 0))
                talk.say(tool(3, "start_run", **START))
                started = talk.hear(3)["result"]
                assert not started.get("isError")
                assert "journal" in str(started["structuredContent"]["notes"])
                talk.say(tool(4, "start_run", **START) + tool(5, "list_repos"))
                assert not talk.hear(5)["result"].get("isError")
            assert len(set(simulator.world.runs) - before) == 1

        await anyio.to_thread.run_sync(talk_about_it)
        tasks.cancel_scope.cancel()


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = shell(f"{shlex.join(PROGRAM)} http --port {taken.getsockname()[1]}", tmp_path)
    assert ended.returncode == 1
    assert "another program uses that port" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid", "999.1.1.1"])
def test_an_address_that_is_not_this_machines_is_one_line(host: str, tmp_path: Path) -> None:
    ended = shell(f"{shlex.join(PROGRAM)} http --port 0 --host {host} --allowed-host a", tmp_path)
    assert ended.returncode == 1
    assert f"cannot serve on {host}" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
