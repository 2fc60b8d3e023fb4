"""The house rules that a reader relies on."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "server" / "mogplex_mcp"
MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = ("server", "tests", "benchmarks", "docs", "distribution", "examples")
# Whoever is further to the left may know those to its right.
ORDER = ["cli", "commands", "diagnosis", "demo", "http", "app", "tools", "reply", "runs", "api"]


def imported(module: Path) -> Iterator[str]:
    """The modules that a module imports, absolute ones by their full name."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def part(module: str) -> str:
    return module.split(".")[1] if module.startswith("mogplex_mcp.") else ""


@pytest.mark.parametrize(
    "module",
    [module for folder in FOLDERS for module in sorted((ROOT / folder).rglob("*.py"))],
    ids=lambda module: str(module.relative_to(ROOT)),
)
def test_a_module_has_one_job_and_fits_a_screen_or_five(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 350


@pytest.mark.parametrize("folder", ["api", "runs"])
def test_what_talks_to_mogplex_knows_nothing_of_mcp(folder: str) -> None:
    for module in (PACKAGE / folder).rglob("*.py"):
        assert not [name for name in imported(module) if name.split(".")[0] in ("mcp", "mcp_types")], module


def test_arrows_go_one_way() -> None:
    for module in MODULES:
        own = module.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own in ORDER:
            left = set(ORDER[: ORDER.index(own)])
            assert not [name for name in imported(module) if part(name) in left], module


def test_the_simulator_stands_alone() -> None:
    for module in (PACKAGE / "simulator").rglob("*.py"):
        foreign = [name for name in imported(module) if part(name) not in ("", "simulator") or name.startswith("...")]
        assert not foreign, module


def test_only_the_settings_read_the_environment() -> None:
    for module in MODULES:
        # What is set at all must be known before there are settings, which take longer to load than an answer.
        if module.name not in ("settings.py", "early.py"):
            assert not re.search(r"os\.environ(?!\.setdefault)|getenv|import environ", module.read_text()), module
