"""What a demo starts is there for the next process."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mogplex_mcp.cli.demo import REPO, TASK, print_next_commands
from mogplex_mcp.cli.terminal.output import PipeConsole
from tests.transports.processes import PROGRAM, environment


def demo(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*PROGRAM, *arguments, "--demo", "--demo-seconds", "1", "--json"],
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_runs_list_knows_the_run_of_an_earlier_demo_process(tmp_path: Path) -> None:
    started = json.loads(demo(tmp_path, "run", "--repo", "acme/web", "Fix it"))["runId"]
    listed = [json.loads(line)["runId"] for line in demo(tmp_path, "runs", "list").splitlines()]

    assert listed == [started]
    assert json.loads(demo(tmp_path, "runs", "get", started))["runId"] == started


def test_a_demo_leaves_the_journal_of_the_user_alone(tmp_path: Path) -> None:
    demo(tmp_path, "run", "--repo", "acme/web", "Fix it")

    assert not list(tmp_path.rglob("state.sqlite3"))


def show(home: Path) -> str:
    done = subprocess.run(
        [*PROGRAM, "demo"], env=environment(home), capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_demo_shows_the_work_and_ends_with_commands_that_know_its_run(tmp_path: Path) -> None:
    text = show(tmp_path)
    first, second, third = text.splitlines()[-3:]

    assert "bash: Ran the tests" in text
    assert "untrusted" not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)
    assert first.split()[:4] == ["mogplex-mcp", "runs", "list", "--demo"]
    assert [line.split()[:2] for line in (second, third)] == [["mogplex-mcp", "login"], ["mogplex-mcp", "install"]]
    assert json.loads(demo(tmp_path, "runs", "list"))["status"] == "success"


def test_next_commands_of_a_demo_are_typed_as_the_demo_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/mogplex-mcp", "demo"])
    monkeypatch.setenv("PATH", "/nowhere")
    print_next_commands(PipeConsole(highlight=False))
    assert "  .venv/bin/mogplex-mcp runs list --demo  the run is still there\n" in capsys.readouterr().out


def test_a_second_demo_starts_a_run_of_its_own(tmp_path: Path) -> None:
    demo(tmp_path, "run", "--repo", REPO, TASK)

    assert "Run started on acme/web" in show(tmp_path)
    assert len(demo(tmp_path, "runs", "list").splitlines()) == 2


def test_a_command_that_is_proposed_in_a_demo_works_as_it_is(tmp_path: Path) -> None:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*PROGRAM, *words], env=environment(tmp_path), capture_output=True, text=True, check=False, timeout=60
        )

    started = run("run", "--repo", "acme/web", "Fix it", "--demo", "--demo-seconds", "1").stdout
    (follow,) = re.findall(r"follow +mogplex-mcp (.*)", started)
    assert run(*follow.split()).returncode == 0
    unknown = run("runs", "get", "75ce86aa-b59e-5f62-9d77-426c941e3c32", "--demo").stderr
    (listing,) = re.findall(r"`mogplex-mcp (.*)` shows it", unknown)
    assert run(*listing.split()).returncode == 0
