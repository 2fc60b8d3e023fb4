"""The examples run from a checkout: with one command for all, over HTTP, as tasks, and with the types of results.

Those of frameworks run in the tests of acceptance, each in its own environment.
"""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import anyio
import pytest
from docs.generate import ROOT

from mogplex_mcp.cli.parser import build_parser
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from tests.acceptance.environments import NODE
from tests.transports.http.support import app_for, served

pytestmark = pytest.mark.anyio

EXAMPLES = ROOT / "examples"
PROGRAMS = [path for path in sorted(EXAMPLES.iterdir()) if path.suffix in (".py", ".mjs", ".ts")]
TIMEOUT_SECONDS = 60
PULL_REQUEST = re.compile(r"https://github\.com/acme/web/pull/\d+")

Importer = Callable[[str], ModuleType]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Importer:
    """Import an example anew, as a program in its folder would."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("MOGPLEX_API_KEY", DEMO_TOKEN)

    def load(name: str) -> ModuleType:
        for path in PROGRAMS:
            monkeypatch.delitem(sys.modules, path.stem, raising=False)
        return importlib.import_module(name)

    return load


def node(program: str) -> str:
    """Run a module in the folder of the examples, and return what it prints."""
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", program],
        cwd=EXAMPLES,
        env=os.environ | {"MOGPLEX_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_only_one_module_of_a_language_knows_the_command(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "uvx" not in text
    if path.stem != "launch":
        assert '"mogplex-mcp"' not in text
    if path.suffix == ".py":
        compile(text, path, "exec")


def test_both_languages_start_the_same_server(example: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOGPLEX_URL", "http://127.0.0.1:9")
    launch = example("launch")
    program = 'import * as it from "./launch.mjs"; console.log(JSON.stringify([it.COMMAND, it.ENVIRONMENT]))'
    command, variables = json.loads(node(program))
    assert (command, variables) == (launch.COMMAND, launch.ENVIRONMENT)
    assert variables["MOGPLEX_API_KEY"] == DEMO_TOKEN
    assert not {name for name in variables if not name.startswith("MOGPLEX_")}


def test_types_of_results_are_used_by_a_program_that_runs() -> None:
    program = """
        const { openRuns } = await import("./typed-results.ts");
        const runs = [{ run_id: "one", repo: "acme/web", status: "streaming" }];
        const client = { callTool: async (request) => ({ structuredContent: { runs, left_out: 2 }, request }) };
        console.log(JSON.stringify(await openRuns(client)));
    """
    assert json.loads(node(program)) == ["one on acme/web: streaming, ? min", "and 2 more"]


async def delegated(module: ModuleType) -> str:
    """What an example of the Python SDK returns, over HTTP."""
    async with served(app_for(Simulator(run_seconds=2).transport())) as address:
        with anyio.fail_after(TIMEOUT_SECONDS):
            server = module.over_http(f"http://{address}/mcp")
            return str(await module.delegate(server, "acme/web", "Fix the flaky test."))


async def test_a_client_gets_over_http_from_a_repository_to_a_pull_request(
    example: Importer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert PULL_REQUEST.fullmatch(await delegated(example("mcp_client")))
    assert "The run is done." in capsys.readouterr().out


async def test_a_client_with_tasks_gets_there_without_a_cursor(
    example: Importer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = example("mcp_tasks")
    intervals: list[float] = []

    async def noted(seconds: float) -> None:
        intervals.append(seconds)
        await anyio.sleep(seconds)

    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=noted))
    assert PULL_REQUEST.fullmatch(await delegated(module))
    assert intervals, "the call became no task"
    assert "The run is done." in capsys.readouterr().out


def test_commands_of_the_page_parse() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\.venv/bin/mogplex-mcp (.*)$", text, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        build_parser().parse_args(shlex.split(command))
    for named in re.findall(r"examples/([\w.-]+)", text):
        assert (EXAMPLES / named).exists()
