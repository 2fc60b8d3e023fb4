"""What would be changed, and what is refused, before anything is written."""

import json
import os
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.clients import CLIENTS, client_named
from mogplex_mcp.installation.configuration_file import write
from mogplex_mcp.installation.document import FORMATS, find
from mogplex_mcp.installation.entry import entry_for
from mogplex_mcp.installation.installed import installed_entries, lost_entries
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.machine import Machine
from mogplex_mcp.installation.plan import Plan, plan_installation, plan_removal
from tests.installation.support import LAUNCH, configuration, machine, plan
from tests.systems import with_posix

CURSOR = client_named("cursor")
TOKEN = "mog_" + "a" * 32


def servers(plan: Plan) -> dict[str, object]:
    found = json.loads(plan.text)["mcpServers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
@pytest.mark.parametrize("scope", ["user", "project", "local"])
def test_every_client_gets_its_entry_once_and_loses_it_again(client: Client, scope: str, tmp_path: Path) -> None:
    here = machine(tmp_path)
    configuration(here, client)
    if scope not in client.scopes:
        with pytest.raises(InstallationError, match=f"{client.title} has no configuration of the scope {scope}: use"):
            plan_installation(here, client, scope, "mogplex", LAUNCH)
        return
    first = plan_installation(here, client, scope, "mogplex", LAUNCH)
    entry = find(FORMATS[client.format].read(first.text), [*here.entries(client, scope), "mogplex"])
    assert entry == entry_for(client, LAUNCH)
    first.file.target.parent.mkdir(parents=True, exist_ok=True)
    first.file.target.write_text(first.text)
    assert not plan_installation(here, client, scope, "mogplex", LAUNCH).changes
    removal = plan_removal(here, client, scope, "mogplex")
    assert removal.changes
    assert "mogplex" not in removal.text
    first.file.target.write_text(removal.text)
    assert not plan_removal(here, client, scope, "mogplex").changes


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    here = machine(tmp_path)
    assert plan(here, "").text == plan(here, " \n").text.lstrip() == plan(here, None).text.lstrip()


def test_a_client_that_is_not_there_is_named_with_its_folder(tmp_path: Path) -> None:
    here = machine(tmp_path)
    with pytest.raises(InstallationError) as refused:
        plan_installation(here, CURSOR, "user", "mogplex", LAUNCH)
    assert str(refused.value) == (
        f"Cursor was not found: {Path('~/.cursor')} does not exist. "
        "Install it and start it once, or add --force to write the file anyway."
    )
    assert plan_installation(here, CURSOR, "user", "mogplex", LAUNCH, force=True).changes
    assert plan_installation(here, CURSOR, "project", "mogplex", LAUNCH).changes


def test_a_client_with_its_file_in_the_home_is_named_with_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InstallationError) as refused:
        plan_installation(machine(tmp_path), client_named("claude-code"), "user", "mogplex", LAUNCH)
    assert f"neither {Path('~/.claude.json')} nor {Path('~/.claude')} exists" in str(refused.value)


def test_an_older_entry_is_brought_up_to_date_and_keeps_the_rest(tmp_path: Path) -> None:
    old = {"command": "uvx", "args": ["mogplex-mcp", "--read-only"], "env": {"A": "b"}, "autoApprove": ["get_run"]}
    found = plan(machine(tmp_path), json.dumps({"mcpServers": {"mogplex": old}}))
    assert servers(found)["mogplex"] == {**old, "command": LAUNCH.command, "args": ["--read-only"]}


def test_options_that_stay_are_said(tmp_path: Path) -> None:
    here = machine(tmp_path)
    found = plan(here, '{"mcpServers": {"mogplex": {"command": "uvx", "args": ["mogplex-mcp", "--url", "x.example"]}}}')
    assert found.notes == ("It keeps its options: --url x.example. To drop them, --remove it first.",)
    found.file.target.write_text(found.text)
    assert not plan(here).notes


def test_options_that_stay_are_said_without_secrets(tmp_path: Path) -> None:
    old = {"command": "mogplex-mcp", "args": ["--default-repo", "https://me:hunter2@x.example"]}
    found = plan(machine(tmp_path), json.dumps({"mcpServers": {"mogplex": old}}))
    assert "hunter2" not in "".join([*found.notes, *found.difference])


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (
            ["--max-wait", "soon"],
            "has --max-wait, which the server refuses: write a number of seconds, not 'soon'. Give",
        ),
        (["--readonly"], "has --readonly, which the server refuses: did you mean --read-only"),
        (["--url=https://mogplex.com/wrong"], "has --url, which the server refuses: The Mogplex address has a path"),
    ],
)
def test_options_that_the_server_would_refuse_are_not_kept(args: list[str], reason: str, tmp_path: Path) -> None:
    here, old = machine(tmp_path), {"command": "mogplex-mcp", "args": args}
    text = json.dumps({"mcpServers": {"mogplex": old}})
    with pytest.raises(InstallationError, match=re.escape(reason)):
        plan(here, text)
    assert plan(here, text, launch=Launch(LAUNCH.command, (), ("--read-only",))).changes


