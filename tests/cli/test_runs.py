"""`run` and `runs`: start a run once, follow it to its end, exit status by its outcome."""

import os
import sys

import anyio
import pytest

from mogplex_mcp.simulator import Event, Fault, FaultKind
from tests.cli.support import RUN_SECONDS, Terminal
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


async def test_run_starts_on_a_new_branch_and_prints_the_follow_command(terminal: Terminal) -> None:
    started = await terminal("run", "--repo", "acme/web", "Fix it.")
    first, *facts = started.lines
    run_id = first.removeprefix("started run ").removesuffix(" (pending)")
    run = terminal.simulator.world.runs[run_id]
    assert run.create_branch
    assert [line.split()[0] for line in facts] == ["repo", "harness", "branch", "follow"]
    assert facts[-1].endswith(f"mogplex-mcp runs events {run_id} --follow")


async def test_run_json_has_the_id_of_the_repository(terminal: Terminal) -> None:
    started = await terminal("run", "--repo", "acme/web", "--json", "Fix it.")
    run = terminal.simulator.world.runs[started.record["runId"]]
    assert started.record["repoId"] == run.repo_id


async def test_run_again_finds_the_same_run_unless_forced(terminal: Terminal) -> None:
    run_id = await terminal.started()
    again = await terminal("run", "--repo", "acme/web", "Fix the flaky test.")
    assert again.lines[0].startswith(f"matched existing run {run_id} (")
    assert "--force-new" in again.stderr
    another = await terminal("run", "--repo", "acme/web", "--force-new", "--json", "Fix the flaky test.")
    assert another.record["runId"] != run_id


@pytest.mark.parametrize(
    ("fault", "event"), [(FaultKind.RESET_AFTER_WRITE, "started run"), (FaultKind.QUEUE_FAILURE, "accepted run")]
)
async def test_run_reports_its_own_retry_as_no_existing_run(terminal: Terminal, fault: FaultKind, event: str) -> None:
    terminal.simulator.faults.add(Fault(fault, method="POST", path="/runs"))
    told = await terminal("run", "--repo", "acme/web", "Fix the flaky test.")
    assert told.lines[0].startswith(event)
    assert "started this run before" not in told.stderr


async def test_start_run_tool_finds_the_run_of_the_terminal(terminal: Terminal) -> None:
    run_id = await terminal.started()
    called = await terminal("call", "start_run", "repo=acme/web", "prompt=Fix the flaky test.", "--json")
    assert called.record["run_id"] == run_id
    assert called.record["replayed"]


async def test_run_sends_the_options_of_the_vendors_command_line(terminal: Terminal) -> None:
    started = await terminal(
        *("run", "--repo", "acme/monorepo", "--root", "apps/two", "--harness", "claude-code"),
        *("--base-branch", "main", "--branch", "fix/flaky", "--no-create-branch"),
        *("--idempotency-key", "weekly-2026-11-22", "--json", "Fix it."),
    )
    run = terminal.simulator.world.runs[started.record["runId"]]
    assert (run.harness, run.base, run.working) == ("claude-code", "main", "fix/flaky")
    assert not run.create_branch
    assert started.record["branch"] == {"base": "main", "working": "fix/flaky"}


async def test_run_reads_the_prompt_from_stdin(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, "Fix the größte problem.\nAll of it.".encode())
    os.close(writing)
    with os.fdopen(reading) as piped, monkeypatch.context() as changed:
        changed.setattr("mogplex_mcp.cli.terminal.input.STDIN", reading)
        changed.setattr("mogplex_mcp.core.standard_streams.STDIN", reading)
        changed.setattr(sys, "stdin", piped)
        started = await terminal("run", "--repo", "acme/web", "--json", "-")
    assert started.code == 0, started.stderr
    listed = await terminal("runs", "list", "--json")
    assert listed.record["task"] == "Fix the größte problem."


