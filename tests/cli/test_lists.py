"""`repos`, `sandboxes`, `automations` and `runs list`: tables for people, one JSON object per line for programs."""

from pathlib import Path

import anyio
import pytest

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.simulator import Repo
from tests.cli.support import Terminal

pytestmark = pytest.mark.anyio


def columns(line: str) -> list[str]:
    return line.split()


async def test_repos_list_json_has_the_fields_of_the_vendors_command_line(terminal: Terminal) -> None:
    listed = await terminal("repos", "list", "--query", "web", "--json")
    (repo,) = [one for one in terminal.simulator.world.repos if one.full_name == "acme/web"]
    assert listed.record == {
        "id": repo.id,
        "full_name": "acme/web",
        "default_branch": "main",
        "root_directory": None,
    }


async def test_table_omits_empty_columns_and_trailing_blanks(terminal: Terminal) -> None:
    listed = await terminal("repos", "list")
    assert columns(listed.lines[0]) == ["REPO", "BRANCH", "DIRECTORY", "ID"]
    assert [line.rstrip() for line in listed.lines] == listed.lines
    web = await terminal("repos", "list", "--query", "web")
    assert columns(web.lines[0]) == ["REPO", "BRANCH", "ID"]
    assert len(web.lines) == 2


async def test_repos_list_is_not_truncated(terminal: Terminal) -> None:
    world = terminal.simulator.world
    (web,) = [one for one in world.repos if one.full_name == "acme/web"]
    for number in range(150):
        repo_id = f"00000000-0000-4000-8000-{number:012}"
        world.repos.append(
            Repo(
                id=repo_id,
                user_id=web.user_id,
                full_name=f"acme/service-{number}",
                installation_id=web.installation_id,
                default_branch="main",
            )
        )
    listed = await terminal("repos", "list", "--query", "service-", "--limit", "200", "--json")
    assert len(listed.records) == 150
    assert listed.stderr == ""


async def test_repos_list_notes_on_stderr_that_there_may_be_more(terminal: Terminal) -> None:
    listed = await terminal("repos", "list", "--limit", "2")
    assert len(listed.lines) == 3
    assert "There may be more" in listed.stderr
    assert "raise --limit" in listed.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["repos", "list", "--limit", "201"], "--limit must be 1 to 200"),
        (["sandboxes", "list", "--limit", "-1"], "--limit must be 1 to 200"),
        (["repos", "list", "--limit", "0"], "--limit must be 1 to 200"),
        (["runs", "list", "--limit", "0"], "--limit must be 1 to 100"),
        (["runs", "list", "--max-age-hours", "0"], "--max-age-hours must be 1 to 2160"),
        (["runs", "list", "--limit", "101"], "--limit must be 1 to 100"),
        (["runs", "list", "--max-age-hours", "-1"], "--max-age-hours must be 1 to 2160"),
        (["sandboxes", "logs", "some-id", "--max-lines", "0"], "--max-lines must be 1 or more"),
        (["sandboxes", "logs", "some-id", "--from-line", "-1"], "--from-line must be 0 or more"),
    ],
)
async def test_a_number_out_of_range_is_refused_before_anything_is_sent(
    words: list[str], reason: str, terminal: Terminal
) -> None:
    refused = await terminal(*words)
    assert refused.code == ExitCode.USAGE
    assert reason in refused.stderr
    assert terminal.simulator.requests == []


async def test_empty_list_prints_a_note_on_stderr_only(terminal: Terminal) -> None:
    for words in (["repos", "list", "--query", "nosuch"], ["runs", "list"]):
        listed = await terminal(*words)
        assert (listed.code, listed.stdout) == (0, "")
        assert listed.stderr.startswith("Note: No ")


async def test_sandboxes_are_listed_with_what_others_named_them(terminal: Terminal) -> None:
    listed = await terminal("sandboxes", "list", "--json")
    running = [one for one in listed.records if one["status"] == "running"]
    assert running[0]["working_branch"] == "feat/search"
    assert running[0]["last_active_at"].endswith("Z")
    table = await terminal("sandboxes", "list", "--status", "running")
    assert columns(table.lines[0]) == ["ID", "STATUS", "ACTIVE", "BRANCH", "PREVIEW"]
    assert "ago" in table.lines[1]


