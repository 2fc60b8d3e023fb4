"""What a start and a call cost, in figures that are the same on every machine and however busy it is."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.compare.traffic import TOKENS

from mogplex_mcp.simulator import DEMO_TOKEN
from tests.transports.processes import environment, simulator, unmeasured
from tests.transports.talking import INITIALIZE, request

ROOT = Path(__file__).parents[2]

MOST_FUNCTION_CALLS = 8_200
"""Of Python and of C, in the server and everything that it uses, for a call of list_repos with 100 repositories.

Of these, httpx2 makes about 1,500: its price for an HTTP layer that isn't ours. 100 rows that each have all their
fields, as those of a short list have, take about 3,600 more than 100 names.
"""
MOST_MODULES = 860
"""Loaded from the start of a process until it has answered a first call, those of Python itself included."""

CALLS = 8
PATIENTLY = 60.0


def list_repos(number: int) -> str:
    return request(number, "tools/call", name="list_repos", arguments={"limit": 100})


def function_calls(home: Path) -> list[int]:
    """What each call of list_repos costs, from one to the next."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.counted_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(home, {"MOGPLEX_API_KEY": TOKENS[0], "PYTHONHASHSEED": "0"}),
    ) as running:
        assert running.stdin
        assert running.stdout
        assert running.stderr
        running.stdin.write(INITIALIZE)
        running.stdin.flush()
        running.stdout.readline()
        for number in range(2, 2 + CALLS):
            running.stdin.write(list_repos(number))
            running.stdin.flush()
            assert '"acme/billing-api"' in running.stdout.readline()
        running.stdin.close()
        counted: list[int] = json.loads(running.stderr.read())
    return counted


def modules(home: Path) -> list[str]:
    """What is loaded for a first call, in order."""
    with simulator(home) as address:
        ended = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "mogplex_mcp"],
            input=INITIALIZE + list_repos(2),
            capture_output=True,
            text=True,
            env=unmeasured(environment(home, {"MOGPLEX_API_KEY": DEMO_TOKEN, "MOGPLEX_URL": address})),
            timeout=PATIENTLY,
            check=True,
        )
    assert '"acme/web"' in ended.stdout
    return [line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()[1:]]


def test_a_warm_call_takes_few_function_calls(tmp_path: Path) -> None:
    counted = function_calls(tmp_path)
    assert len(counted) == CALLS - 1
    # The least: now and then the event loop turns once more than it has to.
    assert min(counted) <= MOST_FUNCTION_CALLS


def test_a_first_call_is_answered_with_few_modules(tmp_path: Path) -> None:
    loaded = modules(tmp_path)
    assert "mogplex_mcp.transports.stdio.serving" in loaded
    assert len(loaded) <= MOST_MODULES
