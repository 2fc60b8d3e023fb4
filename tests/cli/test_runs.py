"""`run` and `runs`: a run is started once, followed as long as it lives, and its end decides the exit code."""

import os
import sys
from pathlib import Path

import anyio
import pytest

from mogplex_mcp.simulator import Event, Fault, FaultKind, Simulator
from tests.cli.support import RUN_SECONDS, Terminal, terminal_on
from tests.runs.support import without_quota
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    return virtual_time


@pytest.fixture
async def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    simulator = Simulator(now=virtual_now, run_seconds=RUN_SECONDS)
    without_quota(simulator)
    return terminal_on(simulator, capsys, monkeypatch, tmp_path)


async def test_a_run_is_started_on_a_new_branch_and_told_how_to_follow(terminal: Terminal) -> None:
    started = await terminal("run", "--repo", "acme/web", "Fix it.")
    first, *facts = started.lines
    run_id = first.removeprefix("started run ").removesuffix(" (pending)")
    run = terminal.simulator.world.runs[run_id]
    assert run.create_branch
    assert [line.split()[0] for line in facts] == ["repo", "harness", "branch", "follow"]
    assert facts[-1].endswith(f"mogplex-mcp runs events {run_id} --follow")


async def test_programs_are_told_the_id_of_the_repository(terminal: Terminal) -> None:
    started = await terminal("run", "--repo", "acme/web", "--json", "Fix it.")
    run = terminal.simulator.world.runs[started.record["runId"]]
    assert started.record["repoId"] == run.repo_id


async def test_the_same_command_again_finds_the_same_run_until_another_is_asked_for(terminal: Terminal) -> None:
    run_id = await terminal.started()
    again = await terminal("run", "--repo", "acme/web", "Fix the flaky test.")
    assert again.lines[0].startswith(f"matched existing run {run_id} (")
    assert "--force-new" in again.stderr
    another = await terminal("run", "--repo", "acme/web", "--force-new", "--json", "Fix the flaky test.")
    assert another.record["runId"] != run_id


async def test_an_agents_call_finds_the_run_that_a_person_started(terminal: Terminal) -> None:
    run_id = await terminal.started()
    called = await terminal("call", "start_run", "repo=acme/web", "prompt=Fix the flaky test.", "--json")
    assert called.record["run_id"] == run_id
    assert called.record["replayed"]


async def test_the_words_of_the_vendors_command_line_reach_mogplex(terminal: Terminal) -> None:
    started = await terminal(
        *("run", "--repo", "acme/monorepo", "--root", "apps/two", "--harness", "claude-code"),
        *("--base-branch", "main", "--branch", "fix/flaky", "--no-create-branch"),
        *("--idempotency-key", "weekly-2026-11-22", "--json", "Fix it."),
    )
    run = terminal.simulator.world.runs[started.record["runId"]]
    assert (run.harness, run.base, run.working) == ("claude-code", "main", "fix/flaky")
    assert not run.create_branch
    assert started.record["branch"] == {"base": "main", "working": "fix/flaky"}


async def test_a_prompt_comes_from_stdin(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, "Fix the größte problem.\nAll of it.".encode())
    os.close(writing)
    with os.fdopen(reading) as piped, monkeypatch.context() as changed:
        changed.setattr("mogplex_mcp.cli.terminal.input.STDIN", reading)
        changed.setattr(sys, "stdin", piped)
        started = await terminal("run", "--repo", "acme/web", "--json", "-")
    assert started.code == 0, started.stderr
    listed = await terminal("runs", "list", "--json")
    assert listed.record["task"] == "Fix the größte problem."


