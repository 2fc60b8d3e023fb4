"""The commands and snippets of the README are correct, and it is short."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.installation.clients import CLIENTS
from mogplex_mcp.toolkit.tool_selection import offered_tools
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.transports.processes import PROGRAM, environment

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEPLOYING = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
MOST_WORDS = 930
TOKEN = "mog_YOUR_TOKEN"


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def entries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the server entries in the README, the page about deploying and mcp.json.example."""
    texts = {f"README {number}": text for number, text in enumerate(blocks("json"))}
    texts |= {f"deploying {number}": text for number, text in enumerate(blocks("json", DEPLOYING)) if "mcpS" in text}
    for source, text in (texts | {"mcp.json.example": (ROOT / "mcp.json.example").read_text()}).items():
        shown = json.loads(text)
        for name, entry in (shown.get("mcpServers") or shown["servers"]).items():
            yield f"{source}: {name}", entry


ENTRIES = dict(entries())


def started(entry: dict[str, Any]) -> list[str]:
    """Return the command line of an entry, with this checkout instead of the published package."""
    command, arguments = entry["command"], list(entry.get("args", []))
    if command == "uvx":
        assert arguments.pop(0) == "mogplex-mcp"
    else:
        assert command.endswith("/.venv/bin/mogplex-mcp")
    return [*PROGRAM, *arguments]


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if "command" in entry])
async def test_stdio_snippet_starts_a_server_with_its_tools(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    known = {variable for option in OPTIONS for variable in option.environment}
    assert set(entry.get("env", {})) <= known
    command, *arguments = started(entry)
    server = StdioServerParameters(command=command, args=arguments, env=environment(tmp_path, entry.get("env")))
    async with Client(server) as client:
        offered = await client.list_tools()
    assert {"list_repos", "start_run", "tail_run"} <= {tool.name for tool in offered.tools}


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if "url" in entry])
def test_http_snippet_has_default_address_and_header(name: str) -> None:
    entry = ENTRIES[name]
    (port,) = (option for option in OPTIONS if option.setting == "port")
    assert port.flag == "port"
    assert entry["url"] == "http://127.0.0.1:8765/mcp"
    assert entry["headers"] == {"Authorization": f"Bearer {TOKEN}"}


def test_number_of_clients_is_that_of_the_table() -> None:
    assert f"[{len(CLIENTS)} clients](docs/clients.md)" in README


def test_number_of_tools_is_that_of_the_catalog() -> None:
    default, every = (
        len(list(offered_tools(TOOLSETS, settings))) for settings in (Settings(), Settings(toolsets=("all",)))
    )
    assert f"[{default} tools](docs/tools.md), and {every - default} more" in README


def test_readme_is_short() -> None:
    assert len(README.split()) <= MOST_WORDS


def test_ci_runs_the_commands_of_the_readme() -> None:
    demo, tests = (block.strip() for block in blocks("sh") if block.startswith("python3 "))
    assert tests in (ROOT / ".ci" / "run").read_text().splitlines()
    assert demo.split(" && ")[:1] == tests.split(" && ")[:1]
    assert demo.endswith(".venv/bin/mogplex-mcp demo")


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_an_example_that_raises_its_timeout_tells_the_server_of_a_shorter_wait(path: Path) -> None:
    text = path.read_text()
    if timeout := re.search(r"^CALL_SECONDS = (\d+)", text, re.MULTILINE):
        wait = re.search(r'^WAIT_SECONDS = "(\d+)"', text, re.MULTILINE)
        assert wait
        assert int(wait[1]) < int(timeout[1])
        assert '"MOGPLEX_MCP_MAX_WAIT": WAIT_SECONDS' in text
