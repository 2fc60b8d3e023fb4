"""Whether a client runs is asked of the system, by its own tools."""

import subprocess
from typing import Any

import pytest

from mogplex_mcp.installation.clients import client_named
from mogplex_mcp.installation.running import is_running

DESKTOP = client_named("claude-desktop")


@pytest.mark.parametrize(
    ("platform", "code", "answer", "runs"),
    [
        ("darwin", 0, b"4711\n", True),
        ("darwin", 1, b"", False),
        ("win32", 0, b"claude.exe   4711 Console", True),
        ("win32", 0, b"INFO: No tasks are running", False),
    ],
)
def test_is_running_asks_the_system(
    platform: str, code: int, answer: bytes, runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[list[str]] = []

    def run(words: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        questions.append(words)
        return subprocess.CompletedProcess(words, code, answer)

    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", run)
    assert is_running(DESKTOP, platform) == runs
    tasklist = ["tasklist", "/NH", "/FI", "IMAGENAME eq Claude.exe"]
    assert questions == [tasklist if platform == "win32" else ["pgrep", "-x", "Claude"]]


def test_is_running_is_not_known_without_the_tool_and_of_other_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert not is_running(DESKTOP, "darwin")
    assert not is_running(client_named("cursor"), "darwin")
    assert not is_running(DESKTOP, "linux")


def test_is_running_survives_a_tool_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("pgrep", 5)

    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", fail)
    assert not is_running(DESKTOP, "darwin")
