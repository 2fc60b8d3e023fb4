"""What a program reads of results: links, pages, times, ids with their names, lists that say what is missing."""

import json
from typing import Any

import pytest
from mcp_types import ResourceLink, TextResourceContents

from mogplex_mcp.reply.untrusted import SHORT_WARNING, WARNING
from mogplex_mcp.simulator import Event, Repo, Simulator
from tests.answers import is_uri
from tests.tools.support import answer, connected_client, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

SITE = "https://mogplex.com"
BRANCH = {"repo": "acme/web", "prompt": "do it", "working_branch": "fix/x", "create_branch": True}


async def facts(client: Any, tool: str, **arguments: Any) -> dict[str, Any]:
    structured = (await answer(client, tool, **arguments)).structured_content
    assert structured is not None
    return dict(structured)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_answers_about_a_run_link_to_its_resource(mode: Any) -> None:
    async with connected_client(mode=mode) as client:
        started = await answer(client, "start_run", repo="acme/web", prompt="do it")
        run_id = (started.structured_content or {})["run_id"]
        others = [await answer(client, tool, run_id=run_id) for tool in ("get_run", "tail_run", "cancel_run")]
        for result in (started, *others):
            (link,) = [block for block in result.content if isinstance(block, ResourceLink)]
            assert link.uri == f"mogplex://runs/{run_id}"
            assert link.mime_type == "application/json"
            (read,) = (await client.read_resource(link.uri)).contents
            assert isinstance(read, TextResourceContents)
            assert json.loads(read.text)["run_id"] == run_id
        assert link.uri in [str(one.uri) for one in (await client.list_resources()).resources]
        repos = await answer(client, "list_repos")
    assert len(repos.content) == 1


async def test_no_link_leads_to_a_resource_that_is_not_offered() -> None:
    async with connected_client(MOGPLEX_MCP_EXCLUDE_TOOLS="get_run") as client:
        started = await answer(client, "start_run", repo="acme/web", prompt="do it")
    assert len(started.content) == 1


@pytest.mark.parametrize(
    ("url", "site"),
    [(f"{SITE}/api/v1/mogplex", SITE), ("http://127.0.0.1:7/api/v1/mogplex", "http://127.0.0.1:7")],
)
async def test_runs_and_sandboxes_name_their_page_on_the_configured_host(url: str, site: str) -> None:
    simulator = Simulator(now=virtual_now)
    simulator.world.sandbox_boot_seconds = 1.0
    async with connected_client(simulator, MOGPLEX_URL=url) as client:
        started = await facts(client, "start_run", repo="acme/web", prompt="do it")
        looked = await facts(client, "get_run", run_id=started["run_id"])
        created = await facts(client, "create_sandbox", repo="acme/web")
        log = await facts(client, "get_sandbox_logs", sandbox_id=created["sandbox"]["id"])
    assert started["web_page"] == looked["web_page"] == f"{site}/runs/{started['run_id']}"
    assert created["web_page"] == log["web_page"] == f"{site}/sandboxes/{created['sandbox']['id']}"
    assert is_uri(started["web_page"])


async def test_sandboxes_name_their_repository() -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        listed = await facts(client, "list_sandboxes")
        before = len(simulator.requests)
        await facts(client, "list_sandboxes")
    names = {repo.id: repo.full_name for repo in simulator.world.repos}
    expected = {one.id: names[one.repo_id] for one in simulator.world.sandboxes}
    assert {row["id"]: row["repo"] for row in listed["sandboxes"]} == expected
    assert len(simulator.requests) == before + 1


async def test_sandboxes_of_hidden_repositories_show_the_id_without_a_request_each_time() -> None:
    simulator = Simulator(now=virtual_now)
    hidden = simulator.world.sandboxes[0].repo_id
    simulator.world.repos = [repo for repo in simulator.world.repos if repo.id != hidden]
    async with connected_client(simulator) as client:
        await facts(client, "list_sandboxes")
        before = len(simulator.requests)
        listed = await facts(client, "list_sandboxes")
    assert hidden in {row["repo"] for row in listed["sandboxes"]}
    assert len(simulator.requests) == before + 1


async def test_automations_agents_and_models_have_id_and_name_together() -> None:
    async with connected_client(MOGPLEX_MCP_TOOLSETS="all") as client:
        automations = await facts(client, "list_automations")
        agents = await facts(client, "list_agents")
        models = await facts(client, "list_models")
    ids = [row["automation_id"] for row in automations["automations"]]
    assert [row["automation_id"] for row in automations["untrusted"]["automations"]] == ids
    for row in (*automations["untrusted"]["automations"], *agents["untrusted"]["agents"]):
        assert row["name"]
    assert all(row["id"] and row["name"] for row in models["untrusted"]["models"])


async def test_list_that_is_cut_counts_what_is_missing() -> None:
    simulator = Simulator(now=virtual_now)
    user = simulator.world.users[0].id
    simulator.world.repos = [
        Repo(f"55555555-5555-4555-8555-{number:012}", user, f"acme/service-{number}") for number in range(150)
    ]
    async with connected_client(simulator) as client:
        listed = await facts(client, "list_repos", limit=200)
    assert listed["left_out"] + len(listed["repos"]) == 150
    assert listed["left_out"] > 0


async def test_cline_gets_no_answer_that_it_would_cut() -> None:
    simulator = Simulator(now=virtual_now)
    run_id, run = next(iter(simulator.world.runs.items()))
    run.events += [
        Event(f"e{number}", "log", run.created_at + number, "x" * 200, {"stage": f"s{number}"}) for number in range(90)
    ]
    simulator.world.sandboxes[0].install_log = "\n".join(f"line {number} " + "y" * 80 for number in range(400))
    calls: dict[str, dict[str, Any]] = {
        "list_repos": {"limit": 200},
        "list_sandboxes": {"limit": 200},
        "get_run": {"run_id": run_id},
        "tail_run": {"run_id": run_id, "max_events": 100},
        "get_sandbox_logs": {"sandbox_id": simulator.world.sandboxes[0].id, "max_lines": 400},
        "list_automations": {},
        "list_hosted_tools": {},
    }
    for client_name in ("@cline/core", "Cline"):
        async with connected_client(simulator, client=client_name) as client:
            for tool, arguments in calls.items():
                result = await answer(client, tool, **arguments)
                structured = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
                assert len(text_of(result)) + len(structured) <= 7_500, tool
                assert WARNING in text_of(result) or "<<<untrusted" not in text_of(result)


async def test_start_run_costs_a_short_mark_where_the_rule_is_in_the_instructions() -> None:
    async with connected_client() as client:
        short = text_of(await answer(client, "start_run", **BRANCH))
        assert "<<<untrusted" in (client.instructions or "")
    async with connected_client(client="copilot-cli") as client:
        whole = text_of(await answer(client, "start_run", **BRANCH))
    assert SHORT_WARNING in short
    assert WARNING not in short
    assert WARNING in whole


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_icons_are_valid_uris(mode: Any) -> None:
    async with connected_client(mode=mode) as client:
        assert client.server_info is not None
        icons = [*(client.server_info.icons or ())]
        icons += [icon for tool in (await client.list_tools()).tools for icon in tool.icons or ()]
    assert icons
    assert all(is_uri(icon.src) for icon in icons)
