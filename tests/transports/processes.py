"""Real `mogplex-mcp` processes, started and ended for a test."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

PROGRAM = [sys.executable, "-m", "mogplex_mcp"]


def unmeasured(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables without those that make a process measure its coverage, which loads modules of its own."""
    return {name: value for name, value in variables.items() if not name.startswith("COVERAGE_")}


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without any setting of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("MOGPLEX", "XDG"))}
    if sys.platform == "win32":
        # HOME counts where there is no profile.
        kept = {name: value for name, value in kept.items() if name.upper() != "USERPROFILE"}
        kept |= {"APPDATA": str(home), "LOCALAPPDATA": str(home)}
    return kept | {"HOME": str(home), "PYTHONUNBUFFERED": "1"} | dict(more or {})


@contextlib.contextmanager
def process(home: Path, *arguments: str, more: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[str]"]:
    """A running `mogplex-mcp`, killed at the end if it still runs."""
    running = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(home, more),
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()
        for stream in (running.stdin, running.stdout, running.stderr):
            # What was still to be written has nobody to go to.
            with contextlib.suppress(BrokenPipeError):
                lines(stream).close()


def lines(stream: IO[str] | None) -> IO[str]:
    """A stream that was asked for as a pipe."""
    assert stream is not None
    return stream


@contextlib.contextmanager
def http_server(home: Path, *arguments: str, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a `mogplex-mcp http` on a free port."""
    with process(home, "http", "--port", "0", *arguments, more=more) as running:
        said = lines(running.stderr).readline()
        address = re.search(r"http://\S+/mcp", said)
        assert address, said
        yield address.group()


@contextlib.contextmanager
def simulator(home: Path, *arguments: str) -> Iterator[str]:
    """The address of a `mogplex-mcp simulator` on a free port."""
    with process(home, "simulator", "--port", "0", *arguments) as running:
        said = lines(running.stderr).readline()
        address = re.search(r"http://[^\s;]+", said)
        assert address, said
        yield address.group()
