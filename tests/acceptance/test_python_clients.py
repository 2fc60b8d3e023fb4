"""The examples in Python, each in an environment of its own: what they tell people to write gets a pull request."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance import environments
from tests.acceptance.conftest import Served

pytestmark = pytest.mark.acceptance

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
ENVIRONMENTS = {
    "mcp_client_v1": "mcp-1",
    "mcp_client": "mcp-2",
    "mcp_tasks": "mcp-2",
    "fastmcp_client": "fastmcp",
    "langchain_agent": "langchain",
    "openai_agents": "openai-agents",
    "pydantic_ai_agent": "pydantic-ai",
    "google_adk_agent": "google-adk",
    "llama_index_agent": "llama-index",
    "deepagents_agent": "deepagents",
    "dspy_agent": "dspy",
    "mcp_agent_app": "mcp-agent",
    "fast_agent_app": "fast-agent",
    "claude_agent": "claude-agent-sdk",
}
STORY_SECONDS = 120


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*ENVIRONMENTS, "launch"}
    assert {path.stem for path in (HERE / "pins").glob("*.txt")} == set(ENVIRONMENTS.values())


@pytest.mark.parametrize("example", ENVIRONMENTS)
def test_an_example_gets_from_a_repository_to_a_pull_request(example: str, served: Served) -> None:
    python = environments.python(ENVIRONMENTS[example])
    ended = subprocess.run(
        [python, HERE / "drive.py", example, served.place],
        # An environment is compiled by its first story, also where Python is told to compile without keeping.
        env={**served.environment, "PYTHONDONTWRITEBYTECODE": ""},
        cwd=served.environment["HOME"],  # some keep their conversations in the folder they run in
        capture_output=True,
        text=True,
        timeout=STORY_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    assert re.search(r"https://github\.com/acme/web/pull/\d+$", ended.stdout.strip()), ended.stdout[-3_000:]
