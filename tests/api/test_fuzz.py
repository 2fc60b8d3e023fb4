"""Any bytes as the response of any route: a result or a named error, in bounded time."""

import json
import zlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mogplex_mcp.api.client import Mogplex, StartRun
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.hosted import HostedEndpoint
from mogplex_mcp.api.unreadable import collect_unreadable, unreadable_notes

from .support import OTHER_ID, REPO_ID, RUN_ID, TOKEN, Bench

Ask = Callable[[Bench], Awaitable[object]]


def asks(name: str, /, *arguments: Any, **more: Any) -> Ask:
    return lambda bench: getattr(Mogplex(bench.http), name)(*arguments, **more)


ROUTES: dict[str, Ask] = {
    "list_repos": asks("list_repos"),
    "list_env_vars": asks("list_env_vars", REPO_ID),
    "set_env_var": asks("set_env_var", REPO_ID, "KEY", "value"),
    "delete_env_var": asks("delete_env_var", REPO_ID, "KEY"),
    "list_agents": asks("list_agents"),
    "list_models": asks("list_models"),
    "list_sandboxes": asks("list_sandboxes"),
    "create_sandbox": asks("create_sandbox", REPO_ID),
    "get_sandbox_logs": asks("get_sandbox_logs", RUN_ID),
    "start_run": asks("start_run", StartRun(REPO_ID, "Do it."), "key-1"),
    "get_run": asks("get_run", RUN_ID),
    "get_run_events": asks("get_run_events", RUN_ID),
    "cancel_run": asks("cancel_run", RUN_ID),
    "list_automations": asks("list_automations"),
    "create_automation": asks("create_automation", 1),
    "get_automation": asks("get_automation", RUN_ID),
    "update_automation": asks("update_automation", RUN_ID, name="x"),
    "publish_automation": asks("publish_automation", RUN_ID),
    "set_automation_model": asks("set_automation_model", RUN_ID, "agent-1", None),
    "trigger_automation": asks("trigger_automation", RUN_ID, REPO_ID, idempotency_key=OTHER_ID),
    "list_automation_runs": asks("list_automation_runs", RUN_ID),
    "get_automation_run": asks("get_automation_run", RUN_ID, OTHER_ID),
    "rerun_pr_review": asks("rerun_pr_review", REPO_ID, 7),
    "list_mcp_servers": asks("list_mcp_servers"),
    "list_tools": lambda bench: HostedEndpoint(bench.http).list_tools(),
    "call_tool": lambda bench: HostedEndpoint(bench.http).call_tool("mogplex_x", {}),
}
# Names that responses have, so that the values come to the places where they are read.
NAMES = [
    *("ok", "data", "error", "code", "message", "status", "repos", "envVars", "agents", "models", "sandboxes", "runs"),
    *("events", "run", "runId", "id", "key", "name", "automation", "automations", "nextCursor", "servers", "config"),
    *("sandbox", "lifecycle_events", "payload", "branch", "runtime", "pricing", "target", "graph", "draftGraph"),
    *("publishedVersion", "node_runs", "waits", "wait_config", "jobRunId", "started", "jsonrpc", "result", "tools"),
    *("content", "structuredContent", "isError", "annotations", "inputSchema", "createdAt", "url", "env", "__proto__"),
]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([RUN_ID, "2026-11-22T01:51:26.9+00:00", "\ud83d", "\0", TOKEN.value, "2.0", "CONFLICT"])
)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=30,
)
DATA = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6)
BODIES = (
    st.binary(max_size=300)
    | JSON.map(lambda value: json.dumps(value).encode())
    | DATA.map(lambda value: json.dumps({"ok": True, "data": value}).encode())
    | DATA.map(lambda value: json.dumps({"ok": False, "error": value}).encode())
    | DATA.map(lambda value: json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}).encode())
    | DATA.map(lambda value: json.dumps({"jsonrpc": "2.0", "id": 1, "error": value}).encode())
    | st.builds(
        lambda unit, times, end: b'{"ok":true,"data":{"repos":[' + unit * times + end,
        st.sampled_from([b"[", b"{},", b'{"a":', b'{"id":5},', b"9", b'"', b"\\", b'"a":1,', b"-", b"1e9,"]),
        st.sampled_from([1, 100, 5_000, 400_000]),
        st.sampled_from([b"", b"]}}", b"{}]}}", b"1]}}"]),
    )
)
STATUSES = st.sampled_from([200, 201, 202, 204, 304, 307, 400, 401, 403, 404, 405, 407, 409, 413, 429, 500, 501, 503])
HEADERS = st.fixed_dictionaries(
    {
        "content-type": st.sampled_from(
            ["application/json", "application/json; charset=x", "text/html", "", "text/plain"]
        )
    },
    optional={
        "content-encoding": st.sampled_from(["gzip", "br", "identity"]),
        "location": st.sampled_from(["/login", "//n@/", "http://[", ""]),
        "retry-after": st.sampled_from(["60", "-1", "soon", "9" * 400]),
    },
)


@pytest.mark.parametrize("name", ROUTES)
@settings(max_examples=40, deadline=timedelta(seconds=5))
@given(status=STATUSES, headers=HEADERS, body=BODIES, packed=st.booleans())
def test_any_response_of_a_route_is_a_result_or_a_named_error(
    *, name: str, status: int, headers: dict[str, str], body: bytes, packed: bool
) -> None:
    if packed and headers.get("content-encoding") == "gzip":
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        body = packer.compress(body) + packer.flush()

    async def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers=headers, stream=httpx2.ByteStream(body))

    async def ask() -> None:
        with collect_unreadable() as unreadable:
            try:
                await ROUTES[name](Bench(respond))
            except MogplexError as error:
                assert error.message  # noqa: PT017 - half of the promise
                assert error.message.isprintable()  # noqa: PT017 - as above
                assert TOKEN.value not in error.message  # noqa: PT017 - as above
                assert len(error.message) < 1_000  # noqa: PT017 - as above
            assert all(note.isprintable() for note in unreadable_notes(unreadable))

    anyio.run(ask)
