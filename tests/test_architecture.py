"""The house rules that a reader relies on."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.retired_words import RETIRED_NAMES, RETIRED_PHRASES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "server" / "mogplex_mcp"
MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = ("server", "tests", "benchmarks", "evals", "docs", "distribution", "examples")
# Rooms from top to bottom, each with the rooms below that it may import. `cli` may import every room.
ARROWS = {
    "diagnosis": {
        "tools",
        "toolkit",
        "installation",
        "tenants",
        "storage",
        "credentials",
        "config",
        "api",
        "core",
    },
    "installation": {"config", "core"},
    "transports": {"server", "credentials", "config", "api", "core"},
    "startup": {"config", "core"},
    "server": {
        "tools",
        "toolkit",
        "reply",
        "ui",
        "operations",
        "tenants",
        "runs",
        "storage",
        "sign_in",
        "credentials",
        "config",
        "api",
        "core",
    },
    "tools": {"toolkit", "reply", "ui", "operations", "runs", "storage", "api", "core"},
    "toolkit": {"reply", "operations", "tenants", "storage", "config", "api", "core"},
    "reply": {"core"},
    "ui": set[str](),
    "operations": {"tenants", "runs", "storage", "config", "api", "core"},
    "tenants": {"runs", "storage", "sign_in", "credentials", "config", "api", "core", "simulator"},
    "runs": {"storage", "api", "core"},
    "sign_in": {"credentials", "config", "api", "core"},
    "credentials": {"config", "api", "core"},
    "config": {"api", "core"},
    "storage": {"api", "core"},
    "api": {"core"},
    "core": set[str](),
    "simulator": set[str](),
}

# Code and pages whose words follow the field's own documents.
WORDED = (
    *("server", "ui/src", "plugins", "examples", "evals", "benchmarks", "docs", "distribution"),
    *("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"),
)


def imported(module: Path) -> Iterator[str]:
    """The modules that a module imports, absolute ones by their full name."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def part(module: str) -> str:
    return module.split(".")[1] if module.startswith("mogplex_mcp.") else ""


def test_no_module_has_more_than_350_lines() -> None:
    modules = [module for folder in FOLDERS for module in (ROOT / folder).rglob("*.py")]
    assert modules
    assert not [module for module in modules if len(module.read_text().splitlines()) > 350]


def test_modules_of_posix_are_imported_only_where_they_are() -> None:
    posix = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
    for module in (module for folder in ("server", "tests") for module in (ROOT / folder).rglob("*.py")):
        top = [node for node in ast.parse(module.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {alias.name for node in top for alias in node.names} | {getattr(node, "module", "") for node in top}
        assert not posix & names, module


@pytest.mark.parametrize(
    "folder", ["api", "runs", "storage", "tenants", "credentials", "config", "core", "operations", "reply"]
)
def test_what_talks_to_mogplex_knows_nothing_of_mcp(folder: str) -> None:
    for module in (PACKAGE / folder).rglob("*.py"):
        assert not [name for name in imported(module) if name.split(".")[0] in ("mcp", "mcp_types")], module


def test_every_module_is_in_a_room() -> None:
    loose = {module.name for module in PACKAGE.glob("*.py")}
    assert loose == {"__init__.py", "__main__.py"}
    assert {module.relative_to(PACKAGE).parts[0] for module in MODULES} - loose == {"cli", *ARROWS}


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_imports_the_rooms_of_its_arrows_and_no_others(room: str) -> None:
    used = set[str]()
    for module in (PACKAGE / room).rglob("*.py"):
        others = {part(name) for name in imported(module)} - {"", room}
        assert others <= ARROWS[room], module
        used |= others
    assert used == ARROWS[room]


@pytest.mark.parametrize("room", ARROWS)
def test_arrows_lead_downwards(room: str) -> None:
    rooms = list(ARROWS)
    assert ARROWS[room] <= set(rooms[rooms.index(room) + 1 :])


def test_the_simulator_stands_alone() -> None:
    for module in (PACKAGE / "simulator").rglob("*.py"):
        foreign = [name for name in imported(module) if part(name) not in ("", "simulator") or name.startswith("...")]
        assert not foreign, module


def test_only_the_settings_read_the_environment() -> None:
    for module in MODULES:
        # What Python and OpenSSL read of proxies and certificates on their own is no setting, but has to be named.
        if module.name not in ("settings.py", "proxies.py", "certificates.py"):
            assert not re.search(r"os\.environ(?!\.setdefault)|getenv|import environ", module.read_text()), module


def written_in(place: str) -> Iterator[Path]:
    path = ROOT / place
    files = path.rglob("*") if path.is_dir() else [path]
    return (file for file in files if file.suffix in (".py", ".md", ".ts"))


@pytest.mark.parametrize("place", WORDED)
def test_retired_words_stay_retired(place: str) -> None:
    names = re.compile(rf"\b({'|'.join(map(re.escape, RETIRED_NAMES))})\b")
    # What is quoted as code is a name that was.
    phrases = re.compile(rf"(?<!`)\b({'|'.join(map(re.escape, RETIRED_PHRASES))})\b(?!`)", re.IGNORECASE)
    files = list(written_in(place))
    assert files
    for file in files:
        text = " ".join(file.read_text(encoding="utf-8").split())
        assert not (names.findall(text) + phrases.findall(text)), file
