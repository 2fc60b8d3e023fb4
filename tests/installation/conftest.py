from pathlib import Path

import anyio
import pytest

from mogplex_mcp.cli.install import install
from mogplex_mcp.cli.parser import build_parser
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings
from tests.installation.support import FOREIGN, Run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home, project = tmp_path / "home", tmp_path / "shop"
    for folder in (home / ".cursor", home / ".codex", project / ".git", project / "deep"):
        folder.mkdir(parents=True)
    (home / ".cursor/mcp.json").write_text(FOREIGN)
    monkeypatch.chdir(project / "deep")
    return home


@pytest.fixture
def run(home: Path) -> Run:
    def run(*words: str, yes: bool = True, **environment: str) -> int:
        words = (*words, "--yes") if yes else words  # there is no terminal
        given = build_parser().parse_args(["install", *words])
        flags = {option.setting: getattr(given, option.setting, None) for option in OPTIONS}
        return anyio.run(install, Settings.load({"HOME": str(home), **environment}, flags), given)

    return run
