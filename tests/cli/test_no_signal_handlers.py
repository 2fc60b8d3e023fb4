"""Where asyncio can listen to no signals, as on Windows: commands work, and Ctrl-C still ends them in order."""

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

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="takes away what is not there")

PATIENCE_SECONDS = 30
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


def test_a_command_comes_to_its_end(slow: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path, "repos", "list", more=slow) as running:
        said, complained = running.communicate(timeout=PATIENCE_SECONDS)
    assert "acme/web" in said
    assert (running.returncode, complained) == (0, "")


def test_ctrl_c_ends_a_command_that_waits_and_says_what_goes_on(slow: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path, "run", "--repo", "acme/web", "--follow", "Fix it.", more=slow) as running:
        assert any("External Mogplex run accepted" in line for line in iter(lines(running.stdout).readline, ""))
        os.kill(running.pid, signal.SIGINT)
        assert running.wait(PATIENCE_SECONDS) == 128 + signal.SIGINT
        said = lines(running.stderr).read()
    assert said.startswith("The run continues.")
    assert "Traceback" not in said


def test_ctrl_c_ends_a_server(slow: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path, "http", "--port", "0", more=slow) as running:
        address = address_of(running)
        assert httpx2.get(address.replace("/mcp", "/healthz"), timeout=PATIENCE_SECONDS).status_code == 200
        os.kill(running.pid, signal.SIGINT)
        assert running.wait(PATIENCE_SECONDS) == 128 + signal.SIGINT
        assert lines(running.stderr).read() == ""
