"""Ids and repositories as models and people paste them, everywhere they are taken; never those of another host."""

from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError

from mogplex_mcp.simulator import Simulator
from tests.cli.support import terminal_on
from tests.tools.support import answer, connected_client, error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

SITE = "https://mogplex.com"
FORMS = ['"{}"', "'{}'", "`{}`", "{{{}}}", "<{}>", "[{}]"]


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator(now=virtual_now)


@pytest.mark.parametrize("form", [*FORMS, "mogplex://runs/{}", f"`{SITE}/runs/{{}}`", f"{SITE}/runs/{{}}/events"])
async def test_a_run_is_found_by_a_pasted_id(form: str, simulator: Simulator) -> None:
    run = next(iter(simulator.world.runs))
    async with connected_client(simulator) as client:
        result = await answer(client, "get_run", run_id=form.format(run))
        assert result.structured_content is not None
        assert run in str(result.structured_content)
        prompt = await client.get_prompt("review_run", {"run_id": form.format(run)})
        assert run in str(prompt.messages)


async def test_sandboxes_and_automations_are_found_by_pasted_ids(simulator: Simulator) -> None:
    sandbox = simulator.world.sandboxes[0].id
    automation = next(iter(simulator.world.automations))
    async with connected_client(simulator, MOGPLEX_MCP_TOOLSETS="all") as client:
        for form in (*FORMS, "mogplex://{kind}/{}", f"{SITE}/{{kind}}/{{}}"):
            await answer(client, "get_sandbox_logs", sandbox_id=form.format(sandbox, kind="sandboxes"))
            await answer(client, "get_automation", automation_id=form.format(automation, kind="automations"))


async def test_a_resource_is_read_by_a_quoted_id(simulator: Simulator) -> None:
    run = next(iter(simulator.world.runs))
    async with connected_client(simulator) as client:
        for form in ("%22{}%22", "%60{}%60"):
            assert run in str(await client.read_resource(f"mogplex://runs/{form.format(run)}"))


@pytest.mark.parametrize(
    "site",
    [
        "https://example.com",
        "https://mogplex.com.example.com",
        "https://mogplex.com@example.com",
        "http://mogplex.com",
    ],
)
async def test_a_page_of_another_host_is_no_id(site: str, simulator: Simulator) -> None:
    run = next(iter(simulator.world.runs))
    async with connected_client(simulator) as client:
        for address in (f"{site}/runs/{run}", f"mogplex://sandboxes/{run}", f"{SITE}/sandboxes/{run}"):
            assert "must be a Mogplex run id" in await error(client, "cancel_run", run_id=address)
            with pytest.raises(MCPError, match="must be the id of a run"):
                await client.get_prompt("review_run", {"run_id": address})
    assert simulator.requests == []


REPOS = [
    '"acme/web"',
    "`acme/web`",
    "<https://github.com/acme/web>",
    "@acme/web",
    "https://github.com/acme/web",
    "https://github.com/acme/web.git",
    "https://www.github.com/acme/web/pull/7",
    "http://github.com/acme/web/",
    "git@github.com:acme/web.git",
    "ssh://git@github.com/acme/web.git",
    "ssh://git@github.com:22/acme/web.git",
    "github.com/acme/web",
    "'git@github.com:acme/web'",
    "[acme/web]",
]


@pytest.mark.parametrize("text", REPOS)
async def test_a_repository_is_found_as_it_was_pasted(text: str, simulator: Simulator) -> None:
    async with connected_client(simulator) as client:
        plain = await answer(client, "list_sandboxes", repo="acme/web")
        assert (await answer(client, "list_sandboxes", repo=text)).structured_content == plain.structured_content
        prompt = await client.get_prompt("delegate_task", {"repo": text, "task": "x"})
        assert 'repo="acme/web"' in str(prompt.messages[0].content.text)  # type: ignore[union-attr] # it is text


async def test_a_repository_is_found_by_a_quoted_id_or_its_page(simulator: Simulator) -> None:
    repo = next(one.id for one in simulator.world.repos if one.full_name == "acme/web")
    async with connected_client(simulator) as client:
        plain = await answer(client, "list_sandboxes", repo=repo)
        for text in (f'"{repo}"', f"mogplex://repos/{repo}", f"{SITE}/repos/{repo}"):
            assert (await answer(client, "list_sandboxes", repo=text)).structured_content == plain.structured_content


@pytest.mark.parametrize(
    "text",
    [
        "https://gitlab.com/acme/web",
        "git@gitlab.com:acme/web.git",
        "https://github.com.example.com/acme/web",
        "https://example.com/github.com/acme/web",
        "https://github.com@example.com/acme/web",
    ],
)
async def test_a_repository_of_another_host_is_not_looked_up(text: str, simulator: Simulator) -> None:
    async with connected_client(simulator) as client:
        assert "another host" in await error(client, "start_run", repo=text, prompt="x")
    assert simulator.requests == []


@pytest.mark.parametrize("form", ['"{}"', "mogplex://runs/{}", f"{SITE}/runs/{{}}"])
async def test_the_terminal_takes_pasted_ids(
    form: str,
    simulator: Simulator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    terminal: Any = terminal_on(simulator, capsys, monkeypatch, tmp_path)
    run = next(iter(simulator.world.runs))
    assert (await terminal("runs", "get", form.format(run), "--json")).code == 0
    assert (await terminal("runs", "get", f"https://example.com/runs/{run}")).code == 2
    assert (await terminal("sandboxes", "list", "--repo", "git@github.com:acme/web.git")).code == 0
