"""A package has the responses of its own server built in; a checkout, whose code goes on changing, has none."""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from distribution.project import ROOT
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS

from mogplex_mcp.startup.built_answers import SELECTIONS

TIMEOUT_SECONDS = 240
FOLDER = "mogplex_mcp/startup/built/"


def build(target: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
    (made,) = (one for one in folder.iterdir() if one.suffix in (".gz", ".whl"))
    return made


def test_a_package_has_the_responses_of_its_server(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", ROOT, tmp_path / "sdist")) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("mogplex_mcp-*")
    with zipfile.ZipFile(build("wheel", source, tmp_path / "wheel")) as packed:
        names = [name for name in packed.namelist() if name.startswith(FOLDER)]
        built = {Path(name).stem: json.loads(packed.read(name)) for name in names}
    assert built.keys() == SELECTIONS.keys()
    assert all(one["versions"].keys() == set(KNOWN_PROTOCOL_VERSIONS) for one in built.values())


def test_a_checkout_has_none() -> None:
    assert not (ROOT / "server" / FOLDER).exists()