@pytest.mark.parametrize(
    ("words", "message"),
    [(["Fix it."], "--repo is missing"), (["--repo", "acme/web", "  "], "the prompt is empty")],
)
async def test_run_with_missing_arguments_is_a_usage_error(words: list[str], message: str, terminal: Terminal) -> None:
    refused = await terminal("run", *words)
    assert (refused.code, refused.stdout) == (2, "")
    assert message in refused.stderr
    assert not terminal.simulator.requests


async def test_run_uses_the_default_repository(terminal: Terminal) -> None:
    started = await terminal("run", "--json", "Fix it.", MOGPLEX_DEFAULT_REPO="acme/api")
    assert started.record["repo"] == "acme/api"


async def test_follow_prints_each_event_once_and_the_pull_request(terminal: Terminal) -> None:
    followed = await terminal("run", "--repo", "acme/web", "--follow", "--json", "Fix it.")
    start, *events, end = followed.records
    assert followed.code == 0
    assert len({event["id"] for event in events}) == len(events) == 8
    assert all(event["createdAt"].endswith("Z") for event in events)
    assert end["runId"] == start["runId"]
    assert end["status"] == "success"
    assert end["pullRequest"].startswith("https://github.com/acme/web/pull/")


async def test_follow_prints_one_line_per_event(terminal: Terminal) -> None:
    run_id = await terminal.started()
    followed = await terminal("runs", "events", run_id, "--follow")
    assert followed.lines[0].endswith("External Mogplex run accepted")
    assert followed.lines[-2] == f"--- run {run_id} success ---"
    assert followed.lines[-1].startswith("pull request  https://github.com/acme/web/pull/")
    assert "\x1b" not in followed.stdout


async def test_follow_reports_an_outage_once_and_goes_on(terminal: Terminal) -> None:
    run_id = (await terminal("run", "--repo", "acme/web", "--json", "Fix it.")).record["runId"]

    async def outage() -> None:
        await anyio.sleep(60)
        terminal.simulator.faults.outage(active=True)
        await anyio.sleep(400)
        terminal.simulator.faults.outage(active=False)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outage)
        followed = await terminal("runs", "events", run_id, "--follow")
    assert followed.code == 0
    assert followed.stderr.count("cannot be asked at the moment") == 1
    assert "Note: Mogplex cannot be asked at the moment (unauthorized): trying again." in followed.stderr


async def test_follow_polls_as_rarely_as_tail_run(terminal: Terminal) -> None:
    run_id = await terminal.started()
    before = len(terminal.simulator.requests)
    await terminal("runs", "events", run_id, "--follow")
    # A look each eight seconds or so, for ten minutes; one that polled each 1.5 seconds would need four hundred.
    assert len(terminal.simulator.requests) - before < 100


@pytest.mark.parametrize("script", ["failed", "failed_on_start"])
async def test_follow_exits_with_1_and_the_reason_of_a_failed_run(script: str, terminal: Terminal) -> None:
    followed = await terminal("run", "--repo", "acme/web", "--follow", f"simulate:{script}")
    assert followed.code == 1
    assert followed.lines[-2].endswith(" failed ---")
    assert followed.lines[-1].startswith("failure  ")


async def test_follow_reports_a_run_without_changes(terminal: Terminal) -> None:
    followed = await terminal("run", "--repo", "acme/web", "--follow", "simulate:no_changes")
    assert followed.code == 0
    assert "changed nothing" in followed.lines[-1]


async def test_follow_stops_for_a_run_that_is_never_queued(terminal: Terminal) -> None:
    followed = await terminal("run", "--repo", "acme/web", "--follow", "simulate:stuck_pending")
    assert followed.code == 1
    assert "never queued it" in followed.stdout


async def test_follow_survives_network_faults(terminal: Terminal) -> None:
    run_id = await terminal.started()
    for kind in (FaultKind.HTML_502, FaultKind.REFUSED, FaultKind.JSON_500, FaultKind.CUT_BODY):
        terminal.simulator.faults.add(Fault(kind, "GET", "/runs/*", times=2))
    followed = await terminal("runs", "events", run_id, "--follow")
    assert followed.code == 0
    assert len(followed.lines) == 10


