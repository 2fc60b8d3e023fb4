"""What only the shell has goes into an entry, and tokens go out of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.clients import CLIENTS, client_named
from mogplex_mcp.installation.document import FORMATS, find
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.plan import plan_installation
from tests.installation.support import LAUNCH, configuration, machine, plan

CURSOR = client_named("cursor")
TOKEN = "mog_" + "a" * 32
SHELL = Launch(
    LAUNCH.command,
    variables={"MOGPLEX_MCP_READ_ONLY": "1"},
    forwarded={"SSL_CERT_FILE": "/ca.pem"},
    hidden=("HTTPS_PROXY",),
)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_variables_of_the_shell_are_written_in_the_way_of_each_client(client: Client, tmp_path: Path) -> None:
    here = machine(tmp_path)
    found = plan(here, None, client, SHELL)
    entry = find(FORMATS[client.format].read(found.text), [*client.entries, "mogplex"])
    if client.name == "codex":
        assert entry["env"] == {"MOGPLEX_MCP_READ_ONLY": "1"}
        assert entry["env_vars"] == ["SSL_CERT_FILE", "HTTPS_PROXY"]
    else:
        assert entry[client.variables] == {"MOGPLEX_MCP_READ_ONLY": "1", "SSL_CERT_FILE": "/ca.pem"}
        assert "HTTPS_PROXY" not in found.text
    assert client.variables == {"opencode": "environment", "kilo": "environment", "goose": "envs"}.get(
        client.name, "env"
    )
    found.file.target.write_text(found.text)
    assert not plan_installation(here, client, "user", "mogplex", SHELL).changes
    more = replace(SHELL, variables={"MOGPLEX_MCP_TOOLSETS": "runs"})
    again = plan_installation(here, client, "user", "mogplex", more)
    entry = find(FORMATS[client.format].read(again.text), [*client.entries, "mogplex"])
    assert entry[client.variables].items() >= {"MOGPLEX_MCP_READ_ONLY": "1", "MOGPLEX_MCP_TOOLSETS": "runs"}.items()


def test_an_option_of_the_entry_does_not_override_a_setting_of_the_shell_silently(tmp_path: Path) -> None:
    old = {"command": "mogplex-mcp", "args": ["--exclude-tools", "cancel_run"]}
    launch = replace(LAUNCH, variables={"MOGPLEX_MCP_EXCLUDE_TOOLS": "start_run"})
    with pytest.raises(InstallationError, match="add --exclude-tools start_run to write that, or unset the variable"):
        plan(machine(tmp_path), json.dumps({"mcpServers": {"mogplex": old}}), launch=launch)


@pytest.mark.parametrize("token", ["${input:mogplex}", "<your token>", "mog_YOUR_TOKEN", "%MOGPLEX%"])
@pytest.mark.parametrize("name", ["cursor", "codex", "goose"])
def test_a_placeholder_for_a_token_is_taken_out_of_an_entry(name: str, token: str, tmp_path: Path) -> None:
    client, launch = client_named(name), replace(LAUNCH, variables={"MOGPLEX_API_KEY": token, "A": "b"})
    here = machine(tmp_path)
    text = plan(here, None, client, launch).text
    found = plan(here, text, client)
    entry = find(FORMATS[client.format].read(found.text), [*client.entries, "mogplex"])
    assert entry[client.variables] == {"A": "b"}
    assert "MOGPLEX_API_KEY is taken out of the entry; `mogplex-mcp login` stores a token for it." in found.notes


def test_a_token_is_taken_out_of_an_entry_on_request(tmp_path: Path) -> None:
    here = machine(tmp_path)
    old = {"command": "mogplex-mcp", "args": [], "env": {"MOGPLEX_TOKEN": TOKEN}}
    configuration(here, CURSOR, json.dumps({"mcpServers": {"mogplex": old}}))
    found = plan_installation(here, CURSOR, "user", "mogplex", LAUNCH, drop_token=True)
    assert TOKEN not in found.text
    assert "mog_" not in "".join(found.difference)
