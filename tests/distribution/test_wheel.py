"""A wheel has the responses of its own server built in; an editable install, whose code goes on changing, has none."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from distribution.build_hook import BuiltAnswers
from distribution.project import ROOT
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS

from mogplex_mcp.startup.built_answers import SELECTIONS

TIMEOUT_SECONDS = 240
FOLDER = "mogplex_mcp/startup/built/"


def test_a_wheel_has_the_responses_of_its_server(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = [name for name in packed.namelist() if name.startswith(FOLDER)]
        built = {Path(name).stem: json.loads(packed.read(name)) for name in names}
    assert built.keys() == SELECTIONS.keys()
    assert all(one["versions"].keys() == set(KNOWN_PROTOCOL_VERSIONS) for one in built.values())


def test_an_editable_install_and_a_checkout_have_none(tmp_path: Path) -> None:
    build_data: dict[str, Any] = {"force_include": {}}
    hook = BuiltAnswers(str(ROOT), {}, None, None, str(tmp_path), "wheel")  # type: ignore[arg-type]  # not needed
    hook.initialize("editable", build_data)
    hook.finalize("editable", build_data, "")
    assert build_data == {"force_include": {}}
    assert not (ROOT / "server" / FOLDER).exists()
