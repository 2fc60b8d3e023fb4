"""Commands where asyncio has no signal handlers, as on Windows: they work, and Ctrl-C shuts them down."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_TOKEN
from tests.transports.processes import environment, lines, simulator
from tests.transports.talking import address_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="asyncio has none there anyway")

TIMEOUT_SECONDS = 30
PROGRAM = """
import asyncio, sys

def refuse(*_):
    raise NotImplementedError

asyncio.SelectorEventLoop.add_signal_handler = refuse
from mogplex_mcp.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Mogplex whose runs take an hour."""
    with simulator(tmp_path_factory.mktemp("slow"), "--demo-seconds", "3600") as url:
        yield {"MOGPLEX_URL": url, "MOGPLEX_API_KEY": DEMO_TOKEN}


def begun(home: Path, *words: str, more: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(home, more),
    )


def test_command_ends_without_signal_handlers(slow: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path, "repos", "list", more=slow) as running:
        stdout, stderr = running.communicate(timeout=TIMEOUT_SECONDS)
    assert "acme/web" in stdout
    assert (running.returncode, stderr) == (0, "")


def test_ctrl_c_ends_a_waiting_command_with_advice(slow: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path, "run", "--repo", "acme/web", "--follow", "Fix it.", more=slow) as running:
        assert any("External Mogplex run accepted" in line for line in iter(lines(running.stdout).readline, ""))
        os.kill(running.pid, signal.SIGINT)
        assert running.wait(TIMEOUT_SECONDS) == 128 + signal.SIGINT
        stderr = lines(running.stderr).read()
    assert stderr.startswith("The run continues.")
    assert "Traceback" not in stderr


def test_ctrl_c_ends_a_server(slow: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path, "http", "--port", "0", more=slow) as running:
        address = address_of(running)
        assert httpx2.get(address.replace("/mcp", "/healthz"), timeout=TIMEOUT_SECONDS).status_code == 200
        os.kill(running.pid, signal.SIGINT)
        assert running.wait(TIMEOUT_SECONDS) == 128 + signal.SIGINT
        assert lines(running.stderr).read() == ""
