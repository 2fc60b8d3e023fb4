"""Clients that run on Node.js: the examples in JavaScript, and the MCP Inspector's command line."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import environments
from tests.acceptance.conftest import Served

pytestmark = pytest.mark.acceptance

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
ENVIRONMENTS = {
    "typescript-v1": "typescript-v1",
    "typescript-v2": "typescript-v2",
    "vercel-ai-sdk": "vercel-ai-sdk",
    "genkit-agent": "genkit",
}
SETTINGS = ("MOGPLEX_API_KEY", "MOGPLEX_URL")
STORY_SECONDS = 120


def run(command: Sequence[Path | str], served: Served) -> str:
    ended = subprocess.run(
        [environments.NODE, *command],
        env=served.environment,
        capture_output=True,
        text=True,
        timeout=STORY_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:] + ended.stdout[-1_000:]
    return ended.stdout


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.mjs")} == {*ENVIRONMENTS, "launch"}


@pytest.mark.parametrize("example", ENVIRONMENTS)
def test_an_example_gets_from_a_repository_to_a_pull_request(example: str, served: Served, tmp_path: Path) -> None:
    modules = environments.npm(ENVIRONMENTS[example]) / "node_modules"
    # Node.js looks for packages beside the file that imports them.
    (tmp_path / "node_modules").symlink_to(modules)
    for name in (example, "launch"):
        shutil.copy(EXAMPLES / f"{name}.mjs", tmp_path)
    shutil.copy(HERE / "drive.mjs", tmp_path)
    shutil.copytree(HERE / "models", tmp_path / "models")
    said = run([tmp_path / "drive.mjs", f"{example}.mjs", served.place], served)
    assert re.search(r"https://github\.com/acme/web/pull/\d+$", said.strip()), said[-3_000:]


class Inspector:
    """The MCP Inspector's command line: each call is a process that connects, asks and ends."""

    def __init__(self, served: Served) -> None:
        package = environments.npm("inspector") / "node_modules" / "@modelcontextprotocol" / "inspector"
        self._served = served
        self._program: list[Path | str] = [package / "clients" / "launcher" / "build" / "index.js", "--cli"]
        self._server = (
            ["mogplex-mcp", *(part for name in SETTINGS for part in ("-e", f"{name}={served.environment[name]}"))]
            if served.place == "stdio"
            else [served.place, "--transport", "http", "--header", f"Authorization: Bearer {served.token}"]
        )

    def ask(self, method: str, *more: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            run([*self._program, *self._server, "--method", method, *more], self._served)
        )
        return answer

    def call(self, tool: str, **arguments: str) -> dict[str, Any]:
        pairs = [part for name, value in arguments.items() for part in ("--tool-arg", f"{name}={value}")]
        content: dict[str, Any] = self.ask("tools/call", "--tool-name", tool, *pairs)["structuredContent"]
        return content


def test_the_inspector_gets_from_a_repository_to_a_pull_request(served: Served) -> None:
    inspector = Inspector(served)
    tools = {tool["name"] for tool in inspector.ask("tools/list", "--strict")["tools"]}
    assert {"list_repos", "start_run", "tail_run"} <= tools
    assert inspector.call("list_repos", query="web")["repos"][0]["repo"] == "acme/web"
    started = inspector.call("start_run", repo="acme/web", prompt="Fix the flaky test.")
    news = inspector.call("tail_run", run_id=started["run_id"])
    assert re.fullmatch(r"https://github\.com/acme/web/pull/\d+", news["pull_request"])
