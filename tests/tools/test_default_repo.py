"""A default repository: then no tool needs one to be named, and its schema says so."""

import pytest

from mogplex_mcp.simulator import Simulator
from tests.tools.people import YES, User, client_with, facts, ids
from tests.tools.support import error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

WITH_REPO = {
    "create_sandbox",
    "trigger_automation",
    "list_env_vars",
    "set_env_var",
    "delete_env_var",
    "rerun_pr_review",
}


async def test_the_schemas_say_that_repo_is_optional_and_what_it_is_then() -> None:
    async with client_with(MOGPLEX_DEFAULT_REPO="acme/web") as client:
        tools = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
    async with client_with() as client:
        plain = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
    for name in WITH_REPO:
        assert tools[name]["properties"]["repo"]["description"].endswith("Default: acme/web.")
        assert "repo" not in tools[name].get("required", [])
        assert "repo" in plain[name]["required"]
        assert list(tools[name]["properties"]) == list(plain[name]["properties"])
    others = set(tools) - WITH_REPO - {"start_run"}
    assert {name: tools[name] for name in others} == {name: plain[name] for name in others}


async def test_the_schema_of_start_run_says_which_repository_is_meant_without_one() -> None:
    said = []
    for repo in ("", "acme/web"):
        async with client_with(MOGPLEX_DEFAULT_REPO=repo) as client:
            (schema,) = [tool.input_schema for tool in (await client.list_tools()).tools if tool.name == "start_run"]
        assert schema["required"] == ["prompt"]
        assert "default" not in schema["properties"]["repo"]
        said.append(schema["properties"]["repo"]["description"].partition("Default: ")[2])
    assert said == ["that of continue_run, else it is required.", "that of continue_run, else acme/web."]


@pytest.mark.parametrize("given", [{}, {"repo": ""}, {"repo": "null"}, {"repo": None}])
async def test_it_is_meant_where_none_is_given(given: dict[str, str | None]) -> None:
    simulator = Simulator(now=virtual_now)
    async with client_with(None, simulator, MOGPLEX_DEFAULT_REPO="acme/web") as client:
        run = await facts(client, "start_run", prompt="Fix it.", **given)
        triggered = await facts(
            client, "trigger_automation", automation_id=ids(simulator)["Review on mention"], **given
        )
        made = await facts(client, "create_automation", **given)
    assert run["repo"] == "acme/web"
    job = simulator.world.job_runs[triggered["run_id"]]
    assert job.metadata["repo_full_name"] == "acme/web"
    assert made["installation_id"] == 4_711


async def test_a_repository_that_is_given_counts() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.world.env_vars_available = True
    async with client_with(User(YES), simulator, MOGPLEX_DEFAULT_REPO="acme/web") as client:
        listed = await facts(client, "list_env_vars", repo="acme/api")
        empty = await facts(client, "list_env_vars")
    assert len(listed["env_vars"]) == 1
    assert empty["summary"] == "No environment variables."


async def test_without_one_a_missing_repository_is_named() -> None:
    async with client_with() as client:
        text = await error(client, "rerun_pr_review", pr_number=1)
    assert "needs the argument repo" in text
