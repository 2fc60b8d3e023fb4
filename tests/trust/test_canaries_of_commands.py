"""What commands print, on a wrong command line or in a crash as well, holds no secret."""

import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from mogplex_mcp.simulator import DEMO_TOKEN
from tests.transports.processes import PROGRAM, environment, lines, process
from tests.transports.story import follow_to_pull_request
from tests.trust.canaries import CLIENT_KEY, TOKEN, assert_without, talkative


@pytest.fixture
def anyio_backend() -> str:
    """Real processes take real time."""
    return "asyncio"


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


def test_a_whole_demo_needs_no_token_and_tells_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "demo", "--demo-seconds", "5"],
        capture_output=True,
        env=environment(tmp_path, talkative(tmp_path, "http://127.0.0.1:9")),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert b"Done. The pull request: https://github.com/acme/web/pull/" in done.stdout
    assert_without(done.stdout + done.stderr, TOKEN, CLIENT_KEY)


@pytest.mark.anyio
async def test_a_whole_run_on_the_simulator_tells_no_token(tmp_path: Path) -> None:
    secrets = talkative(tmp_path, "http://127.0.0.1:9")
    with process(tmp_path, "simulator", "--port", "0", "--demo-seconds", "1", more=secrets) as simulated:
        said = ""
        while " is at " not in said:
            said += lines(simulated.stderr).readline()
        address = said.partition(" is at ")[2].partition(";")[0]
        # Its own demo token is for everybody to see; what the user has set is not.
        own = {"MOGPLEX_URL": address, "MOGPLEX_API_KEY": DEMO_TOKEN}
        own_environment = environment(tmp_path, secrets | own)
        server = StdioServerParameters(command=PROGRAM[0], args=PROGRAM[1:], env=own_environment)
        with (tmp_path / "log").open("w") as log:
            async with Client(stdio_client(server, errlog=log)) as client:
                await follow_to_pull_request(client, "Fix the flaky test.")
        # Whoever shows a token to the simulator is not told it either.
        refused = httpx2.get(f"{address}/api/v1/mogplex/repos", headers={"Authorization": f"Bearer {TOKEN}"})
        assert refused.status_code == 401
        simulated.terminate()
        said += lines(simulated.stdout).read() + lines(simulated.stderr).read() + refused.text
    assert (tmp_path / "log").stat().st_size
    assert_without(said, TOKEN, CLIENT_KEY)
    assert_without((tmp_path / "log").read_bytes(), TOKEN, CLIENT_KEY, DEMO_TOKEN)


def test_a_crash_is_told_without_secrets(tmp_path: Path) -> None:
    program = (
        "import logging, sys, threading, warnings\n"
        "from mogplex_mcp.core.redaction import Redactor, install\n"
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
    assert len(re.findall(r"^ValueError: ", done.stderr, re.MULTILINE)) == 4
    assert "UserWarning" in done.stderr
    assert_without(done.stdout + done.stderr, TOKEN, CLIENT_KEY)