async def test_a_log_of_a_sandbox_is_printed_as_it_is(terminal: Terminal) -> None:
    listed = await terminal("sandboxes", "list", "--status", "error", "--json")
    log = await terminal("sandboxes", "logs", listed.record["id"])
    assert log.code == 0
    assert log.lines
    assert "lines 1 to" in log.stderr
    by_line = await terminal("sandboxes", "logs", listed.record["id"], "--json")
    assert [one["line"] for one in by_line.records] == log.lines


async def test_stopping_a_sandbox_leads_to_its_page_as_the_api_cannot(terminal: Terminal) -> None:
    stopped = await terminal("sandboxes", "stop", "some-id")
    assert stopped.code == 1
    assert "https://mogplex.com/sandboxes/some-id" in stopped.stderr


async def test_a_sandbox_is_created(terminal: Terminal) -> None:
    created = await terminal("sandboxes", "create", "--repo", "acme/web", "--json")
    assert created.record["status"]
    assert created.record["id"] in {one.id for one in terminal.simulator.world.sandboxes}


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["table", "json"])
async def test_a_sandbox_that_is_not_confirmed_yet_is_no_failure_and_no_success(
    as_json: list[str], terminal: Terminal
) -> None:
    terminal.simulator.world.sandbox_boot_seconds = 900.0
    created = await terminal("sandboxes", "create", "--repo", "acme/web", *as_json)
    assert created.code == 0
    assert "Do not create it again" in created.stderr
    (repo_id,) = {repo.id for repo in terminal.simulator.world.repos if repo.full_name == "acme/web"}
    assert f"sandboxes list --repo {repo_id}" in created.stderr
    if as_json:
        assert (created.record["id"], created.record["status"]) == ("", "unconfirmed")
    else:
        assert "Mogplex has not answered yet" in created.lines[0]


async def test_runs_list_has_runs_of_agents_and_of_the_terminal(terminal: Terminal) -> None:
    run_id = await terminal.started("Fix the flaky test.")
    await anyio.sleep(1)
    called = await terminal("call", "start_run", "repo=acme/api", "prompt=Another one.", "--json")
    listed = await terminal("runs", "list", "--json")
    assert [one["runId"] for one in listed.records] == [called.record["run_id"], run_id]
    assert [one["task"] for one in listed.records] == ["Another one.", "Fix the flaky test."]
    of_web = await terminal("runs", "list", "--repo", "acme/web")
    assert columns(of_web.lines[0]) == ["RUN", "STATUS", "REPO", "STARTED", "TASK"]
    assert of_web.lines[1].startswith(run_id)


async def test_automations_are_found_triggered_and_followed(terminal: Terminal) -> None:
    listed = await terminal("automations", "list", "--json")
    (active,) = [one for one in listed.records if one["published"]]
    shown = await terminal("automations", "get", active["automationId"])
    assert active["name"] in shown.stdout
    triggered = await terminal("automations", "trigger", active["automationId"], "--repo", "acme/web", "--follow")
    assert triggered.code == 0
    assert "The run has ended: success." in triggered.stdout
    (newest, *_) = (await terminal("automations", "runs", active["automationId"], "--json")).records
    assert newest["status"] == "success"
    looked = await terminal("automations", "get-run", active["automationId"], newest["runId"], "--json")
    assert looked.record["ended"]


async def test_inputs_of_a_trigger_come_from_a_file(terminal: Terminal, tmp_path: Path) -> None:
    listed = await terminal("automations", "list", "--json")
    (active,) = [one["automationId"] for one in listed.records if one["published"]]
    (tmp_path / "inputs.json").write_text('{"level": "high"}')
    given = ["automations", "trigger", active, "--repo", "acme/web", "--inputs"]
    triggered = await terminal(*given, f"@{tmp_path / 'inputs.json'}", "--json")
    assert triggered.record["started"]
    wrong = await terminal(*given, "high")
    assert wrong.code == 2
    assert "inputs must be an object" in wrong.stderr


async def test_row_that_cannot_be_read_is_noted_on_stderr(terminal: Terminal) -> None:
    before = await terminal("repos", "list", "--json")
    terminal.simulator.world.repos[0].id = ""
    whole = await terminal("repos", "list", "--json")
    assert len(whole.records) == len(before.records) - 1
    assert whole.stderr.startswith("1 row could not be read and is left out of the repos")
