"""What the README and the examples tell people to write is true."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docs.generate import PAGE, page, readme
from mcp import Client, StdioServerParameters

from mogplex_mcp.cli.parser import build_parser
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.installation.clients import CLIENTS
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.transports.processes import PROGRAM, environment

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
TOKEN = "mog_YOUR_TOKEN"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def entries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every server entry that the README and mcp.json.example show."""
    texts = {f"README {number}": text for number, text in enumerate(blocks("json"))}
    for source, text in (texts | {"mcp.json.example": (ROOT / "mcp.json.example").read_text()}).items():
        shown = json.loads(text)
        for name, entry in (shown.get("mcpServers") or shown["servers"]).items():
            yield f"{source}: {name}", entry


ENTRIES = dict(entries())


def started(entry: dict[str, Any]) -> list[str]:
    """The command line of an entry, with this checkout in the place of the published package."""
    command, arguments = entry["command"], list(entry.get("args", []))
    if command == "uvx":
        assert arguments.pop(0) == "mogplex-mcp"
    else:
        assert command.endswith("/.venv/bin/mogplex-mcp")
    return [*PROGRAM, *arguments]


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if "command" in entry])
async def test_what_a_snippet_names_starts_and_offers_its_tools(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    known = {variable for option in OPTIONS for variable in option.environment}
    assert set(entry.get("env", {})) <= known
    command, *arguments = started(entry)
    server = StdioServerParameters(command=command, args=arguments, env=environment(tmp_path, entry.get("env")))
    async with Client(server) as client:
        offered = await client.list_tools()
    assert {"list_repos", "start_run", "tail_run"} <= {tool.name for tool in offered.tools}


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if "url" in entry])
def test_an_http_snippet_names_the_default_address_and_the_header_that_is_asked_for(name: str) -> None:
    entry = ENTRIES[name]
    (port,) = (option for option in OPTIONS if option.setting == "port")
    assert port.flag == "port"
    assert entry["url"] == "http://127.0.0.1:8765/mcp"
    assert entry["headers"] == {"Authorization": f"Bearer {TOKEN}"}


def test_every_command_that_is_shown_is_one() -> None:
    shown = re.findall(r"^\s*(?:uvx )?mogplex-mcp( .*)$|`(?:uvx )?mogplex-mcp( [^`]*)`", README, re.MULTILINE)
    commands = [block or inline for block, inline in shown]
    assert any("login" in command for command in commands)
    for command in commands:
        words = shlex.split(command)
        if words != ["--help"]:
            build_parser().parse_args(words)


def test_every_client_that_can_be_installed_in_is_named() -> None:
    (sentence,) = re.findall(r"Put the server into your clients:(.*?)\.", README, re.DOTALL)
    assert re.findall(r"`([a-z-]+)`", sentence) == [client.name for client in CLIENTS]


def test_the_two_commands_are_what_the_checks_run() -> None:
    demo, tests = (block.strip() for block in blocks("sh")[:2])
    assert tests in (ROOT / ".ci" / "run").read_text().splitlines()
    assert demo.split(" && ")[:1] == tests.split(" && ")[:1]
    assert demo.endswith(".venv/bin/mogplex-mcp demo")


def test_the_reference_and_the_table_of_tools_are_made_from_the_code() -> None:
    hint = "run: python -m docs.generate"
    assert PAGE.read_text() == page(), hint
    assert readme() == README, hint


def test_the_reference_has_every_tool_resource_and_prompt() -> None:
    text = page()
    for toolset in TOOLSETS:
        for tool in toolset.tools:
            assert f"### {tool.name}\n" in text
            assert all(f"| `{argument}` |" in text for argument in tool.arguments.model_fields)
    assert "mogplex://runs/{run_id}" in text
    assert "`delegate_task`" in text
