"""A made-up user on a made-up machine."""

from pathlib import Path

from mogplex_mcp.installation.clients import Client
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.machine import Machine

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
        where = Path(marker.format(home=machine.home, claude=machine.home))
        where.parent.mkdir(parents=True, exist_ok=True)
        if where.suffix == "":
            where.mkdir(exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is not None:
        path.write_bytes(text.encode())
    return path
