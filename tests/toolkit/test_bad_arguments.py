"""Arguments that a model gets wrong: taken for what they mean where that is plain, else refused with what is right."""

from typing import Any

import pytest

from mogplex_mcp.simulator import Simulator
from mogplex_mcp.toolkit.arguments import check
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.tools.support import A_UUID, answer, connected_client, error, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("", "needs the argument prompt"),
        ("null", "needs the argument prompt"),
        ("  \n\t ", "prompt"),
        ("x" * 100_001, "at most 100000 characters, but has 100001"),
        ("\N{GRINNING FACE}" * 50_001, "100002 UTF-16 units"),
        ("a\0b", "NUL"),
        (["two", "texts"], "prompt must be one text"),
        ({"a": 1}, "prompt must be one text"),
    ],
)
async def test_a_prompt_that_mogplex_would_refuse_costs_no_start(prompt: Any, said: str) -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        text = await error(client, "start_run", repo="acme/web", prompt=prompt)
    assert said in text
    assert "(code: invalid_argument)" in text
    assert not [one for one in simulator.requests if one.method == "POST"]
    assert len(text) < 2_000


async def test_the_longest_prompt_is_taken() -> None:
    async with connected_client() as client:
        await answer(client, "start_run", repo="acme/web", prompt="\N{GRINNING FACE}" * 50_000)


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("list_repos", {"limit": 0}, "limit must be a whole number from 1 to 200, but 0 was given"),
        ("list_repos", {"limit": 201}, "from 1 to 200, but 201 was given"),
        ("list_repos", {"limit": "many"}, 'whole number from 1 to 200, but "many" was given'),
        ("list_repos", {"limit": 2.5}, "whole number"),
        ("list_repos", {"limit": True}, "whole number"),
        ("list_runs", {"limit": 101}, "from 1 to 100"),
        ("list_runs", {"max_age_hours": -1}, "from 1 to 2160"),
        ("tail_run", {"wait_seconds": 3601}, "from 0 to 3600"),
        ("tail_run", {"max_events": 0}, "from 1 to 100"),
        ("tail_run", {"until": "tomorrow"}, 'one of done, update, but "tomorrow" was given'),
        ("get_sandbox_logs", {"sandbox_id": A_UUID, "from_line": -1}, "of 0 or more"),
        ("get_sandbox_logs", {"sandbox_id": A_UUID, "max_lines": 401}, "from 1 to 400"),
        ("get_sandbox_logs", {"log": "dev"}, "get_sandbox_logs needs the argument sandbox_id"),
        ("create_sandbox", {"repo": "acme/web", "create_branch": "perhaps"}, "true or false"),
        ("list_repos", {"query": "x" * 2_001}, "query must have at most 2000 characters, but has 2001"),
        ("list_repos", {"query": "a\0b"}, "query holds a NUL character"),
        ("start_run", {}, "start_run needs the argument prompt"),
        ("start_run", {"prompt": "x"}, "start_run needs the argument repo"),
    ],
)
async def test_an_argument_out_of_its_limits_is_named_with_the_limits(
    tool: str, arguments: dict[str, Any], said: str
) -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        text = await error(client, tool, **arguments)
    assert said in text
    assert f"call {tool} again" in text
    assert simulator.requests == []


@pytest.mark.parametrize(
    ("tool", "given", "near"),
    [
        ("list_repos", "limt", "limit"),
        ("tail_run", "runId", "run_id"),
        ("start_run", "createBranch", "create_branch"),
        ("tail_run", "max_event", "max_events"),
    ],
)
async def test_an_unknown_argument_names_the_nearest_and_lists_the_valid_ones(tool: str, given: str, near: str) -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        valid = {one.name: one.input_schema["properties"] for one in (await client.list_tools()).tools}[tool]
        text = await error(client, tool, **{given: 1})
    assert f'{tool} has no argument "{given}". Did you mean {near}?' in text
    assert f"It takes: {', '.join(valid)}." in text
    assert simulator.requests == []


async def test_a_tool_without_arguments_says_so() -> None:
    async with connected_client() as client:
        result = await answer(client, "check_connection", verbose=True)
        assert 'check_connection has no argument "verbose"' in text_of(result)
        many = {f"name{number}": number for number in range(100)}
        assert "It takes none." in await error(client, "check_connection", **many)