def test_options_with_placeholders_are_kept(tmp_path: Path) -> None:
    old = {"command": "mogplex-mcp", "args": ["--max-wait", "${input:wait}", "--toolsets=runs", "--demo"]}
    assert plan(machine(tmp_path), json.dumps({"mcpServers": {"mogplex": old}})).changes


def test_options_that_are_given_replace_those_of_the_entry(tmp_path: Path) -> None:
    old = {"command": "mogplex-mcp", "args": ["--read-only"]}
    launch = Launch(LAUNCH.command, (), ("--demo",))
    found = plan(machine(tmp_path), json.dumps({"mcpServers": {"mogplex": old}}), launch=launch)
    assert servers(found)["mogplex"] == {"command": LAUNCH.command, "args": ["--demo"]}
    assert found.notes == ("Its options are replaced: --read-only.",)


def test_an_entry_for_something_else_is_not_touched_unless_it_must_be(tmp_path: Path) -> None:
    here, text = machine(tmp_path), '{"mcpServers": {"mogplex": {"url": "https://mogplex.com/mcp"}, "a": {}}}'
    with pytest.raises(InstallationError, match='has an entry "mogplex" already, for another server: choose another'):
        plan(here, text)
    with pytest.raises(InstallationError, match="starts another server: add --force"):
        plan_removal(here, CURSOR, "user", "mogplex")
    forced = plan_installation(here, CURSOR, "user", "mogplex", LAUNCH, force=True)
    assert servers(forced) == {"mogplex": entry_for(CURSOR, LAUNCH), "a": {}}
    assert json.loads(plan_removal(here, CURSOR, "user", "mogplex", force=True).text) == {"mcpServers": {"a": {}}}
    other = plan_installation(here, CURSOR, "user", "mogplex-local", LAUNCH)
    assert list(servers(other)) == ["mogplex", "a", "mogplex-local"]


def test_the_same_server_under_another_name_is_pointed_out_and_left(tmp_path: Path) -> None:
    found = plan(machine(tmp_path), '{"mcpServers": {"old": {"command": "uvx", "args": ["mogplex-mcp"]}}}')
    assert list(servers(found)) == ["old", "mogplex"]
    assert found.notes == ('This server also has the entry "old": each entry starts its own server.',)


def test_a_token_in_an_entry_is_pointed_out_and_never_written_elsewhere(tmp_path: Path) -> None:
    here = machine(tmp_path)
    old = {"command": "mogplex-mcp", "args": [], "env": {"MOGPLEX_API_KEY": TOKEN}}
    found = plan(here, json.dumps({"mcpServers": {"mogplex": old}}))
    assert found.notes == (
        "The entry contains a token; after `mogplex-mcp login` it needs none. Add --drop-token to take it out.",
    )
    assert TOKEN not in plan_installation(here, CURSOR, "project", "mogplex", LAUNCH).text
    assert TOKEN not in str(found.notes)


def test_a_projects_file_is_said_to_be_for_everybody(tmp_path: Path) -> None:
    notes = plan_installation(machine(tmp_path), CURSOR, "project", "mogplex", LAUNCH).notes
    assert notes == (
        "mcp.json is shared by all who work on shop, but the command is on this machine: others have to run this too.",
    )


@pytest.mark.parametrize(
    ("client", "text", "said"),
    [
        ("cursor", '{\n "a" 1}', "isn't valid JSON: line 2, column 6: a colon is missing here. Nothing was changed"),
        ("codex", "a = 1\nb\n", "isn't valid TOML: Expected '=' after a key in a key/value pair (at line 2"),
        ("cursor", "[]", "isn't valid JSON: line 1: an object {…} is expected"),
        ("cursor", '{"mcpServers": []}', '"mcpServers" has to be an object: repair it in an editor'),
        ("codex", "mcp_servers = 1", '"mcp_servers" has to be an object: repair it in an editor'),
        ("cursor", '{"mcpServers": {},\n"mcpServers": {}}', "occurs more than once, in lines 1 and 2"),
    ],
)
def test_a_file_that_cannot_be_changed_is_named_and_left(client: str, text: str, said: str, tmp_path: Path) -> None:
    here = machine(tmp_path)
    with pytest.raises(InstallationError) as refused:
        plan(here, text, client_named(client))
    path = here.configuration(client_named(client), "user")
    assert path is not None
    assert str(refused.value).startswith(str(path))
    assert said in str(refused.value)


