"""Where contenders live: environments of their own with pinned versions, made once and kept in the user's cache."""

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from benchmarks.compare.client import ContenderError

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = user_cache_path("mogplex-mcp-benchmarks", appauthor=False)
_INSTALLING_SECONDS: Final = 300
_READY: Final = "ready.json"
# Packages whose versions are reported, in addition to the contender's.
_TOLD: Final = ("mcp", "fastmcp", "httpx", "httpx2", "pydantic", "mogplex-mcp", "mcp-proxy")


class UnavailableError(ContenderError):
    """An environment could not be made; the message says why."""


@dataclass(frozen=True)
class Environment:
    """What is installed for a contender.

    Attributes:
        name: Its folder in the cache.
        python: Requirements for pip, in addition to those of this checkout, if that is installed.
        node: Packages for npm.
        this: Whether this checkout is installed as well, as a wheel with its dependencies.
    """

    name: str
    python: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    this: bool = False

    @property
    def folder(self) -> Path:
        """Where it is."""
        return CACHE / self.name

    @property
    def binaries(self) -> Path:
        """Where its Python's programs are."""
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin")

    def make(self) -> None:
        """Install what is not there yet, or is not what is wanted now.

        Raises:
            UnavailableError: It cannot be installed.
        """
        wanted = json.dumps([sys.version, *self.python, *self.node, _digest() if self.this else ""])
        ready = self.folder / _READY
        if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
            return
        # Else an installation that fails half-way would pass for the one before it.
        ready.unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.node:
            _run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(self.folder), *self.node)
        else:
            _run(sys.executable, "-m", "venv", "--clear", str(self.folder))
            # Users have what is published, with its responses built in and its bytecode compiled.
            this = (_source_distribution(self.folder),) if self.this else ()
            _run(str(self.binaries / "python"), "-m", "pip", "install", "--quiet", *this, *self.python)
        ready.write_text(wanted, encoding="utf-8")

    def versions(self) -> dict[str, str]:
        """What of note is installed.

        Raises:
            UnavailableError: It is not there.
        """
        if self.node:
            names = [package.rpartition("@")[0] for package in self.node]
            manifests = {name: self.folder / "node_modules" / name / "package.json" for name in names}
            node = _run("node", "--version").strip()
            return {name: json.loads(path.read_text())["version"] for name, path in manifests.items()} | {"Node": node}
        listed = _run(
            str(self.binaries / "python"), *("-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
        )
        found = {one["name"]: one["version"] for one in json.loads(listed)}
        return {name: found[name] for name in _TOLD if name in found}


def _digest() -> str:
    """Changes when this checkout does."""
    files = sorted(path for path in (ROOT / "server").rglob("*") if path.suffix in {".py", ".json"})
    content = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", *files):
        content.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return content.hexdigest()


def _source_distribution(folder: Path) -> str:
    """Return the path of a source distribution of this checkout, which is built into a folder."""
    build = "import os, sys; from hatchling.build import build_sdist; os.chdir(sys.argv[1]); build_sdist(sys.argv[2])"
    for old in folder.glob("*.tar.gz"):
        old.unlink()
    _run(sys.executable, "-c", build, str(ROOT), str(folder))
    (built,) = folder.glob("*.tar.gz")
    return str(built)


def _run(*command: str) -> str:
    """What a command says.

    Raises:
        UnavailableError: It is not there, fails, or takes too long.
    """
    try:
        said = subprocess.run(command, check=True, capture_output=True, timeout=_INSTALLING_SECONDS, cwd=ROOT.parent)  # noqa: S603 - pip, npm and venv
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UnavailableError(f"{Path(command[0]).name} failed: {' '.join(last)}") from error
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{Path(command[0]).name} took over {_INSTALLING_SECONDS} s") from error
    except FileNotFoundError as error:
        raise UnavailableError(f"there is no {command[0]}") from error
    return said.stdout.decode()