@pytest.mark.parametrize("absent", ["", "null", None, [], {}, "  ", "None", "NULL", "undefined"])
async def test_what_models_send_for_an_argument_that_they_leave_out_counts_as_left_out(absent: Any) -> None:
    async with connected_client() as client:
        plain = await answer(client, "list_sandboxes")
        same = await answer(client, "list_sandboxes", repo=absent, status=absent, limit=absent)
    assert same.structured_content == plain.structured_content


@pytest.mark.parametrize(
    "arguments",
    [
        {"repo": ["acme/web"], "status": ["running"], "limit": ["5"]},
        {"repo": "acme/web", "status": " Running ", "limit": "5"},
        {"repo": "acme/web", "status": '"running"', "limit": 5.0},
        {"repo": "acme/web", "status": "RUNNING", "limit": "5.0"},
    ],
)
async def test_values_of_a_wrong_type_are_taken_for_what_they_mean(arguments: dict[str, Any]) -> None:
    async with connected_client() as client:
        plain = await answer(client, "list_sandboxes", repo="acme/web", status="running", limit=5)
        same = await answer(client, "list_sandboxes", **arguments)
    assert same.structured_content == plain.structured_content


async def test_a_number_for_a_text_and_text_for_a_switch_are_taken() -> None:
    async with connected_client() as client:
        assert "'2026'" in text_of(await answer(client, "list_repos", query=2026))
        await answer(client, "start_run", repo="acme/web", prompt=2026, force_new="true", harness="claude_code")


@pytest.mark.parametrize("value", [True, {"a": 1}, ["a", "b"]])
async def test_the_value_of_a_variable_is_neither_shown_nor_misreported(value: Any) -> None:
    async with connected_client(MOGPLEX_MCP_TOOLSETS="all") as client:
        text = await error(client, "set_env_var", repo="acme/web", key="LEVEL", value=value)
    assert "value must be one text." in text


@pytest.mark.parametrize("value", ["null", "None", "undefined"])
def test_the_value_of_a_variable_may_be_a_word_for_nothing(value: str) -> None:
    tool = next(tool for toolset in TOOLSETS for tool in toolset.tools if tool.name == "set_env_var")
    given = {"repo": "acme/web", "key": "SAME_SITE", "value": value}
    assert check(tool.arguments, given, changes=True).values["value"] == value


@pytest.mark.parametrize("query", ['"acme/web"', "`acme/web`", "https://github.com/acme/web", "repo: acme/web"])
async def test_a_repository_is_searched_for_as_models_write_it(query: str) -> None:
    async with connected_client() as client:
        found = (await answer(client, "list_repos", query=query)).structured_content
    assert found is not None
    assert [one["repo"] for one in found["repos"]] == ["acme/web"]


async def test_quotes_around_a_branch_or_cursor_are_not_part_of_it() -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        started = await answer(client, "start_run", repo="acme/web", prompt='"x"', base_branch='"main"')
        assert started.structured_content is not None
        run_id = started.structured_content["run_id"]
        news = (await answer(client, "tail_run", run_id=run_id, wait_seconds=0)).structured_content
        assert news is not None
        await answer(client, "tail_run", run_id=run_id, wait_seconds=0, cursor=f'"{news["cursor"]}"')
    assert simulator.world.runs[run_id].base == "main"


def test_a_number_with_its_mark_is_a_number() -> None:
    tool = next(tool for toolset in TOOLSETS for tool in toolset.tools if tool.name == "rerun_pr_review")
    assert check(tool.arguments, {"repo": "acme/web", "pr_number": "#12"}, changes=True).values["pr_number"] == 12


async def test_a_key_of_a_trigger_must_be_a_uuid_and_no_id_of_mogplex() -> None:
    async with connected_client() as client:
        given = {"automation_id": A_UUID, "repo": "acme/web", "idempotency_key": "mine"}
        text = await error(client, "trigger_automation", **given)
    assert 'idempotency_key must be a UUID (one such as 75ce86aa-b59e-5f62-9d77-426c941e3c32), but "mine"' in text
