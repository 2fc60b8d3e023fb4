"""What a demo starts is there for the next process."""

import json
import subprocess
from pathlib import Path

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
