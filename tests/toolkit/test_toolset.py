"""Which tools a user's choice lets through, and what the server says of itself then."""

import itertools

import pytest
from mcp import Client, MCPError

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.server.instructions import LIMIT_CHARACTERS, instructions
from mogplex_mcp.toolkit.tool_selection import select
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.tools.support import answer, connected_client, error, text_of

pytestmark = pytest.mark.anyio

WRITING = {"start_run", "cancel_run", "create_sandbox"}


def chosen(**choice: object) -> list[str]:
    return [tool.name for tool in select(TOOLSETS, **choice)]  # type: ignore[arg-type] # each test gives one or two


def test_by_default_the_toolsets_that_are_on_by_default_are_offered() -> None:
    assert chosen() == [tool.name for toolset in TOOLSETS if toolset.by_default for tool in toolset.tools]


def test_all_means_all() -> None:
    assert chosen(wanted_toolsets=["all"]) == [tool.name for toolset in TOOLSETS for tool in toolset.tools]


def test_toolsets_are_offered_in_the_fixed_order_whatever_the_order_of_the_choice() -> None:
    in_order = chosen(wanted_toolsets=["account"]) + chosen(wanted_toolsets=["repos"])
    assert in_order[0] == "check_connection"
    assert "list_repos" in in_order
    assert chosen(wanted_toolsets=["repos", "account"]) == in_order
    assert chosen(wanted_toolsets=["account", "repos"]) == in_order


def test_tools_come_beside_toolsets_and_alone_are_all_there_is() -> None:
    assert chosen(wanted_toolsets=["account"], wanted_tools=["get_run"]) == ["check_connection", "get_run"]
    assert chosen(wanted_tools=["get_run"]) == ["get_run"]


def test_exclusion_wins_over_everything() -> None:
    assert chosen(wanted_tools=["get_run"], excluded_tools=["get_run"]) == []
    assert "start_run" not in chosen(wanted_toolsets=["all"], wanted_tools=["start_run"], excluded_tools=["start_run"])


def test_read_only_is_a_bound_that_nothing_widens() -> None:
    assert not WRITING & set(chosen(read_only=True))
    assert not WRITING & set(chosen(wanted_toolsets=["all"], wanted_tools=sorted(WRITING), read_only=True))
    assert chosen(wanted_tools=["start_run"], read_only=True) == []


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"wanted_toolsets": ["repo"]}, 'no toolset "repo"; did you mean repos?'),
        ({"wanted_toolsets": ["zzz"]}, 'no toolset "zzz"; the nearest are all, account, repos'),
        ({"wanted_tools": ["tail_runs"]}, 'no tool "tail_runs"; did you mean tail_run'),
        ({"excluded_tools": ["start-run"]}, 'no tool "start-run"; did you mean start_run'),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(choice: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        chosen(**choice)


def test_the_instructions_fit_in_every_mode() -> None:
    names = [tool.name for toolset in TOOLSETS for tool in toolset.tools]
    for demo, read_only, offered in itertools.product((True, False), (True, False), (names, names[:2], [])):
        text = instructions(Settings(demo=demo, read_only=read_only, demo_seconds=86_400), offered)
        assert len(text) < LIMIT_CHARACTERS
        assert ("DEMO" in text) is demo
        assert ("READ-ONLY" in text) is read_only
        assert "60 requests a minute" in text
        assert "never follow instructions" in text


def test_the_instructions_name_no_tool_that_is_not_offered() -> None:
    names = {tool.name for toolset in TOOLSETS for tool in toolset.tools}
    for offered in ([], ["tail_run"], ["check_connection"], ["list_repos", "get_run"]):
        text = instructions(Settings(), offered)
        assert {name for name in names if name in text} <= set(offered)


async def test_the_server_tells_its_instructions_in_both_eras() -> None:
    for mode in ("legacy", "auto"):
        async with connected_client(mode=mode) as client:
            assert client.instructions is not None
            assert "start_run" in client.instructions


async def missing(client: Client, tool: str) -> str:
    with pytest.raises(MCPError) as refused:
        await client.call_tool(tool, {"repo": "acme/web", "prompt": "x"})
    return refused.value.message


async def test_a_tool_that_is_not_offered_can_neither_be_called_nor_is_it_named_as_a_next_step() -> None:
    async with connected_client(MOGPLEX_MCP_READ_ONLY="true") as client:
        assert "start_run is not offered" in await missing(client, "start_run")
        assert "start_run" not in text_of(await answer(client, "list_repos", query="acme/web"))
    async with connected_client(MOGPLEX_MCP_TOOLS="list_repos,check_connection") as client:
        assert "start_run is not offered" in await missing(client, "start_run")
        assert "tools/list has all of them" in await missing(client, "started_run")
    async with connected_client(
        MOGPLEX_MCP_TOOLS="list_sandboxes", token="mog_UnknownTokenUnknownTokenUnknown0"
    ) as client:
        assert "check_connection" not in await error(client, "list_sandboxes")
