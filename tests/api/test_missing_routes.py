"""A 404 or 405 without an envelope: a route that this Mogplex does not have, a wrong address, or an outage."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from mogplex_mcp.api.automations import Automations
from mogplex_mcp.api.client import Mogplex, StartRun
from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.api.hosted import HostedEndpoint

from .support import OTHER_ID, REPO_ID, RUN_ID, Bench, ok, refused

pytestmark = pytest.mark.anyio

HTML = httpx2.Response(404, html="<title>404: This page could not be found</title>")
EMPTY = httpx2.Response(405)
TEXT = httpx2.Response(404, text="Not Found")
JSON = httpx2.Response(404, json={"detail": "Not Found"})

Answer = httpx2.Response | Exception


class OldMogplex:
    """Responds to all routes but some."""

    def __init__(self, missing: httpx2.Response, path: str, other: Answer) -> None:
        self.missing = missing
        self.path = path
        self.other = other
        self.requests: list[tuple[str, str]] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1/mogplex")
        self.requests.append((request.method, path))
        answer = self.missing if path == self.path else self.other
        if isinstance(answer, Exception):
            raise answer
        return answer


async def failure(network: OldMogplex, ask: Callable[[Bench], Awaitable[object]]) -> MogplexError:
    with pytest.raises(MogplexError) as caught:
        await ask(Bench(network))
    assert not caught.value.may_have_happened
    return caught.value


def asks(name: str, /, *arguments: Any, **more: Any) -> Callable[[Bench], Awaitable[object]]:
    return lambda bench: getattr(Mogplex(bench.http), name)(*arguments, **more)


ROUTES: list[tuple[str, str, Callable[[Bench], Awaitable[object]]]] = [
    ("POST", "/pr-reviews/rerun", asks("rerun_pr_review", REPO_ID, 7)),
    ("POST", "/runs", asks("start_run", StartRun(REPO_ID, "Do it."), "key-1")),
    ("GET", f"/runs/{RUN_ID}/events", asks("get_run_events", RUN_ID)),
    ("GET", "/repos", asks("list_repos")),
    ("GET", "/agents", asks("list_agents")),
    ("DELETE", f"/repos/{REPO_ID}/env-vars", asks("delete_env_var", REPO_ID, "KEY")),
    ("PUT", f"/automations/{OTHER_ID}", asks("update_automation", OTHER_ID, name="x")),
    ("POST", "/mcp", lambda bench: HostedEndpoint(bench.http).call_tool("mogplex_x", {})),
    ("POST", "/mcp", lambda bench: HostedEndpoint(bench.http).list_tools()),
]


@pytest.mark.parametrize("missing", [HTML, EMPTY, TEXT, JSON], ids=["html", "empty", "text", "json"])
@pytest.mark.parametrize("other", [ok(repos=[], agents=[]), refused(403, "FORBIDDEN"), refused(401, "UNAUTHORIZED")])
@pytest.mark.parametrize(("method", "path", "ask"), ROUTES)
async def test_route_that_this_mogplex_lacks_is_not_supported(
    *, method: str, path: str, ask: Callable[[Bench], Awaitable[object]], other: Answer, missing: httpx2.Response
) -> None:
    network = OldMogplex(missing, path, other)
    error = await failure(network, ask)
    assert error.code is ErrorCode.NOT_SUPPORTED
    assert error.message.startswith("This Mogplex has no such route: mogplex.test responded with 40")
    assert f" to {method} " in error.message
    assert RUN_ID not in error.message
    assert network.requests.count((method, path)) == 1


@pytest.mark.parametrize("missing", [HTML, EMPTY, TEXT, JSON], ids=["html", "empty", "text", "json"])
@pytest.mark.parametrize(("method", "path", "ask"), ROUTES)
async def test_address_without_a_mogplex_is_named_as_wrong(
    *, method: str, path: str, ask: Callable[[Bench], Awaitable[object]], missing: httpx2.Response
) -> None:
    network = OldMogplex(missing, path, missing)
    error = await failure(network, ask)
    assert (error.code, error.blame) == (ErrorCode.UNEXPECTED_ANSWER, Blame.ADDRESS)
    assert "to no other route as the Mogplex API does" in error.message
    assert network.requests.count((method, path)) == 1


@pytest.mark.parametrize(
    "other",
    [
        httpx2.ConnectError("gone"),
        refused(503, "SERVICE_UNAVAILABLE"),
        httpx2.Response(502, html="x"),
        refused(429, "X"),
    ],
)
async def test_without_a_second_opinion_nothing_is_claimed(other: Answer) -> None:
    error = await failure(OldMogplex(HTML, "/agents", other), asks("list_agents"))
    assert (error.code, error.blame, error.status) == (ErrorCode.UNEXPECTED_ANSWER, None, 404)
    assert "an HTML page (title: 404: This page could not be found" in error.message


async def test_route_that_has_responded_before_is_not_missing() -> None:
    network = OldMogplex(HTML, "/none", ok(agents=[]))
    bench = Bench(network)
    await asks("list_agents")(bench)
    network.other = HTML
    with pytest.raises(MogplexError) as caught:
        await asks("list_agents")(bench)
    assert (caught.value.code, caught.value.status) == (ErrorCode.UNEXPECTED_ANSWER, 404)
    assert network.requests == [("GET", "/agents")] * 2


async def test_envelope_with_404_is_not_found_and_asks_nothing_else() -> None:
    network = OldMogplex(refused(404, "NOT_FOUND"), f"/automations/{OTHER_ID}", ok())
    error = await failure(network, lambda bench: Automations(bench.http).get_automation(OTHER_ID))
    assert error.code is ErrorCode.NOT_FOUND
    assert len(network.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": -32601, "message": "Method not found"}},
        {"error": {"code": -32602, "message": "Unknown tool: mogplex_x"}},
        {"error": {"code": -32602, "message": "Tool mogplex_x not found"}},
        {"result": {"isError": True, "content": [{"type": "text", "text": "unknown tool"}]}},
        {"result": {"isError": True, "structuredContent": {"error": {"status": 400, "message": "No such tool: x"}}}},
    ],
)
@pytest.mark.parametrize("status", [200, 400, 404])
async def test_json_rpc_method_or_tool_that_does_not_exist_is_not_supported(
    answer: dict[str, Any], status: int
) -> None:
    if "result" in answer and status != 200:
        return
    response = httpx2.Response(status, json={"jsonrpc": "2.0", "id": 1, **answer})
    network = OldMogplex(response, "/mcp", ok())
    error = await failure(network, lambda bench: HostedEndpoint(bench.http).call_tool("mogplex_x", {}))
    assert (error.code, error.status) == (ErrorCode.NOT_SUPPORTED, status)
