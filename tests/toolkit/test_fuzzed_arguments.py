"""Any JSON as the arguments of any tool or prompt ends in a result or a named error, after bounded work."""

from collections.abc import Mapping
from typing import Any

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client, MCPError
from mcp_types import INVALID_PARAMS, MISSING_REQUIRED_CLIENT_CAPABILITY, CallToolResult

from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.server.prompts import PROMPTS
from mogplex_mcp.simulator import Simulator
from mogplex_mcp.toolkit.arguments import check
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.server.support import connect
from tests.server.test_request_params import sending
from tests.toolkit.test_size_limits import MOST_CALLS, calls_of
from tests.tools.support import A_UUID, text_of, three_parts
from tests.virtual_time import VirtualTimeLoop, virtual_now

TOOLS = [tool for toolset in TOOLSETS for tool in toolset.tools]
NAMES = sorted({name for tool in TOOLS for name in tool.arguments.model_fields} | {"repoId", "dry_run", "sessionId"})
LONGEST_ERROR = 4_000

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**63, 10**400, -(10**400), 1e308, float("inf"), float("nan")]),
    st.floats(),
    st.text(max_size=30).filter(lambda text: text.isprintable()),
    st.sampled_from(["null", "[", "{", '{"a": 1}', "[[]]", "true", "1e999", "9" * 5_000, "x" * 3_000, "\0", "\u2028"]),
    st.sampled_from([A_UUID, f'"{A_UUID}"', f"https://mogplex.com/runs/{A_UUID}", "acme/web", "@acme/web", "//", "@"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=20), VALUES, max_size=6)


@settings(max_examples=60, deadline=None)
@given(ARGUMENTS)
def test_check_takes_or_refuses_any_arguments_of_every_tool(arguments: dict[str, Any]) -> None:
    for tool in TOOLS:

        def work(tool: Any = tool) -> None:
            try:
                checked = check(tool.arguments, arguments, changes=not tool.hints.reads_only)
            except InvalidArgumentError as error:
                assert 10 < len(str(error)) < LONGEST_ERROR  # noqa: PT017 - it need not be refused
            else:
                assert set(checked.values) == set(tool.arguments.model_fields)

        work()
        assert calls_of(work) < MOST_CALLS, tool.name


async def call(client: Client, name: str, arguments: Any) -> CallToolResult | None:
    with sending(client, arguments=arguments):
        try:
            return await client.session.call_tool(name, {})
        except MCPError as error:
            assert error.code in (INVALID_PARAMS, MISSING_REQUIRED_CLIENT_CAPABILITY), error  # noqa: PT017 - as above
            assert len(error.message) < LONGEST_ERROR  # noqa: PT017 - as above
            return None


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ARGUMENTS | VALUES, min_size=5, max_size=10))
def test_any_arguments_of_every_tool_end_in_a_result_or_a_named_error(drawn: list[Any]) -> None:
    async def program() -> None:
        simulator = Simulator(now=virtual_now)
        async with connect(simulator, MOGPLEX_MCP_TOOLSETS="all", MOGPLEX_MCP_MAX_WAIT="1") as client:
            for arguments in drawn:
                for tool in TOOLS:
                    result = await call(client, tool.name, arguments)
                    if result is not None:
                        assert "mogplex-mcp itself failed" not in text_of(result), (tool.name, arguments)
                        assert not result.is_error or three_parts(result)

    anyio.run(program, backend_options={"loop_factory": VirtualTimeLoop})


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ARGUMENTS | VALUES, min_size=5, max_size=10))
def test_any_arguments_of_every_prompt_end_in_its_text_or_a_named_error(drawn: list[Any]) -> None:
    async def program() -> None:
        async with connect(MOGPLEX_MCP_TOOLSETS="all") as client:
            for arguments in drawn:
                for kind in PROMPTS:
                    names = [one.name for one in kind.arguments]
                    given = dict(zip(names, arguments.values(), strict=False)) if _is_object(arguments) else arguments
                    with sending(client, arguments=given):
                        try:
                            await client.get_prompt(kind.name)
                        except MCPError as error:
                            assert error.code == INVALID_PARAMS, (kind.name, given, error)  # noqa: PT017 - as above

    anyio.run(program, backend_options={"loop_factory": VirtualTimeLoop})


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)
