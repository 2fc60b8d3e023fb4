"""Everything that Mogplex's API can do has a tool of ours: a route or hosted tool without one turns this red."""

from collections.abc import Mapping

import pytest

from mogplex_mcp.simulator import hosted_tools, routing
from mogplex_mcp.tools.catalog import TOOLSETS
from mogplex_mcp.tools.hosted_equivalents import hosted_equivalents, route_equivalents

OWN = {tool.name: tool for toolset in TOOLSETS for tool in toolset.tools}


def without_equivalent(twins: Mapping[str, str]) -> dict[str, str]:
    return {name: twin for name, twin in twins.items() if twin not in OWN}


def test_each_route_has_a_tool_that_exists() -> None:
    assert len(route_equivalents()) == 25
    assert without_equivalent(route_equivalents()) == {}


def test_each_hosted_tool_has_a_twin_that_exists() -> None:
    assert len(hosted_equivalents()) == 23
    assert without_equivalent(hosted_equivalents()) == {}


def test_the_table_knows_every_route_and_hosted_tool_that_was_seen() -> None:
    seen = {f"{method} {path}" for path, methods in routing._ROUTES.items() for method in methods}
    assert seen | {"POST /mcp"} == set(route_equivalents())
    assert set(hosted_tools.HOSTED_TOOLS) == set(hosted_equivalents())


@pytest.mark.parametrize("missing", ["mogplex_get_run", "mogplex_something_new"])
def test_one_without_a_twin_would_be_found(missing: str) -> None:
    assert without_equivalent({**hosted_equivalents(), missing: "no_such_tool"}) == {missing: "no_such_tool"}


def test_every_tool_is_the_twin_of_something_or_has_a_reason_to_be() -> None:
    own_ideas = {"check_connection", "list_runs", "list_hosted_tools"}
    assert set(OWN) - set(route_equivalents().values()) == own_ideas


def test_a_hosted_tool_that_only_reads_has_a_twin_that_only_reads() -> None:
    for name, tool in hosted_tools.HOSTED_TOOLS.items():
        assert OWN[hosted_equivalents()[name]].hints.reads_only == (tool.method == "GET"), name
