"""The pins of the development set fit what the package asks for, and no file says where packages are fetched."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from distribution.project import PROJECT, ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PINS = ROOT / "requirements-dev.txt"
COMPILED = [PINS, *sorted((ROOT / "tests" / "acceptance" / "pins").glob("*.txt"))]
REQUIREMENTS = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
# In parts, since this file is searched too.
INDEXES = re.compile(
    r"files\.python" + r"hosted\.org|pypi\.org" + r"/simple|registry\.npm" + r"js\.org|--(?:extra-)?index" + r"-url"
    r"|\bindex-url" + r" *=|\"resolved\"" + r" *:"
)


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_a_set_has_a_version_for_each_package_and_no_more(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        assert re.match(r"[a-z0-9][a-z0-9.-]*==[\w.+!]+( ; .+)?$", line), line


@pytest.mark.parametrize("text", REQUIREMENTS, ids=lambda text: Requirement(text).name)
def test_a_pin_is_what_the_package_asks_for(text: str) -> None:
    pins = [Requirement(line) for line in PINS.read_text(encoding="utf-8").splitlines()]
    asked = Requirement(text)
    name = canonicalize_name(asked.name)
    versions = [str(one.specifier).removeprefix("==") for one in pins if canonicalize_name(one.name) == name]
    assert versions, "run: uv pip compile, as CONTRIBUTING.md has it"
    assert all(asked.specifier.contains(version, prereleases=True) for version in versions)


def test_no_file_has_the_address_of_a_package_index() -> None:
    git = shutil.which("git")
    listed = git and subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if not listed or listed.returncode:
        pytest.skip("this is no checkout of git")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    texts = {path: path.read_bytes().decode(errors="ignore") for path in paths if path.is_file()}
    assert len(texts) > 100
    assert not [(str(path), found[0]) for path, text in texts.items() if (found := INDEXES.search(text))]
