"""`automations`: what a person reads of automations and their runs, and what programs do."""

import pytest

from mogplex_mcp.simulator import Fault, FaultKind
from tests.cli.support import Terminal
from tests.tools.people import ids
from tests.tools.test_automation_runs import LIVE, recorded

pytestmark = pytest.mark.anyio

DRAFT = "Nightly triage"


async def test_list_says_that_it_was_cut_and_how_to_see_more(terminal: Terminal) -> None:
    listed = await terminal("automations", "list", "--limit", "1")
    assert len(listed.lines) == 2
    assert "raise --limit (at most 100)" in listed.stderr


async def test_get_shows_the_state_and_the_nodes(terminal: Terminal) -> None:
    live = await terminal("automations", "get", ids(terminal.simulator)[LIVE])
    draft = await terminal("automations", "get", ids(terminal.simulator)[DRAFT])
    assert "active, version 1 is published" in live.stdout
    assert "openai/gpt-5.4" in live.stdout
    assert "a draft that was never published" in draft.stdout
    assert "cannot be triggered before it is published" in draft.stderr


async def test_get_prints_facts_for_programs(terminal: Terminal) -> None:
    record = (await terminal("automations", "get", ids(terminal.simulator)[LIVE], "--json")).record
    assert (record["name"], record["publishedVersion"], record["draftIsPublished"]) == (LIVE, 1, True)
    assert [node["type"] for node in record["nodes"]] == ["start", "agent", "end"]
    assert record["updatedAt"].endswith("Z")


async def test_same_trigger_finds_the_same_run_and_names_the_flag_for_another_one(terminal: Terminal) -> None:
    words = ("automations", "trigger", ids(terminal.simulator)[LIVE], "--repo", "acme/web")
    first = await terminal(*words, "--json")
    again = await terminal(*words, "--json")
    assert (first.record["started"], first.record["repo"]) == (True, "acme/web")
    assert (again.code, again.record["started"], again.record["replayed"]) == (0, False, True)
    assert again.record["runId"] == first.record["runId"]
    assert "--force-new" in again.stderr


async def test_trigger_with_the_queue_down_is_reported_as_accepted_and_not_as_triggered_before(
    terminal: Terminal,
) -> None:
    terminal.simulator.faults.add(Fault(FaultKind.QUEUE_FAILURE, method="POST", path="*/trigger"))
    words = ("automations", "trigger", ids(terminal.simulator)[LIVE], "--repo", "acme/web")
    for _ in range(2):
        told = await terminal(*words)
        assert told.lines[0] == "Mogplex accepted the run, but could not queue it."
        assert "triggered" not in told.stdout
        assert "Use --force-new to trigger it again." in told.stderr


async def test_refusals_name_commands_and_flags(terminal: Terminal) -> None:
    live, draft = ids(terminal.simulator)[LIVE], ids(terminal.simulator)[DRAFT]
    unpublished = await terminal("automations", "trigger", draft, "--repo", "acme/web")
    nowhere = await terminal("automations", "trigger", live)
    no_id = await terminal("automations", "get", "nightly")
    assert "`mogplex-mcp call publish_automation` makes its draft live" in unpublished.stderr
    assert (nowhere.code, "--repo is missing" in nowhere.stderr) == (2, True)
    assert (no_id.code, "AUTOMATION must be a Mogplex automation id" in no_id.stderr) == (2, True)


async def test_follow_ends_when_a_run_needs_an_answer(terminal: Terminal) -> None:
    wait = {"node_id": "agent-1", "wait_kind": "manual_approval", "wait_config": {"prompt": "ok?"}, "status": "waiting"}
    given = recorded(terminal.simulator, {"status": "running", "waits": [{**wait, "resume_token": "SECRET"}]})
    words = ("automations", "get-run", given["automation_id"], given["run_id"])
    followed = await terminal(*words, "--follow")
    record = (await terminal(*words, "--json")).record
    assert followed.code == 1
    assert "The run waits for a person." in followed.stdout
    assert "ok?" in followed.stdout
    assert record["needsAnswer"]
    assert record["waits"][0]["prompt"] == "ok?"
    assert "SECRET" not in f"{followed}{record}"


async def test_get_says_what_keeps_an_automation_from_being_triggered(terminal: Terminal) -> None:
    automation = terminal.simulator.world.automations[ids(terminal.simulator)[LIVE]]
    active = await terminal("automations", "get", automation.id)
    automation.status = "inactive"
    inactive = await terminal("automations", "get", automation.id)
    automation.draft["nodes"][1]["data"]["modelOverride"] = None
    without_model = await terminal("automations", "get", automation.id)
    assert "not active" not in active.stderr
    assert f"`mogplex-mcp call publish_automation automation_id={automation.id}` activates it" in inactive.stderr
    assert "The draft cannot be published: agent-1 has no model." in without_model.stderr
