"""What commands print, on a wrong command line or in a crash as well, holds no secret."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.transports.processes import PROGRAM, environment
from tests.trust.canaries import CLIENT_KEY, TOKEN, assert_without, talkative


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["http", "--help"],
        ["--version"],
        ["--api-key", TOKEN],
        [f"--api-key={TOKEN}"],
        [TOKEN],
        ["--max-wait", TOKEN],
        ["--url", f"https://user:{TOKEN}@mogplex.com"],
        ["--toolsets", TOKEN],
        ["--state-file", f"/proc/{TOKEN}/state"],
        ["http", "--host", TOKEN],
        ["http", "--allowed-host", TOKEN, "--host", "0.0.0.0", "--port", "99999"],  # noqa: S104 - never bound
    ],
    ids=lambda arguments: " ".join(arguments).replace(TOKEN, "TOKEN"),
)
def test_no_command_line_says_a_token_back(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(tmp_path, talkative(tmp_path, "http://127.0.0.1:9")),
        timeout=20,
        check=False,
    )
    assert_without(done.stdout + done.stderr, TOKEN, CLIENT_KEY)


@pytest.mark.parametrize("command", ["demo", "simulator"])
def test_a_simulated_mogplex_needs_no_token_and_tells_none(command: str, tmp_path: Path) -> None:
    port = [] if command == "demo" else ["--port", "0"]
    running = subprocess.Popen(
        [*PROGRAM, command, *port],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(tmp_path, talkative(tmp_path, "http://127.0.0.1:9")),
    )
    assert running.stdout is not None
    said = running.stdout.readline() + running.stdout.readline() if command == "demo" else running.stdout.readline()
    running.terminate()
    said += running.stdout.read()
    running.stdout.close()
    running.wait(10)
    assert said
    assert_without(said, TOKEN, CLIENT_KEY)


def test_a_crash_is_told_without_secrets(tmp_path: Path) -> None:
    program = (
        "import logging, sys, threading, warnings\n"
        "from mogplex_mcp.redaction import Redactor, install\n"
        "key, value = sys.stdin.read().split()\n"
        "install('debug', Redactor([value]))\n"
        "logging.getLogger('x').error('%s', 'bad format', value)\n"
        "warnings.warn(f'{key} {value}')\n"
        "def fail(): raise ValueError(f'Bearer {key} {value}')\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
        "class Odd:\n"
        "    def __del__(self): fail()\n"
        "Odd()\n"
        "try: fail()\n"
        "except ValueError: logging.getLogger('uvicorn.error').exception('%s', key)\n"
        "fail()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=f"{TOKEN} {CLIENT_KEY}",
        text=True,
        capture_output=True,
        env=environment(tmp_path),
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("ValueError") == 4
    assert "UserWarning" in done.stderr
    assert_without(done.stdout + done.stderr, TOKEN, CLIENT_KEY)
