import json
from typing import Any

import httpx2
import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.hosted import HostedEndpoint

from .recordings import CUT, path_of, row, rows
from .support import BASE_URL, Bench, Network

pytestmark = pytest.mark.anyio


def replay(number: int) -> httpx2.Response:
    """A recorded answer as it came."""
    came = row(number)["response"]
    headers = {name: value for name, value in came["headers"].items() if name in ("content-type", "retry-after")}
    return httpx2.Response(came["status"], content=came["body"], headers=headers)


def rpc(**message: Any) -> httpx2.Response:
    return httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, **message})


async def failure(answer: httpx2.Response) -> tuple[MogplexError, Bench]:
    bench = Bench(Network(answer))
    with pytest.raises(MogplexError) as caught:
        await HostedEndpoint(bench.http).call_tool("mogplex_list_repos", {})
    return caught.value, bench


async def test_call_tool_sends_one_stateless_message_of_two_units_without_origin() -> None:
    network = Network(replay(548))
    bench = Bench(network)
    result = await HostedEndpoint(bench.http).call_tool("mogplex_list_repos", {"limit": 1})
    assert result.text == "Found 1 Mogplex repos."
    assert result.structured["repos"][0]["full_name"] == "acme/100%-coverage"
    (request,) = network.requests
    assert str(request.url) == f"{BASE_URL}/mcp"
    assert not {"origin", "mcp-session-id"} & set(request.headers)
    params = {"name": "mogplex_list_repos", "arguments": {"limit": 1}}
    assert network.body == {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    assert bench.budget.spent == [(2, False)]


async def test_list_tools_costs_one_unit_and_returns_raw_schemas() -> None:
    schema = {"type": "object", "properties": {"limit": {"type": "integer"}}, "additionalProperties": False}
    tools = [
        {"name": "a", "title": "A", "description": "d", "inputSchema": schema, "annotations": {"readOnlyHint": True}},
        {"name": "b", "inputSchema": None, "annotations": None},
    ]
    network = Network(httpx2.RemoteProtocolError("closed"), rpc(result={"tools": tools}))
    bench = Bench(network)
    first, second = await HostedEndpoint(bench.http).list_tools()
    assert (first.name, first.title, first.input_schema, first.read_only) == ("a", "A", schema, True)
    assert (second.name, second.title, second.input_schema, second.read_only) == ("b", "", {}, None)
    assert bench.budget.spent == [(1, False), (1, False)]


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (535, ErrorCode.NOT_SUPPORTED, "Method not found: resources/list"),
        (547, ErrorCode.BAD_REQUEST, "arguments: Unrecognized key(s) in object: 'foo'"),
        (549, ErrorCode.NOT_SUPPORTED, "Unknown tool: nope"),
        (555, ErrorCode.BAD_REQUEST, "Connect GitHub account first"),
        (559, ErrorCode.NOT_SUPPORTED, "Vercel project environment variables"),
        (572, ErrorCode.IDEMPOTENCY_CONFLICT, "Idempotency key already used"),
        (574, ErrorCode.SERVICE_UNAVAILABLE, "check the repo id"),
        (578, ErrorCode.NOT_FOUND, "Run not found"),
        (579, ErrorCode.INTERNAL_ERROR, "Failed to load run"),
        (617, ErrorCode.UNAUTHORIZED, "Unauthorized"),
        (624, ErrorCode.FORBIDDEN, "Missing required scope: write"),
        (627, ErrorCode.FORBIDDEN, "Forbidden origin"),
        (651, ErrorCode.BAD_REQUEST, "Parse error"),
        (645, ErrorCode.UNEXPECTED_ANSWER, "308"),
        (637, ErrorCode.UNEXPECTED_ANSWER, "405"),
    ],
)
async def test_recorded_json_rpc_error_has_code_of_route(number: int, code: ErrorCode, message: str) -> None:
    error, _ = await failure(replay(number))
    assert error.code is code
    assert message in error.message


@pytest.mark.parametrize("status", [True, 0, 99, 200, 302, 999, 10**20, "404", None, [404]])
async def test_tool_error_whose_status_is_none_is_an_internal_error(status: object) -> None:
    error, _ = await failure(
        rpc(result={"isError": True, "structuredContent": {"error": {"status": status, "message": "no"}}})
    )
    assert (error.code, error.status, error.message) == (ErrorCode.INTERNAL_ERROR, 500, "no")


@pytest.mark.parametrize("number", [712, 720])
async def test_both_rate_limit_errors_are_rate_limited(number: int) -> None:
    error, bench = await failure(replay(number))
    assert (error.code, error.retry_after, error.may_have_happened) == (ErrorCode.RATE_LIMITED, 60, False)
    assert bench.budget.pauses == [60.0]


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, json=[]),
        httpx2.Response(200, json={"ok": True, "data": {}}),
        rpc(result=[]),
        rpc(),
        httpx2.Response(202),
        httpx2.Response(200, text="event: message", headers={"content-type": "text/event-stream"}),
    ],
)
async def test_response_that_is_not_json_rpc_is_described(answer: httpx2.Response) -> None:
    error, _ = await failure(answer)
    assert (error.code, error.may_have_happened) == (ErrorCode.UNEXPECTED_ANSWER, True)


@pytest.mark.parametrize(
    "result",
    [
        {"isError": True},
        {"isError": True, "content": [{"type": "text", "text": "broke"}]},
        {"isError": True, "structuredContent": {"error": {"status": "x", "message": []}}},
    ],
)
async def test_error_without_details_is_internal_error(result: dict[str, Any]) -> None:
    error, _ = await failure(rpc(result=result))
    assert (error.code, error.may_have_happened) == (ErrorCode.INTERNAL_ERROR, True)


async def test_call_tool_is_never_retried() -> None:
    network = Network(httpx2.RemoteProtocolError("closed"))
    with pytest.raises(MogplexError) as caught:
        await HostedEndpoint(Bench(network).http).call_tool("mogplex_cancel_run", {})
    assert (caught.value.may_have_happened, len(network.requests)) == (True, 1)


ANSWERED = [
    recorded
    for recorded in rows()
    if path_of(recorded) == "/mcp"
    and recorded["request"]["method"] == "POST"
    and CUT not in str(recorded["response"]["body"])
    and str(recorded["response"]["body"]).startswith("{")
]


@pytest.mark.parametrize("number", [recorded["n"] for recorded in ANSWERED])
async def test_recorded_message_is_result_or_error(number: int) -> None:
    message = json.loads(row(number)["response"]["body"])
    fails = "error" in message or message["result"].get("isError", False)
    endpoint = HostedEndpoint(Bench(Network(replay(number))).http)
    if fails:
        with pytest.raises(MogplexError):
            await endpoint.call_tool("x", {})
    else:
        result = await endpoint.call_tool("x", {})
        assert result.structured == message["result"].get("structuredContent", {})