async def test_follow_timeout_reports_that_the_run_continues(terminal: Terminal) -> None:
    run_id = await terminal.started()
    followed = await terminal("runs", "events", run_id, "--follow", "--timeout", "100")
    assert followed.code == 1
    assert "timed out after 100 s" in followed.stderr
    assert f"mogplex-mcp runs events {run_id} --follow" in followed.stderr
    assert len(followed.lines) > 0
    assert terminal.simulator.world.runs[run_id].ended is None


async def test_events_without_follow_prints_the_events_so_far(terminal: Terminal) -> None:
    run_id = await terminal.started()
    shown = await terminal("runs", "events", run_id, "--json")
    assert [one["message"] for one in shown.records] == ["External Mogplex run accepted"]
    assert shown.code == 0


async def test_runs_get_and_cancel(terminal: Terminal) -> None:
    run_id = await terminal.started()
    shown = await terminal("runs", "get", run_id, "--json")
    assert shown.record["runId"] == run_id
    assert shown.record["repoId"] == terminal.simulator.world.runs[run_id].repo_id
    assert shown.record["createdAt"].endswith("Z")
    people = await terminal("runs", "get", run_id)
    assert people.lines[0] == f"run      {run_id}"
    await anyio.sleep(60)
    stopped = await terminal("runs", "cancel", run_id, "--json")
    assert stopped.record["runId"] == run_id
    assert not stopped.record["alreadyTerminal"]
    again = await terminal("runs", "cancel", run_id)
    assert "Nothing was cancelled." in again.stdout
    followed = await terminal("runs", "events", run_id, "--follow")
    assert followed.code == 1
    assert followed.lines[-1] == f"--- run {run_id} cancelled ---"


async def test_events_are_cleaned_of_control_characters(terminal: Terminal) -> None:
    run_id = await terminal.started()
    run = terminal.simulator.world.runs[run_id]
    run.events.append(
        Event(
            id="00000000-0000-4000-8000-000000000001",
            type="log",
            created_at=virtual_now(),
            message="\x1b]0;owned\x07red \x1b[31m\u202egnol\rline\x1b[2J",
            payload={"\x1b[1mkey": ["\x1b]8;;http://evil\x07", {"deep": "\u200bx"}]},
            tool_name="\x1b[5mtool",
        )
    )
    for flags in ([], ["--json"]):
        shown = await terminal("runs", "events", run_id, *flags)
        assert "gnol" in shown.stdout
        decoded = str(shown.records) if flags else shown.stdout
        for hidden in ("\x1b", "\x07", "\u202e", "\u200b", "\r", "owned"):
            assert hidden not in decoded
            assert hidden.encode("unicode_escape").decode() not in decoded


async def test_run_continue_works_on_the_branch_of_an_earlier_run_and_names_its_pull_request(
    terminal: Terminal,
) -> None:
    first = await terminal.started()
    refused = await terminal("run", "--continue", first[:8], "And the other test.")
    assert refused.code == 1
    assert f"mogplex-mcp runs events {first} --follow" in refused.stderr
    await anyio.sleep(RUN_SECONDS + 60)
    shown = await terminal("run", "--continue", first[:8], "And the other test.")
    record = (await terminal("run", "--continue", first, "--json", "And the other test.")).record
    run, earlier = (terminal.simulator.world.runs[one] for one in (record["runId"], first))
    assert (run.repo_id, run.base, run.working) == (earlier.repo_id, earlier.base, earlier.working)
    assert not run.create_branch
    assert (record["replayed"], record["continues"]) == (True, first)
    assert f"updates    {record['updatesPullRequest']}" in shown.stdout
    other = await terminal("run", "--continue", first, "--branch", "fix/other", "And the other test.")
    assert other.code == 2
    assert "--branch is another branch than that of the run to continue" in other.stderr
