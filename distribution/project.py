"""Metadata from `pyproject.toml` that is used elsewhere."""

import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME: Final[str] = PROJECT["name"]
TITLE: Final = "Mogplex"
# The name of the server in the configuration of clients.
ENTRY: Final = "mogplex"
HOMEPAGE: Final[str] = PROJECT["urls"]["Homepage"]
# The registry allows a hundred characters.
DESCRIPTION: Final = "Start and follow coding-agent runs on your GitHub repositories, up to the pull request."