@pytest.mark.parametrize(
    ("words", "said"),
    [(["Fix it."], "--repo is missing"), (["--repo", "acme/web", "  "], "the prompt is empty")],
)
async def test_what_is_missing_is_a_usage_error(words: list[str], said: str, terminal: Terminal) -> None:
    refused = await terminal("run", *words)
    assert (refused.code, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert not terminal.simulator.requests


async def test_a_default_repository_counts(terminal: Terminal) -> None:
    started = await terminal("run", "--json", "Fix it.", MOGPLEX_DEFAULT_REPO="acme/api")
    assert started.record["repo"] == "acme/api"


async def test_a_run_is_followed_to_its_pull_request_and_each_event_told_once(terminal: Terminal) -> None:
    followed = await terminal("run", "--repo", "acme/web", "--follow", "--json", "Fix it.")
    start, *events, end = followed.records
    assert followed.code == 0
    assert len({event["id"] for event in events}) == len(events) == 8
    assert all(event["createdAt"].endswith("Z") for event in events)
    assert end["runId"] == start["runId"]
    assert end["status"] == "success"
    assert end["pullRequest"].startswith("https://github.com/acme/web/pull/")


async def test_people_read_events_line_by_line_and_the_pull_request_last(terminal: Terminal) -> None:
    run_id = await terminal.started()
    followed = await terminal("runs", "events", "--follow")
    assert followed.lines[0].endswith("External Mogplex run accepted")
    assert followed.lines[-2] == f"--- run {run_id} success ---"
    assert followed.lines[-1].startswith("pull request  https://github.com/acme/web/pull/")
    assert "\x1b" not in followed.stdout


async def test_following_costs_mogplex_what_it_costs_for_an_agent(terminal: Terminal) -> None:
    run_id = await terminal.started()
    before = len(terminal.simulator.requests)
    await terminal("runs", "events", run_id, "--follow")
    # A look each eight seconds or so, for ten minutes; one that polled each 1.5 seconds would need four hundred.
    assert len(terminal.simulator.requests) - before < 100


@pytest.mark.parametrize("script", ["failed", "failed_on_start"])
async def test_a_run_that_fails_ends_the_command_with_one_and_the_reason(script: str, terminal: Terminal) -> None:
    followed = await terminal("run", "--repo", "acme/web", "--follow", f"simulate:{script}")
    assert followed.code == 1
    assert followed.lines[-2].endswith(" failed ---")
    assert followed.lines[-1].startswith("failure  ")


async def test_a_run_that_changes_nothing_says_so(terminal: Terminal) -> None:
    followed = await terminal("run", "--repo", "acme/web", "--follow", "simulate:no_changes")
    assert followed.code == 0
    assert "changed nothing" in followed.lines[-1]


async def test_a_run_that_no_worker_takes_is_not_followed_for_ever(terminal: Terminal) -> None:
    followed = await terminal("run", "--repo", "acme/web", "--follow", "simulate:stuck_pending")
    assert followed.code == 1
    assert "never queued it" in followed.stdout


async def test_a_fault_on_the_way_does_not_end_following(terminal: Terminal) -> None:
    run_id = await terminal.started()
    for kind in (FaultKind.HTML_502, FaultKind.REFUSED, FaultKind.JSON_500, FaultKind.CUT_BODY):
        terminal.simulator.faults.add(Fault(kind, "GET", "/runs/*", times=2))
    followed = await terminal("runs", "events", run_id, "--follow")
    assert followed.code == 0
    assert len(followed.lines) == 10


async def test_whoever_gives_up_is_told_that_the_run_goes_on(terminal: Terminal) -> None:
    run_id = await terminal.started()
    followed = await terminal("runs", "events", run_id, "--follow", "--timeout", "100")
    assert followed.code == 1
    assert "timed out after 100 s" in followed.stderr
    assert f"mogplex-mcp runs events {run_id} --follow" in followed.stderr
    assert len(followed.lines) > 0
    assert terminal.simulator.world.runs[run_id].ended is None


async def test_events_without_follow_are_those_of_now(terminal: Terminal) -> None:
    run_id = await terminal.started()
    shown = await terminal("runs", "events", run_id, "--json")
    assert [one["message"] for one in shown.records] == ["External Mogplex run accepted"]
    assert shown.code == 0


async def test_a_run_is_shown_and_stopped(terminal: Terminal) -> None:
    run_id = await terminal.started()
    shown = await terminal("runs", "get", "--json")
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


async def test_words_of_others_cannot_touch_the_terminal(terminal: Terminal) -> None:
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
