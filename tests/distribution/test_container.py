"""The Dockerfile, checked as far as that goes without a Docker engine: read by a linter, and its commands run here.

No image is built: what the base image holds, and what a user other than root may write, is not tested.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from distribution.project import ROOT

from mogplex_mcp.config.options import OPTIONS
from tests.acceptance.environments import OFF
from tests.transports.processes import environment, lines

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PLACE = "/opt/mogplex-mcp"
PIP_SECONDS = 240


def instructions() -> Iterator[tuple[str, str]]:
    for line in re.sub(r"\\\n\s*", "", TEXT).splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            yield name, rest


ALL = list(instructions())
SECOND_STAGE = [name for name, _ in ALL].index("FROM", 1)
BUILD, FINAL = ALL[:SECOND_STAGE], ALL[SECOND_STAGE:]


def of(stage: list[tuple[str, str]], name: str) -> str:
    (rest,) = (rest for one, rest in stage if one == name)
    return rest


def copied() -> set[str]:
    return {word for name, rest in BUILD if name == "COPY" for word in rest.split()[:-1]}


def variables() -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(of(FINAL, "ENV")))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no hadolint for Windows")
def test_the_linter_finds_nothing() -> None:
    tool = Path(sys.executable).parent / "hadolint"
    ended = subprocess.run([tool, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_it_runs_as_a_user_and_holds_no_secret() -> None:
    names = [name for name, _ in FINAL]
    assert of(FINAL, "USER") == "10001"
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "useradd --uid 10001" in of(FINAL, "RUN")
    secret = {name for option in OPTIONS if not option.flag for name in option.environment}
    assert not secret & variables().keys()
    assert "ARG" not in dict(instructions())


def test_its_variables_and_port_are_those_of_the_server() -> None:
    ours = {name: value for name, value in variables().items() if name.startswith("MOGPLEX")}
    assert set(ours) <= {name for option in OPTIONS for name in option.environment}
    assert of(FINAL, "EXPOSE") == ours["MOGPLEX_MCP_PORT"]
    assert Path(ours["MOGPLEX_MCP_STATE_FILE"]).parent == Path(of(FINAL, "VOLUME"))


def test_only_what_is_copied_is_sent_to_the_engine() -> None:
    ignored, *let_through = (
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    )
    assert ignored == "*"
    assert {line.removeprefix("!") for line in let_through if line.startswith("!")} == copied()
    assert any(fnmatch.fnmatch("server/__pycache__", line) for line in let_through)


@pytest.mark.acceptance
@pytest.mark.skipif(OFF in os.environ, reason=f"{OFF} is set")
def test_its_commands_install_serve_and_check_the_server(tmp_path: Path) -> None:
    source, installed = tmp_path / "source", tmp_path / "opt"
    source.mkdir()
    for file in copied():
        shutil.copytree(ROOT / file, source / file) if (ROOT / file).is_dir() else shutil.copy(ROOT / file, source)
    script = of(BUILD, "RUN").replace(PLACE, str(installed))
    subprocess.run(["/bin/sh", "-ec", script], cwd=source, check=True, timeout=PIP_SECONDS)
    path = variables()["PATH"].replace(PLACE, str(installed)).replace("$PATH", os.environ["PATH"])
    # Port 8765 may be taken here, and 0.0.0.0 is not for a test.
    given = variables() | {
        "PATH": path,
        "MOGPLEX_MCP_HOST": "127.0.0.1",
        "MOGPLEX_MCP_PORT": "0",
        "MOGPLEX_MCP_STATE_FILE": str(tmp_path / "state.sqlite3"),
    }
    started = environment(tmp_path, given)
    command = [*json.loads(of(FINAL, "ENTRYPOINT")), *json.loads(of(FINAL, "CMD"))]
    program = shutil.which(command[0], path=path)
    assert program == str(installed / "bin" / command[0])
    with subprocess.Popen([program, *command[1:]], env=started, stderr=subprocess.PIPE, text=True) as serving:
        try:
            port = re.search(r":(\d+)/mcp", lines(serving.stderr).readline())
            assert port
            assert checked(started | {"MOGPLEX_MCP_PORT": port.group(1)}) == 0
        finally:
            serving.terminate()
    assert checked(started | {"MOGPLEX_MCP_PORT": port.group(1)}) != 0


def checked(given: dict[str, str]) -> int:
    """The exit code of the health check."""
    command = json.loads(of(FINAL, "HEALTHCHECK").partition(" CMD ")[2])
    return subprocess.run([*command], env=given, capture_output=True, timeout=30, check=False).returncode
