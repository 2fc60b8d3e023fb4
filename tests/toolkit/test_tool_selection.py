"""A caller over HTTP may have fewer tools than the operator offers, never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.toolkit.tool_selection import ToolSelection, select
from mogplex_mcp.toolkit.toolset import adapt_toolsets
from mogplex_mcp.tools import repos
from mogplex_mcp.tools.catalog import TOOLSETS

REPOS = {tool.name for tool in repos.toolset.tools}
ALL = [tool.name for toolset in TOOLSETS for tool in toolset.tools]
NAMES = st.lists(st.sampled_from(ALL), max_size=4).map(",".join)


def narrowing(*, read_only: bool = False) -> ToolSelection:
    toolsets = adapt_toolsets(TOOLSETS, Settings())
    return ToolSelection(toolsets, select(toolsets, read_only=read_only))


def test_a_request_that_says_nothing_has_all_that_is_offered() -> None:
    everything = set(narrowing().tools(None))
    assert {"start_run", "list_repos"} <= everything
    assert set(narrowing().tools({"authorization": "Bearer x"})) == everything


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "x-mcp-toolsets": st.sampled_from(["all", "runs", "env_vars,repos", ""]),
            "x-mcp-tools": NAMES,
            "x-mcp-exclude-tools": NAMES,
            "x-mcp-readonly": st.sampled_from(["true", "false", "1", "0", "", "yes please"]),
        },
    )
)
def test_no_header_widens_what_the_operator_offers(headers: dict[str, str]) -> None:
    offered = narrowing(read_only=True)
    assert set(offered.tools(headers)) <= set(offered.tools(None))


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"x-mcp-toolsets": "repos"}, REPOS),
        ({"x-mcp-tools": "list_repos, get_run"}, {"list_repos", "get_run"}),
        ({"x-mcp-toolsets": "repos", "x-mcp-tools": "get_run"}, {*REPOS, "get_run"}),
        ({"x-mcp-tools": "list_repos,get_run", "x-mcp-exclude-tools": "get_run"}, {"list_repos"}),
        ({"x-mcp-tools": "start_run,get_run", "x-mcp-readonly": "true"}, {"get_run"}),
        ({"x-mcp-tools": "set_env_var"}, set()),
    ],
)
def test_headers_choose_as_the_options_do(headers: dict[str, str], left: set[str]) -> None:
    assert set(narrowing().tools(headers)) == left


def test_only_a_clear_no_leaves_the_writing_tools() -> None:
    for text in ("0", "false", "no", "off", "False"):
        assert "start_run" in narrowing().tools({"x-mcp-readonly": text})
    for text in ("1", "true", "yes", "ture"):
        assert "start_run" not in narrowing().tools({"x-mcp-readonly": text})


def test_an_argument_that_is_called_as_a_tool_is_named_with_its_tool() -> None:
    selection = narrowing()
    # Not with the nearest tool, which would cancel the run that is to be continued.
    assert selection.missing("continue_run", selection.tools(None), Settings()) == (
        'There is no tool "continue_run": it is an argument of start_run.'
    )


def test_a_name_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="start_run"):
        narrowing().tools({"x-mcp-tools": "start_rum"})
