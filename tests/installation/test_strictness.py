"""What a client can't read in its file is neither written nor overlooked."""

from pathlib import Path

import pytest

from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.clients import CLIENTS, client_named
from mogplex_mcp.installation.installed import installed_entries
from tests.installation.support import configuration, machine, plan

ALL_KINDS = {"a byte order mark": "\ufeff{}", "a comment": "{\n// mine\n}", "a trailing comma": '{\n"a": 1,\n}'}
JSON_CLIENTS = [client for client in CLIENTS if client.format == "json"]


@pytest.mark.parametrize("client", JSON_CLIENTS, ids=lambda client: client.name)
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_plan_refuses_what_the_client_cannot_read_and_leaves_out_a_mark(
    kind: str, client: Client, tmp_path: Path
) -> None:
    here = machine(tmp_path)
    if kind == "a byte order mark":
        found = plan(here, ALL_KINDS[kind], client)
        assert found.changes
        assert not found.text.startswith("\ufeff")
        assert "The byte order mark at its beginning is left out." in found.notes
    elif kind in client.accepts:
        assert plan(here, ALL_KINDS[kind], client).changes
    else:
        with pytest.raises(InstallationError, match=f"{client.title} cannot read this file: line 2 has {kind}. Remove"):
            plan(here, ALL_KINDS[kind], client)


def test_strictness_of_clients_that_were_run_is_what_they_did() -> None:
    measured = {
        "claude-desktop": (False, False, False),
        "claude-code": (True, False, False),
        "gemini": (False, True, False),
        "qwen": (True, True, False),
        "copilot-cli": (True, True, True),
        "vscode": (True, True, True),
    }
    assert {name: tuple(kind in client_named(name).accepts for kind in ALL_KINDS) for name in measured} == measured


def test_an_installed_entry_in_a_file_that_its_client_refuses_is_a_problem(tmp_path: Path) -> None:
    here, client = machine(tmp_path), client_named("gemini")
    configuration(here, client, '{"mcpServers": {"mogplex": {"command": "mogplex-mcp"},\n}}')
    [entry] = installed_entries(here)
    assert "Gemini CLI cannot read this file: line 1 has a trailing comma" in entry.unreadable
    configuration(here, client, '\ufeff{"mcpServers": {"mogplex": {"command": "mogplex-mcp"}}}')
    [entry] = installed_entries(here)
    assert "begins with a byte order mark" in entry.unreadable
