"""What a person sees of a change: the entry of this server, without secrets, and nothing of other servers."""

import json
from typing import Any

import pytest

from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.clients import CLIENTS, client_named
from mogplex_mcp.installation.difference import difference
from mogplex_mcp.installation.entry import entry_for
from tests.installation.support import LAUNCH

CURSOR = client_named("cursor")
PATH = ("mcpServers", "mogplex")
SECRETS = ("s3same", "hunter2", "mog_" + "a" * 32, "me:pw@")


def shown(before: Any, after: Any) -> list[str]:
    return difference(CURSOR, PATH, before, after)


def test_difference_shows_what_changes_in_the_entry() -> None:
    before = {"command": "uvx", "args": ["mogplex-mcp"]}
    assert shown(before, {"command": "/bin/mogplex-mcp", "args": ["--read-only"]}) == [
        '     "mogplex": {',
        '-      "command": "uvx",',
        '-      "args": ["mogplex-mcp"]',
        '+      "command": "/bin/mogplex-mcp",',
        '+      "args": ["--read-only"]',
        "     }",
    ]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_difference_of_a_new_and_of_a_removed_entry_is_all_of_it(client: Client) -> None:
    path, entry = (*client.entries, "mogplex"), entry_for(client, LAUNCH)
    added, removed = difference(client, path, None, entry), difference(client, path, entry, None)
    assert {line[0] for line in added} == {"+"}
    assert [line[1:] for line in added] == [line[1:] for line in removed]
    assert LAUNCH.command in "".join(added)
    assert not [line for line in added if client.entries[0] in line and "mogplex" not in line]


@pytest.mark.parametrize(
    "entry",
    [
        {"command": "npx", "args": ["--key", SECRETS[0]], "env": {"A": SECRETS[1]}},
        {"url": "https://x.example", "headers": {"X-Team": SECRETS[0]}},
        SECRETS[0],
        [SECRETS[0]],
    ],
)
def test_difference_shows_nothing_of_an_entry_of_another_server(entry: Any) -> None:
    lines = "\n".join(shown(entry, {"command": "mogplex-mcp", "args": []}))
    assert "(an entry of another server)" in lines
    assert not [secret for secret in SECRETS if secret in lines]


@pytest.mark.parametrize(
    "entry",
    [
        {"command": "mogplex-mcp", "env": {"MOGPLEX_API_KEY": SECRETS[2], "TEAM": SECRETS[0]}},
        {"command": "mogplex-mcp", "headers": {"X-Team": SECRETS[0]}, "note": SECRETS[1]},
        {"command": "mogplex-mcp", "args": ["--url", f"https://{SECRETS[3]}mogplex.example", "--key", SECRETS[1]]},
        {"command": "env", "args": [f"A={SECRETS[0]}", "-i", SECRETS[1], "mogplex-mcp"]},
        {"command": "mogplex-mcp", "env": {"HTTPS_PROXY": f"http://{SECRETS[3]}proxy.example"}},
    ],
)
def test_difference_hides_secrets_of_the_entry(entry: dict[str, Any]) -> None:
    lines = "\n".join(shown(None, entry))
    assert "[secret removed]" in lines
    assert not [secret for secret in SECRETS if secret in lines]


def test_difference_shows_settings_and_proxies_without_secrets() -> None:
    entry = {
        "command": "mogplex-mcp",
        "args": ["--url", "https://mogplex.example"],
        "env": {"MOGPLEX_MCP_READ_ONLY": "1", "HTTPS_PROXY": "http://proxy.example:8080"},
    }
    lines = "\n".join(shown(None, entry))
    assert "https://mogplex.example" in lines
    assert '"MOGPLEX_MCP_READ_ONLY": "1"' in lines
    assert "http://proxy.example:8080" in lines


def test_difference_sends_no_commands_to_a_terminal_and_no_endless_lines() -> None:
    lines = shown(None, {"command": "mogplex-mcp", "args": ["--\x1b[31m"], "cwd": "x" * 1_000})
    assert not [line for line in lines if "\x1b" in line]
    assert max(map(len, lines)) < 200
    assert json.dumps("x")[0] in lines[0]
