"""A made-up user on a made-up machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.clients import client_named
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.plan import Plan, plan_installation

FOREIGN = '{\n  "mcpServers": {\n    "gh": {"command": "npx", "env": {"GH_TOKEN": "abc"}} // mine\n  }\n}\n'
Run = Callable[..., int]
LAUNCH = Launch("/opt/mogplex/bin/mogplex-mcp")


def machine(tmp_path: Path, platform: str = "linux", **folders: str) -> Machine:
    """A machine whose home directory and project exist and are empty."""
    home, project = tmp_path / "home", tmp_path / "work" / "shop"
    home.mkdir(parents=True, exist_ok=True)
    project.mkdir(parents=True, exist_ok=True)
    return Machine(platform, home, project, folders)


def configuration(machine: Machine, client: Client, text: str | None = None, scope: str = "user") -> Path:
    """The configuration of a client that is installed, with a text in it if one is given."""
    path = machine.configuration(client, scope)
    assert path is not None
    for marker in client.markers or (str(path),):
        where = Path(machine._filled(marker))
        where.parent.mkdir(parents=True, exist_ok=True)
        if where.suffix == "":
            where.mkdir(exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is not None:
        path.write_bytes(text.encode())
    return path


def plan(here: Machine, text: str | None = None, client: Client | None = None, launch: Launch = LAUNCH) -> Plan:
    """The plan to install in a client, Cursor if none is named, whose configuration has that text."""
    client = client or client_named("cursor")
    configuration(here, client, text)
    return plan_installation(here, client, "user", "mogplex", launch)


def entry(path: Path) -> dict[str, Any]:
    """The entry of this server in a file."""
    found = json.loads(path.read_text().replace("// mine", ""))["mcpServers"]["mogplex"]
    assert isinstance(found, dict)
    return found


def files(folder: Path) -> dict[Path, bytes]:
    """All files below a folder, with their content."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
