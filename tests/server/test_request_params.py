"""Parameters of requests as clients really send them: understood where they are plain, named where they are not."""

import contextlib
from collections.abc import Iterator
from typing import Any

import mcp_types
import pytest
from mcp import Client, MCPError
from mcp_types import CallToolResult

from mogplex_mcp.server import subscriptions
from mogplex_mcp.toolkit.arguments import unknown_name
from tests.server.support import ERAS, Mode, connect

pytestmark = pytest.mark.anyio


@contextlib.contextmanager
def sending(client: Client, **params: Any) -> Iterator[None]:
    """Send these parameters in place of those of the SDK's client, which sends none of a wrong form."""
    dispatcher: Any = client.session._dispatcher
    send = dispatcher.send_raw_request
    dispatcher.send_raw_request = lambda method, own, options: send(
        method, {**own, **params} if own and "name" in own else own, options
    )
    try:
        yield
    finally:
        dispatcher.send_raw_request = send


async def call(client: Client, arguments: Any, **params: Any) -> CallToolResult:
    with sending(client, arguments=arguments, **params):
        return await client.session.call_tool("list_repos", {})


@ERAS
@pytest.mark.parametrize(
    "arguments",
    [
        '{"limit": 1}',
        ' {"limit": 1}\n',
        '"{\\"limit\\": 1}"',
        [{"limit": 1}],
        '[{"limit": "1"}]',
        {"limit": 1},
    ],
)
async def test_arguments_in_another_form_are_understood(arguments: Any, mode: Mode) -> None:
    async with connect(mode=mode) as client:
        result = await call(client, arguments)
    assert not result.is_error, result
    assert result.structured_content is not None
    assert len(result.structured_content["repos"]) == 1


@ERAS
@pytest.mark.parametrize("arguments", [None, "", "null", "  ", [], {}])
async def test_arguments_that_say_nothing_are_none(arguments: Any, mode: Mode) -> None:
    async with connect(mode=mode) as client:
        assert not (await call(client, arguments)).is_error


@ERAS
@pytest.mark.parametrize(
    ("arguments", "came"),
    [
        ("limit=1", 'text came ("limit=1")'),
        ("[1, 2]", "text came"),
        ("{" * 100_000, "text came"),
        ("x" * 1_000_000, "text came"),
        ([1], "a list came"),
        ([{}, {}], "a list came"),
        (5, "a number came (5)"),
        (True, "true or false came (true)"),
    ],
)
async def test_arguments_that_mean_nothing_are_named_with_what_is_expected(
    arguments: Any, came: str, mode: Mode
) -> None:
    async with connect(mode=mode) as client:
        with pytest.raises(MCPError) as refused:
            await call(client, arguments)
    assert refused.value.code == mcp_types.INVALID_PARAMS
    assert "`arguments` as a JSON object" in refused.value.message
    assert came in refused.value.message
    assert len(refused.value.message) < 300


@pytest.mark.parametrize("name", [None, 7, ["list_repos"], "x" * 100_000])
async def test_a_call_without_a_usable_name_says_what_is_missing(name: Any) -> None:
    async with connect() as client:
        with pytest.raises(MCPError, match="needs `name`, the name of a tool") as refused:
            await call(client, {}, name=name)
    assert refused.value.code == mcp_types.INVALID_PARAMS


@ERAS
@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("resources/read", {"url": "x"}, "resources/read needs `uri`, which is missing."),
        ("resources/read", {"uri": 5}, "resources/read needs `uri` as text; a number came (5)."),
        ("tools/list", {"cursor": 5}, "tools/list needs `cursor` as text; a number came (5)."),
        ("prompts/list", {"cursor": ["x"]}, "prompts/list needs `cursor` as text; a list came."),
        (
            "completion/complete",
            {"argument": 1},
            "completion/complete needs `argument` as an object; a number came (1).",
        ),
        ("completion/complete", {"argument": {"name": "x", "value": ""}}, "completion/complete needs `ref`, which is"),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt"}, "argument": {"name": "x", "value": ""}},
            "completion/complete needs `ref.name`, which is missing.",
        ),
        ("tools/call", {"name": "list_repos", "_meta": {"progressToken": {}}}, "needs `_meta.progressToken`"),
    ],
)
async def test_a_wrong_parameter_of_any_request_is_named_with_what_is_expected(
    method: str, params: dict[str, Any], said: str, mode: Mode
) -> None:
    async with connect(mode=mode) as client:
        dispatcher: Any = client.session._dispatcher
        send = dispatcher.send_raw_request

        async def send_these(_: str, own: dict[str, Any], options: Any) -> Any:
            meta = own.get("_meta", {}) | params.get("_meta", {})
            return await send(method, {**params, "_meta": meta}, options)

        dispatcher.send_raw_request = send_these
        try:
            with pytest.raises(MCPError) as refused:
                await client.list_tools()
        finally:
            dispatcher.send_raw_request = send
    assert refused.value.code == mcp_types.INVALID_PARAMS
    assert said in refused.value.message


