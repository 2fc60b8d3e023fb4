"""The page that the package ships is the one that the source builds to."""

import re
from pathlib import Path

import pytest

from tests.ui.building import SHIPPED, SOURCE, modules, run, workshop


def test_the_shipped_page_is_what_the_source_builds_to(tmp_path: Path) -> None:
    ui = workshop(tmp_path)
    run(str(ui / "build.mjs"), str(tmp_path / "built.html"))
    built = (tmp_path / "built.html").read_text(encoding="utf-8")
    assert built == SHIPPED.read_text(encoding="utf-8"), (
        "build it again: npm --prefix ui ci && npm --prefix ui run build"
    )


def test_the_source_has_no_type_errors(tmp_path: Path) -> None:
    run(str(modules() / "typescript" / "bin" / "tsc"), "--noEmit", place=workshop(tmp_path))


def test_the_page_is_small_and_refers_to_nothing() -> None:
    page = SHIPPED.read_text(encoding="utf-8")
    assert len(page.encode()) <= 150_000
    assert "default-src 'none'" in page
    assert "unsafe-inline" not in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']|url\(|@import|https?://""", page.replace('"https://"', ""))


@pytest.mark.parametrize(
    "sink", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
)
def test_the_source_has_no_sink_of_markup(sink: str) -> None:
    assert not [file.name for file in (SOURCE / "src").iterdir() if sink in file.read_text(encoding="utf-8")]


def test_the_lockfile_names_no_package_index() -> None:
    lock = (SOURCE / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in lock
    assert lock.count('"integrity"') > 10
