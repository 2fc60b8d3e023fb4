"""The page of clients is generated from the code, and its entries start this server."""

import ast
import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from docs.client_facts import FRAMEWORKS, OTHER_PROGRAMS, PROGRAMS
from docs.clients_page import EXAMPLES, FUNCTIONS, connection, page
from docs.generate import CLIENTS_PAGE

from mogplex_mcp.installation import yaml_text
from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.clients import CLIENTS
from mogplex_mcp.installation.entry import parse_entry

PAGE = CLIENTS_PAGE.read_text(encoding="utf-8")
READ: dict[str, Callable[[str], Any]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml_text.read}


def test_page_is_current() -> None:
    assert page() == PAGE, "run: python -m docs.generate"


def test_page_covers_all_installable_clients() -> None:
    assert [client.name for client in CLIENTS] == list(PROGRAMS)
    assert not {client.title for client in CLIENTS} & set(OTHER_PROGRAMS)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_snippet_of_each_client_starts_this_server(client: Client) -> None:
    _, _, section = PAGE.partition(f'<a id="{client.name}"></a>\n\n### {client.title}\n')
    kind, text = re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)[0]
    entry: Any = READ[kind](text)
    for step in (*client.entries, "mogplex"):
        entry = entry[step]
    parsed = parse_entry(client, entry)
    assert (parsed.command, parsed.args, parsed.environment) == ("uvx", ("mogplex-mcp",), {})
    assert parsed.options == ()
    assert not parsed.is_disabled


def test_examples_and_rows_match() -> None:
    programs = [path for path in EXAMPLES.iterdir() if path.suffix in (".py", ".mjs")]
    examples = {path.name for path in programs if re.search("over_?stdio", connection(path), re.IGNORECASE)}
    assert {one.example for one in FRAMEWORKS} == examples


@pytest.mark.parametrize("example", [one.example for one in FRAMEWORKS])
def test_connection_code_of_each_example_is_complete(example: str) -> None:
    shown = connection(EXAMPLES / example)
    assert f"\n{shown}\n```" in PAGE
    if example.endswith(".py"):
        assert [node.name for node in ast.parse(shown).body if isinstance(node, FUNCTIONS)] == [
            "over_stdio",
            "over_http",
        ]
    else:
        assert re.findall(r"^export function (\w+)", shown, re.MULTILINE) == ["overStdio", "overHttp"]
    assert "COMMAND" in shown
    assert "ENVIRONMENT" in shown
    assert "uvx" not in shown
    assert "http://127.0.0.1:8765/mcp" in shown


def test_tables_are_well_formed() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1
