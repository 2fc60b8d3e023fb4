"""`call`: any tool by name, its arguments, and consent."""

import io
import sys
from pathlib import Path

import pytest

from mogplex_mcp.tools.catalog import TOOLSETS
from tests.cli.support import Terminal
from tests.tools.people import ids

pytestmark = pytest.mark.anyio

TOOLS = [tool.name for toolset in TOOLSETS for tool in toolset.tools]


@pytest.fixture(autouse=True)
def empty_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())


async def test_call_without_a_name_lists_all_tools(terminal: Terminal) -> None:
    assert [line.split()[0] for line in (await terminal("call")).lines[1:]] == TOOLS
    assert [one["name"] for one in (await terminal("call", "--json")).records] == TOOLS


async def test_call_refuses_excluded_tools_and_writes_in_read_only_mode_and_names_the_setting(
    terminal: Terminal,
) -> None:
    listed = await terminal("call", "--exclude-tools", "list_repos")
    assert "list_repos" not in listed.stdout
    for words, said in (
        (["--exclude-tools", "start_run"], "Remove it from --exclude-tools."),
        (["--read-only"], "Run it without --read-only."),
    ):
        refused = await terminal("call", "start_run", "repo=acme/web", "prompt=x", *words)
        assert refused.code == 2
        assert said in refused.stderr
        assert "no tool" not in refused.stderr
        assert "did you mean" not in refused.stderr
    assert not terminal.simulator.requests


async def test_call_reaches_tools_that_are_off_by_default(terminal: Terminal) -> None:
    assert "list_agents" in TOOLS
    assert (await terminal("call", "list_agents")).code == 0


async def test_call_converts_arguments_to_their_types(terminal: Terminal) -> None:
    listed = await terminal("call", "list_repos", "limit=2", "query=acme", "--json")
    assert len(listed.record["repos"]) == 2
    started = await terminal("call", "start_run", "repo=acme/web", "prompt=x", "create_branch=false", "--json")
    assert not terminal.simulator.world.runs[started.record["run_id"]].create_branch


async def test_call_reads_values_from_files_and_unescapes_at_signs(terminal: Terminal, tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.md"
    prompt.write_text("Fix = all of it.\n", encoding="utf-8")
    await terminal("call", "start_run", "repo=acme/web", f"prompt=@{prompt}")
    await terminal("call", "start_run", "repo=acme/api", "prompt=@@acme: fix it.")
    listed = await terminal("runs", "list", "--json")
    assert {one["task"] for one in listed.records} == {"@acme: fix it.", "Fix = all of it."}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["start_rum"], "did you mean start_run"),
        (["list_repos", "limt=2"], "Did you mean limit?"),
        (["list_repos", "limit"], "Write key=value"),
        (["list_repos", "limit"], "query  "),
        (["list_repos", "limit=1", "limit=2"], "query  "),
        (["list_repos", "limit=1", "limit=2"], "limit is given twice"),
        (["list_repos", "limit=many"], "must be a whole number"),
        (["start_run", "repo=acme/web"], "prompt  "),
        (["list_repos", "query=@/nowhere/at/all"], "cannot be read"),
        (["start_run", "repo=acme/web", "prompt=x", "--read-only"], "Run it without --read-only."),
        (["list_repos", "--exclude-tools", "list_repos"], "Remove it from --exclude-tools."),
    ],
)
async def test_wrong_call_is_a_usage_error_with_a_correction(
    words: list[str], message: str, terminal: Terminal
) -> None:
    refused = await terminal("call", *words)
    assert (refused.code, refused.stdout) == (2, "")
    assert message in refused.stderr
    assert not terminal.simulator.requests


@pytest.mark.parametrize("tool", TOOLS)
async def test_describe_lists_the_arguments_of_every_tool(tool: str, terminal: Terminal) -> None:
    described = await terminal("call", tool, "--describe")
    (definition,) = [one.definition for toolset in TOOLSETS for one in toolset.tools if one.name == tool]
    assert described.lines[0].startswith(f"{tool}: ")
    assert [line.split()[0] for line in described.lines[1:]] == list(definition.input_schema["properties"])


async def test_call_refuses_a_secret_and_does_not_repeat_it(terminal: Terminal) -> None:
    key = "ghp_" + "A1b2" * 9
    refused = await terminal("call", "start_run", "repo=acme/web", f"prompt=use {key}")
    assert refused.code == 2
    assert "a GitHub token" in refused.stderr
    unknown = await terminal("call", key)
    assert key not in refused.stderr + unknown.stderr


async def test_call_without_a_terminal_needs_yes(terminal: Terminal) -> None:
    automation = ids(terminal.simulator)["Review on mention"]
    refused = await terminal("call", "publish_automation", f"automation_id={automation}")
    assert refused.code == 1
    assert "--yes" in refused.stderr
    assert "live at once?" in refused.stderr
    agreed = await terminal("call", "publish_automation", f"automation_id={automation}", "--yes", "--json")
    assert agreed.record["published_version"] == 2


@pytest.mark.parametrize("action", ["accept", "decline"])
async def test_call_asks_for_consent_once(action: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def ask(question: str, ending: object) -> str:
        asked.append(question)
        return action

    monkeypatch.setattr("mogplex_mcp.cli.session.ask_consent", ask)
    automation = ids(terminal.simulator)["Review on mention"]
    answered = await terminal("call", "publish_automation", f"automation_id={automation}")
    assert len(asked) == 1
    assert answered.code == (0 if action == "accept" else 1)
    version = terminal.simulator.world.automations[automation].published
    assert version is not None