@with_posix
def test_a_file_of_another_user_is_refused_unless_it_must_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine(tmp_path)
    configuration(here, CURSOR, "{}")
    other = os.geteuid() + 4_000
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(InstallationError, match="belongs to another user"):
        plan_installation(here, CURSOR, "user", "mogplex", LAUNCH)
    with pytest.raises(InstallationError, match="belongs to another user"):
        plan_removal(here, CURSOR, "user", "mogplex")
    assert plan_installation(here, CURSOR, "user", "mogplex", LAUNCH, force=True).changes


def test_codex_keeps_its_tables_and_gets_the_limit_of_a_call(tmp_path: Path) -> None:
    text = (
        "model = 'x' # mine\n[mcp_servers.mogplex]\ncommand = 'uvx'\nargs = ['mogplex-mcp']\n"
        "[mcp_servers.mogplex.env]\nA = 'b'\n"
    )
    found = plan(machine(tmp_path), text, client_named("codex"))
    assert tomllib.loads(found.text) == {
        "model": "x",
        "mcp_servers": {
            "mogplex": {**entry_for(client_named("codex"), LAUNCH), "env": {"A": "b"}},
        },
    }
    assert "# mine" in found.text


# What is installed where.


def test_every_entry_is_found_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    here = machine(tmp_path)
    program = tmp_path / "mogplex-mcp"
    program.touch()
    entries = {
        "fine": {"command": str(program), "args": ["--demo"], "env": {"MOGPLEX_API_KEY": TOKEN}},
        "bare": {"command": "mogplex-mcp"},
        "gone": {"command": "/gone/mogplex-mcp"},
        "off": {"command": str(program), "disabled": True},
        "other": {"command": "npx"},
    }
    configuration(here, CURSOR, json.dumps({"mcpServers": entries}))
    found = {entry.name: entry for entry in installed_entries(here)}
    assert {name: entry.problem for name, entry in found.items()} == {
        "fine": None,
        "bare": "mogplex-mcp is only found if the client has your shell's PATH.",
        "gone": "/gone/mogplex-mcp does not exist any more.",
        "off": "It is disabled.",
    }
    assert found["gone"].remedy == "Run `mogplex-mcp install cursor --name gone` to rewrite it."
    assert found["off"].remedy == "Enable it in Cursor."
    fine = found["fine"]
    assert (fine.client, fine.scope, fine.command, fine.args) == (CURSOR, "user", str(program), ("--demo",))
    assert fine.environment["MOGPLEX_API_KEY"].value == TOKEN
    assert TOKEN not in repr(fine)


def test_a_file_that_cannot_be_read_is_listed_once(tmp_path: Path) -> None:
    here = machine(tmp_path)
    path = configuration(here, client_named("claude-code"), "{")
    [entry] = installed_entries(here)
    assert (entry.name, entry.path) == ("", path)
    assert "isn't valid JSON" in str(entry.problem)


def test_entries_of_a_project_are_listed_with_their_scope(tmp_path: Path) -> None:
    here = machine(tmp_path)
    client = client_named("claude-code")
    for scope in client.scopes:
        made = plan_installation(here, client, scope, scope, LAUNCH, force=True)
        made.file.target.write_text(made.text)
    assert [(entry.scope, entry.name) for entry in installed_entries(here)] == [
        ("user", "user"),
        ("project", "project"),
        ("local", "local"),
    ]


def test_in_the_home_directory_nothing_is_listed_twice(tmp_path: Path) -> None:
    here = machine(tmp_path)
    configuration(here, CURSOR, '{"mcpServers": {"mogplex": {"command": "mogplex-mcp"}}}')
    assert len(installed_entries(Machine(here.platform, here.home, here.home, {}))) == 1


def test_an_empty_machine_has_nothing(tmp_path: Path) -> None:
    assert installed_entries(machine(tmp_path)) == []


def test_lost_entries_are_those_that_were_written_and_are_gone(tmp_path: Path) -> None:
    here, desktop = machine(tmp_path, "darwin"), client_named("claude-desktop")
    path = configuration(here, desktop, "{}")
    assert lost_entries(here) == []
    installed = plan_installation(here, desktop, "user", "mogplex", LAUNCH)
    write(installed.file, installed.text, datetime(2026, 11, 22, tzinfo=UTC), private=True)
    assert lost_entries(here) == []
    path.write_text("{}")  # by the client, from memory
    assert lost_entries(here) == [(desktop, path)]
    path.write_text(installed.text)
    removal = plan_removal(here, desktop, "user", "mogplex")
    write(removal.file, removal.text, datetime(2026, 11, 23, tzinfo=UTC), private=True)
    assert lost_entries(here) == []
