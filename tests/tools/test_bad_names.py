"""Repos and ids that do not exist, mean several things or are of another kind: the error leads to the right one."""

import pytest

from mogplex_mcp.simulator import Simulator
from mogplex_mcp.simulator.world import Repo
from tests.tools.support import A_UUID, answer, connected_client, error, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


async def test_an_unknown_repo_comes_with_the_nearest_names() -> None:
    async with connected_client() as client:
        for repo in ("acme/wbe", "https://github.com/acme/wbe", "wbe", "Acme/Web2"):
            text = await error(client, "start_run", repo=repo, prompt="x")
            assert "The nearest are acme/web" in text
            assert "list_repos lists the names and ids" in text or "list_repos lists all of them" in text
            assert "(code: not_found)" in text
        text = await error(client, "list_sandboxes", repo="zzzzzzzz/qqqqqqqq")
        assert "There are acme/api, acme/docs" in text


@pytest.mark.parametrize(
    "repo", ["acme/web", "ACME/Web", "web", "https://github.com/acme/web/tree/main/src", "git@github.com:acme/web.git"]
)
async def test_a_repo_is_found_by_every_way_to_name_it(repo: str) -> None:
    async with connected_client() as client:
        await answer(client, "list_sandboxes", repo=repo)


async def test_without_any_repo_the_user_is_sent_to_connect_github() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.world.repos.clear()
    async with connected_client(simulator) as client:
        assert "connect GitHub" in await error(client, "start_run", repo="acme/web", prompt="x")
        assert "connect GitHub" in text_of(await answer(client, "list_repos"))


async def test_an_ambiguous_repo_lists_its_rows_with_ids_that_work() -> None:
    async with connected_client() as client:
        text = await error(client, "start_run", repo="acme/monorepo", prompt="x")
        assert "(code: invalid_argument)" in text
        rows = (await answer(client, "list_repos", query="monorepo")).structured_content
        assert rows is not None
        for row in rows["repos"]:
            assert f"{row['id']} is acme/monorepo in {row['root_directory']}" in text
            await answer(client, "list_sandboxes", repo=row["id"])


async def test_a_repo_of_two_owners_is_ambiguous_by_its_bare_name() -> None:
    simulator = Simulator(now=virtual_now)
    other = "11111111-2222-4333-8444-555555555555"
    simulator.world.repos.append(Repo(other, simulator.world.users[0].id, "emca/web"))
    async with connected_client(simulator) as client:
        text = await error(client, "start_run", repo="web", prompt="x")
    assert f"{other} is emca/web" in text


@pytest.mark.parametrize(
    ("tool", "argument"),
    [
        ("get_run", "run_id"),
        ("tail_run", "run_id"),
        ("cancel_run", "run_id"),
        ("get_sandbox_logs", "sandbox_id"),
    ],
)
async def test_an_id_that_is_none_is_refused_before_anything_is_sent(tool: str, argument: str) -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        for wrong in ("acme/web", "12345", "latest", "sbx_demo1"):
            text = await error(client, tool, **{argument: wrong})
            assert argument in text
            assert "UUID" in text
            assert "(code: invalid_argument)" in text
    assert simulator.requests == []


async def test_an_id_of_another_kind_is_not_found_and_the_lists_are_named() -> None:
    simulator = Simulator(now=virtual_now)
    sandbox, run = simulator.world.sandboxes[0].id, next(iter(simulator.world.runs))
    async with connected_client(simulator) as client:
        for tool, arguments, listing in (
            ("get_run", {"run_id": sandbox}, "list_runs"),
            ("tail_run", {"run_id": sandbox}, "list_runs"),
            ("cancel_run", {"run_id": sandbox}, "list_runs"),
            ("get_sandbox_logs", {"sandbox_id": run}, "list_sandboxes"),
        ):
            text = await error(client, tool, **arguments)
            assert "right kind" in text
            assert f"{listing} shows it." in text
            assert text.count("list_") == 1
            assert "(code: not_found)" in text


async def test_what_mogplex_does_not_know_is_listed_by_the_list_of_its_kind() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.world.env_vars_available = True
    live = next(one.id for one in simulator.world.automations.values() if one.name == "Review on mention")
    unknown = {"automation_id": A_UUID}
    async with connected_client(simulator, MOGPLEX_MCP_TOOLSETS="all", MOGPLEX_MCP_ALLOW_DESTRUCTIVE="1") as client:
        for tool, arguments, listing in (
            ("get_automation", unknown, "list_automations"),
            ("list_automation_runs", unknown, "list_automations"),
            ("get_automation_run", {**unknown, "run_id": A_UUID}, "list_automations"),
            ("get_automation_run", {"automation_id": live, "run_id": A_UUID}, "list_automation_runs"),
            ("trigger_automation", {**unknown, "repo": "acme/web"}, "list_automations"),
            ("trigger_automation", {"automation_id": live, "repo": A_UUID}, "list_repos"),
            ("update_automation", {**unknown, "name": "x"}, "list_automations"),
            ("publish_automation", unknown, "list_automations"),
            ("set_automation_model", {"automation_id": live, "node_id": "zzz"}, "get_automation"),
            ("list_env_vars", {"repo": A_UUID}, "list_repos"),
            ("create_sandbox", {"repo": A_UUID}, "list_repos"),
            ("rerun_pr_review", {"repo": A_UUID, "pr_number": 1}, "list_repos"),
        ):
            text = await error(client, tool, **arguments)
            assert "(code: not_found)" in text, (tool, text)
            following = next(line for line in text.splitlines() if line.startswith("Next: "))
            assert listing in following, (tool, following)
            assert following.count("list_") == (listing != "get_automation"), (tool, following)


async def test_the_id_of_no_repo_does_not_send_the_model_waiting_for_ever() -> None:
    async with connected_client() as client:
        text = await error(client, "start_run", repo=A_UUID, prompt="x")
    assert "does not know the repository" in text
    assert "list_repos" in text
