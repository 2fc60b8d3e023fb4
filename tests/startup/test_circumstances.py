"""Answers are known again only under the same circumstances."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mogplex_mcp.config.options import OPTIONS, Option
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.startup import early
from mogplex_mcp.startup.early import _circumstances


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package, which a test may change, beside an empty folder of installed packages."""
    copy = tmp_path / "package"
    shutil.copytree(Path(early.__file__).parents[1] / "cli", copy / "cli")
    (copy / "__main__.py").touch()
    installed = tmp_path / "site-packages"
    installed.mkdir()
    os.utime(installed, (0, 0))
    monkeypatch.setattr(early, "_PACKAGE", str(copy))
    monkeypatch.setattr(sys, "path", [str(installed), str(tmp_path / "missing")])
    monkeypatch.setattr(sys, "argv", ["mogplex-mcp"])
    for name in os.environ:
        if name.startswith("MOGPLEX_"):
            monkeypatch.delenv(name)
    return copy


def write(path: Path) -> None:
    path.write_text("changed", encoding="utf-8")


CHANGES: dict[str, Callable[[Path, pytest.MonkeyPatch], None]] = {
    "a flag": lambda _, patch: patch.setattr(sys, "argv", ["mogplex-mcp", "--read-only"]),
    "a variable": lambda _, patch: patch.setenv("MOGPLEX_DEFAULT_REPO", "acme/web"),
    "a token": lambda _, patch: patch.setenv("MOGPLEX_API_KEY", "x"),
    "a changed module": lambda package, _: write(package / "__main__.py"),
    "a changed module below": lambda package, _: write(package / "cli" / "serving.py"),
    "a new module": lambda package, _: write(package / "new.py"),
    "a removed module": lambda package, _: (package / "cli" / "serving.py").unlink(),
    "an installed package": lambda package, _: (package.parent / "site-packages" / "mcp-2.4.dist-info").mkdir(),
    "another Python": lambda _, patch: patch.setattr(sys, "version", "3.15"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_of_code_or_settings_changes_the_circumstances(
    change: Callable[[Path, pytest.MonkeyPatch], None], package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _circumstances()
    change(package, monkeypatch)
    assert _circumstances() != before


def test_unrelated_variables_do_not_change_the_circumstances(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _circumstances()
    (package / "__pycache__").mkdir(exist_ok=True)
    write(package / "__pycache__" / "early.cpython-311.pyc")
    monkeypatch.setenv("PATH", "/elsewhere")
    assert _circumstances() == before


@pytest.mark.parametrize("option", [one for one in OPTIONS if one.read is Secret], ids=lambda one: one.setting)
def test_value_of_a_secret_does_not_change_the_circumstances(option: Option, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in option.environment:
        monkeypatch.setenv(name, "first")
        before = _circumstances()
        monkeypatch.setenv(name, "second")
        assert _circumstances() == before
        assert b"second" not in before


def test_file_name_that_is_not_utf8_is_part_of_the_circumstances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOGPLEX_URL", os.fsdecode(b"\xff"))
    assert _circumstances()
