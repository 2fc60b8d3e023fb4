"""Arguments that a tool does not have: those of hosts, slips, and what a model made up."""

from typing import Any

import pytest

from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.simulator import Simulator
from mogplex_mcp.toolkit.host_fields import HOST_FIELDS
from mogplex_mcp.toolkit.unknown_arguments import sort_arguments
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.tools.support import CALLS, answer, connected_client, error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

TOOLS = [tool for toolset in TOOLSETS for tool in toolset.tools]
N8N = {"toolCallId": "call_1", "sessionId": "abc", "action": "sendMessage", "chatInput": "hi", "tool": "Mogplex"}


@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize("host", HOST_FIELDS)
def test_sort_arguments_drops_the_fields_of_every_host_for_every_tool(host: str, changes: bool) -> None:
    fields = dict.fromkeys(HOST_FIELDS[host], "x")
    for tool in TOOLS:
        known = tool.arguments.model_fields
        taken, notes = sort_arguments(tool.name, fields, known, changes=changes)
        assert (taken, notes) == ({name: "x" for name in fields if name in known}, [])


@pytest.mark.parametrize("name", ["tool_call_id", "SESSION_ID", "_meta", "__user__", "Task-Progress"])
def test_sort_arguments_drops_host_fields_in_other_spellings(name: str) -> None:
    assert sort_arguments("start_run", {name: 1}, ("repo", "prompt"), changes=True) == ({}, [])


async def test_every_call_is_carried_out_with_what_n8n_and_cline_add() -> None:
    simulator = Simulator(now=virtual_now)
    run = next(iter(simulator.world.runs))
    sandbox = simulator.world.sandboxes[0].id
    async with connected_client(simulator) as client:
        for tool, arguments in CALLS.items():
            known = {"run_id": run, "sandbox_id": sandbox}
            given = arguments | {name: known[name] for name in arguments if name in known}
            result = await client.call_tool(tool, {**given, **N8N, "task_progress": "- [x] look"})
            assert "no argument" not in str(result), tool


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("repoId", "repo", "repo"),
        ("repository", "repo", "repo"),
        ("repo_full_name", "repo", "repo"),
        ("RunID", "run_id", "run_id"),
        ("run", "run_id", "run_id"),
        ("run-id", "run_id", "run_id"),
        ("baseBranch", "base_branch", "base_branch"),
        ("base", "base_branch", "base_branch"),
        ("promt", "prompt", "prompt"),
        ("limits", "limit", "limit"),
        ("wait_second", "wait_seconds", "wait_seconds"),
        ("waitSeconds", "wait_seconds", "wait_seconds"),
    ],
)
@pytest.mark.parametrize("changes", [False, True])
def test_sort_arguments_refuses_a_slip_with_the_argument_that_was_meant(
    name: str, known: str, meant: str, changes: bool
) -> None:
    with pytest.raises(InvalidArgumentError, match=f"Did you mean {meant}"):
        sort_arguments("tool", {name: 1}, ("cursor", known, "until"), changes=changes)


@pytest.mark.parametrize("name", ["verbosity", "conversation_id", "dry_run", "format", "session", "x" * 100_000])
def test_sort_arguments_notes_what_a_reading_tool_ignores_and_suggests_nothing_far(name: str) -> None:
    taken, (note,) = sort_arguments(
        "list_runs", {name: True, "limit": 5}, ("limit", "workspace_session_id", "run_id"), changes=False
    )
    assert taken == {"limit": 5}
    assert "was left out" in note
    assert "mean" not in note
    assert len(note) < 200


@pytest.mark.parametrize(
    "name",
    [
        "dry_run",
        "confirm",
        "branch",
        "max_cost",
        "simulate",
        "dryRun",
        "gitRef",
        "timeout_seconds",
        "model",
        "only_tests",
    ],
)
def test_sort_arguments_refuses_for_a_changing_tool_what_it_would_ignore(name: str) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        sort_arguments("cancel_run", {"run_id": "x", name: True}, ("run_id",), changes=True)
    assert f'cancel_run has no argument "{name}".' in str(refused.value)
    assert "mean" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["reasoning", "metadata", "tool_name", "agent_id", "dummy", "is_background", "x" * 9_999]
)
def test_sort_arguments_leaves_out_what_restricts_nothing_even_for_a_changing_tool(name: str) -> None:
    taken, (note,) = sort_arguments("start_run", {"repo": "acme/web", name: "x"}, ("repo", "prompt"), changes=True)
    assert taken == {"repo": "acme/web"}
    assert note.startswith("start_run has no argument ")
    assert note.endswith("It was left out.")


@pytest.mark.parametrize("absent", ["", "null", None, {}, []])
def test_sort_arguments_carries_out_a_call_with_an_empty_argument_of_an_older_schema(absent: Any) -> None:
    taken, _ = sort_arguments("start_run", {"repo": "acme/web", "model": absent}, ("repo",), changes=True)
    assert taken == {"repo": "acme/web"}


async def test_a_run_is_started_with_what_a_new_host_adds_and_the_reply_says_so() -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        result = await answer(client, "start_run", repo="acme/web", prompt="x", hostTrace={"a": 1}, rationale="y")
    assert result.structured_content is not None
    assert 'start_run has no argument "rationale". It was left out.' in result.structured_content["notes"]


async def test_dry_run_stops_no_run_and_starts_none() -> None:
    simulator = Simulator(now=virtual_now)
    run = next(iter(simulator.world.runs))
    async with connected_client(simulator) as client:
        await error(client, "cancel_run", run_id=run, dry_run=True)
        await error(client, "start_run", repo="acme/web", prompt="x", dryRun=True)
    assert not [one for one in simulator.requests if one.method == "POST"]


@pytest.mark.parametrize("name", ["conversationId", "thread_id", "requestId", "trace-id", "userId"])
def test_sort_arguments_leaves_out_identifiers_of_new_hosts_even_for_a_changing_tool(name: str) -> None:
    taken, notes = sort_arguments("start_run", {"repo": "acme/web", name: "1"}, ("repo", "prompt"), changes=True)
    assert taken == {"repo": "acme/web"}
    assert len(notes) == 1


async def test_an_unknown_argument_is_noted_in_text_and_structure() -> None:
    async with connected_client() as client:
        result = await answer(client, "list_repos", include_archived=True)
    assert result.structured_content is not None
    assert 'list_repos has no argument "include_archived". It was left out.' in result.structured_content["notes"]
    assert "Note: list_repos has no argument" in str(result.content)


@pytest.mark.parametrize("wrapper", ["arguments", "input", "params"])
def test_sort_arguments_unwraps_arguments_that_were_wrapped_once_more(wrapper: str) -> None:
    inner = {"limit": 5}
    assert sort_arguments("list_runs", {wrapper: inner}, ("limit",), changes=False) == (inner, [])
    assert sort_arguments("list_runs", {wrapper: '{"limit": 5}'}, ("limit",), changes=False) == (inner, [])
    assert sort_arguments("x", {wrapper: inner}, ("name", wrapper), changes=True) == ({wrapper: inner}, [])


@pytest.mark.parametrize("name", ['"limit"', "`limit`", "'limit'"])
def test_sort_arguments_knows_a_name_in_quotes(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Did you mean limit"):
        sort_arguments("list_runs", {name: 5}, ("limit",), changes=False)


async def test_an_argument_named_like_a_secret_is_not_repeated() -> None:
    async with connected_client() as client:
        result: Any = await answer(client, "list_repos", mog_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345=1)
    assert "ABCDEFGHIJ" not in str(result)
