"""Commands whose stdout has no reader any more (`| head`), or an encoding that lacks some characters."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mogplex_mcp.simulator import DEMO_TOKEN
from tests.transports.processes import PROGRAM, environment, lines, process, simulator

TIMEOUT_SECONDS = 60
BROKEN_PIPE = 128 + 13

COMMANDS = [
    ["--help"],
    ["--version"],
    ["runs", "--help"],
    ["demo"],
    ["doctor", "--offline"],
    ["completion", "bash"],
    ["install"],
    ["install", "cursor", "--print"],
    ["repos", "list"],
    ["repos", "list", "--json"],
    ["run", "--repo", "acme/web", "--follow", "Fix it."],
    ["call", "list_repos"],
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with simulator(tmp_path_factory.mktemp("service"), "--demo-seconds", "1") as url:
        yield {"MOGPLEX_URL": url, "MOGPLEX_API_KEY": DEMO_TOKEN}


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("words", COMMANDS, ids=[" ".join(words) for words in COMMANDS])
def test_command_whose_reader_is_gone_ends_quietly(
    words: list[str], buffered: bool, service: dict[str, str], tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [*PROGRAM, *words],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(tmp_path, service | {"PYTHONUNBUFFERED": "" if buffered else "1"}),
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    finally:
        os.close(writing)
    for trace in ("Traceback", "Exception", "roken pipe", "BrokenPipe"):
        assert trace not in ended.stderr
    # Without a buffer, it is argparse that ignores the error.
    assert ended.returncode == (BROKEN_PIPE if buffered or words[-1] not in ("--help", "--version") else 0)


def test_demo_ends_quietly_when_its_reader_leaves_in_between(tmp_path: Path) -> None:
    with process(tmp_path, "demo") as running:
        for _ in range(3):
            assert lines(running.stdout).readline()
        lines(running.stdout).close()
        assert running.wait(TIMEOUT_SECONDS) == BROKEN_PIPE
        assert lines(running.stderr).read() == ""


@pytest.mark.parametrize("encoding", ["cp437", "latin-1", "ascii"])
@pytest.mark.parametrize("words", [["--help"], ["install", "--help"], ["install"], ["repos", "list"], ["doctor"]])
def test_command_works_where_stdout_lacks_characters(
    words: list[str], encoding: str, service: dict[str, str], tmp_path: Path
) -> None:
    ended = subprocess.run(
        [*PROGRAM, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(tmp_path, service | {"PYTHONIOENCODING": encoding}),
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert b"Traceback" not in ended.stderr
    assert ended.stdout.decode(encoding)
    assert ended.returncode == 0 or words == ["doctor"]
