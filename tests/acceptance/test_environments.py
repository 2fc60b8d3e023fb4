"""An environment that cannot be had is no silent pass."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance import environments

NOT_FOUND = "npm error code ENOTFOUND\nnpm error network request to the registry failed, reason: getaddrinfo ENOTFOUND"
NO_VERSION = "npm error code ETARGET\nnpm error notarget No matching version found for a-package"


@pytest.fixture(autouse=True)
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(environments.CACHE, str(tmp_path))
    monkeypatch.delenv(environments.OFF, raising=False)
    monkeypatch.delenv("CI", raising=False)


def failing(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    def fail(command: list[str], _place: Path | None = None) -> None:
        raise subprocess.CalledProcessError(1, command, stderr=said)

    monkeypatch.setattr(environments, "_run", fail)


def test_on_a_persons_machine_it_is_skipped_and_the_reason_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing(monkeypatch, "error: Failed to fetch\n  Caused by: no route to host")
    with pytest.raises(pytest.skip.Exception, match=r"mcp-2 cannot be made here: .*no route to host"):
        environments.python("mcp-2")
    assert list(tmp_path.iterdir()) == []


def test_where_changes_are_checked_it_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    failing(monkeypatch, "error: Failed to fetch")
    with pytest.raises(pytest.fail.Exception, match="Failed to fetch"):
        environments.python("mcp-2")
    failing(monkeypatch, NO_VERSION)
    with pytest.raises(pytest.fail.Exception, match="ETARGET"):
        environments.npm("mcpb")


def test_there_are_machines_for_checks_that_cannot_reach_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    failing(monkeypatch, NOT_FOUND)
    with pytest.raises(pytest.skip.Exception, match="ENOTFOUND"):
        environments.npm("mcpb")


def test_all_of_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environments.OFF, "1")
    with pytest.raises(pytest.skip.Exception, match=environments.OFF):
        environments.npm("mcpb")


def test_a_newer_python_is_looked_for_and_its_lack_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(environments.NEWER, "fast-agent", (3, 90))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match=r"fast-agent needs Python 3\.90 or newer"):
        environments.python("fast-agent")
    newer = tmp_path / "versions" / "3.91.0" / "bin" / "python"
    newer.parent.mkdir(parents=True)
    newer.symlink_to(sys.executable)
    commands: list[list[str]] = []

    def make(command: list[str], _place: Path | None = None) -> None:
        commands.append(command)
        if command[1] == "venv":
            Path(command[-1]).mkdir()

    monkeypatch.setattr(environments, "_run", make)
    environments.python("fast-agent")
    assert str(newer) in commands[0]
