"""The card and the test's host page, built with the tools that `ui/package-lock.json` pins."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.acceptance.environments import NODE, npm_at

SOURCE: Final = Path(__file__).parents[2] / "ui"
SHIPPED: Final = Path(__file__).parents[2] / "server" / "mogplex_mcp" / "ui" / "run_card.html"
_SECONDS: Final = 120
_HOST: Final = Path(__file__).parent


def modules() -> Path:
    """The `node_modules` of the card; skips the test where they can't be had."""
    return npm_at(SOURCE) / "node_modules"


def workshop(place: Path) -> Path:
    """A copy of the card's source with the tools to build it."""
    copy = place / "ui"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(modules(), target_is_directory=True)
    return copy


def built_host(place: Path) -> str:
    """The script of the host page."""
    output = place / "host.js"
    entry = place / "host.ts"
    shutil.copy(_HOST / "host.ts", entry)
    (place / "node_modules").symlink_to(modules(), target_is_directory=True)
    bundler = str(modules() / "esbuild" / "bin" / "esbuild")
    run(bundler, str(entry), "--bundle", "--format=iife", "--log-level=warning", f"--outfile={output}")
    return output.read_text(encoding="utf-8")


def run(script: str, *arguments: str, place: Path | None = None) -> None:
    """Run a program of Node.js."""
    done = subprocess.run(
        [str(NODE), script, *arguments], cwd=place, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
