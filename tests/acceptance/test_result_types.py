"""The generated types of results compile, also in the example that uses them."""

import shutil
import subprocess
from pathlib import Path

from docs.generate import ROOT
from docs.result_types import types

from tests.acceptance.environments import NODE, npm

_STRICT = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022")


def _compile(folder: Path, *files: Path) -> str:
    compiler = npm("types") / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([NODE, compiler, *_STRICT, *files], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_types_of_results_and_their_example_compile(tmp_path: Path) -> None:
    for name in ("results.ts", "typed-results.ts"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    assert not _compile(tmp_path, tmp_path / "typed-results.ts")


def test_types_of_results_know_what_a_result_lacks(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "results.ts").write_text(types())
    program = tmp_path / "wrong.ts"
    program.write_text(
        'import type { Results } from "./results.js";\n'
        'export const one = (result: Results["list_runs"]): string => result.runs[0]!.no_such_field;\n'
        'export const two = (result: Results["get_run"]): string => result.pull_request;\n'
    )
    said = _compile(tmp_path, program)
    assert "'no_such_field' does not exist" in said
    assert "wrong.ts(3," in said