async def test_arguments_of_a_prompt_are_taken_as_text() -> None:
    async with connect() as client:
        for arguments in ({"repo": "acme/web", "task": 7}, '{"repo": "acme/web", "task": true, "base_branch": null}'):
            with sending(client, arguments=arguments):
                assert "acme/web" in str(await client.get_prompt("delegate_task"))
        for wrong in ({"task": ["a", "b"]}, dict.fromkeys(map(str, range(70_000)), "x")):
            with sending(client, arguments=wrong), pytest.raises(MCPError, match=r"must be text|at most") as no:
                await client.get_prompt("delegate_task")
            assert no.value.code == mcp_types.INVALID_PARAMS


@ERAS
@pytest.mark.parametrize("method", ["tools", "prompts", "resources", "resource_templates"])
async def test_the_lists_refuse_a_cursor_that_was_never_given_out(method: str, mode: Mode) -> None:
    async with connect(mode=mode) as client:
        listing = getattr(client, f"list_{method}")
        assert (await listing()).next_cursor is None
        for cursor in ("nonsense", "2", "x" * 10_000):
            with pytest.raises(MCPError) as refused:
                await listing(cursor=cursor)
            assert refused.value.code == mcp_types.INVALID_PARAMS


async def unknown(client: Client, name: str) -> str:
    with pytest.raises(MCPError) as refused:
        await client.session.call_tool(name, {})
    assert refused.value.code == mcp_types.INVALID_PARAMS
    return refused.value.message


@ERAS
async def test_an_unknown_tool_is_a_protocol_error_with_at_most_three_names(mode: Mode) -> None:
    async with connect(mode=mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert "did you mean list_repos" in await unknown(client, "list_repositories")
        assert "get_run" in await unknown(client, "run_get")
        for wrong in ("frobnicate", "\x1b[31mx", "mcp__mogplex__list_runs", "список", "x" * 150):
            message = await unknown(client, wrong)
            assert sum(name in message.split(";", 1)[1] for name in names) <= 3
            assert "\x1b" not in message


@pytest.mark.parametrize(
    ("settings", "tool", "said"),
    [
        ({}, "set_env_var", "toolset env_vars, which is off. MOGPLEX_MCP_TOOLSETS"),
        ({"MOGPLEX_MCP_TOOLS": "list_repos"}, "list_runs", "toolset runs"),
        ({"MOGPLEX_MCP_READ_ONLY": "1"}, "start_run", "MOGPLEX_MCP_READ_ONLY is set"),
        ({"MOGPLEX_MCP_EXCLUDE_TOOLS": "start_run"}, "start_run", "MOGPLEX_MCP_EXCLUDE_TOOLS excludes it"),
    ],
)
async def test_a_tool_that_is_not_offered_names_the_setting_that_offers_it(
    settings: dict[str, Any], tool: str, said: str
) -> None:
    async with connect(**settings) as client:
        assert said in await unknown(client, tool)


def three_names() -> Iterator[int]:
    for wrong in ("zzz", "tool", "", "x" * 60):
        yield unknown_name("tool", wrong, [f"tool_{number}" for number in range(17)]).count("tool_")


def test_nearest_names_at_most_three() -> None:
    assert max(three_names()) <= 3


async def test_listening_to_thousands_of_resources_looks_at_few(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []

    def has_updates(_scope: Any, uri: str) -> bool:
        looked_at.append(uri)
        return False

    monkeypatch.setattr(subscriptions, "_has_updates", has_updates)
    kept = subscriptions._wanted(None, [f"mogplex://runs/{n}" for n in range(100_000)])  # type: ignore[arg-type] # not used
    assert kept == []
    assert len(looked_at) <= subscriptions.MOST_LOOKED_AT
