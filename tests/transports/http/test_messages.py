"""What is no message that may reach MCP is answered by a JSON-RPC error that says so, and costs little."""

import json
import time
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.server.request_scope import CALLER
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.transports.http.bodies import LARGEST_BODY
from mogplex_mcp.transports.http.messages import MessageCheck
from mogplex_mcp.transports.http.protected_resource import ProtectedResource
from mogplex_mcp.transports.http.refusals import Refusal
from tests.transports.http.support import HEADERS, app_for, served

pytestmark = pytest.mark.anyio

MIB = LARGEST_BODY
MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def wrapped(value: bytes) -> bytes:
    start, end = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"a":', b"}}}"
    return start + value[: MIB - len(start) - len(end)] + end


EXPENSIVE = {
    "nested lists": b"[" * MIB,
    "nested lists, closed": wrapped(b"[" * (MIB // 3) + b"]" * (MIB // 3)),
    "nested objects": b'{"a":' * (MIB // 5),
    "many keys": wrapped(b"{" + b",".join(b'"%06d":1' % number for number in range(90_000)) + b"}"),
    "many numbers": wrapped(b"[" + b"1," * (MIB // 2 - 100) + b"1]"),
    "many messages": b"[" + b",".join([b"{}"] * (MIB // 3 - 1)) + b"]",
    "a huge integer": wrapped(b"1" * MIB),
    "huge integers": wrapped(b"[" + b",".join([b"1" * 4_000] * 250) + b"]"),
    "a huge exponent": wrapped(b"1e" + b"9" * MIB),
    "a long text": wrapped(b'"' + b"x, y: " * (MIB // 6 - 100) + b'"'),
    "escapes": wrapped(b'"' + b"\\u00e9" * (MIB // 6 - 100) + b'"'),
    "escaped quotes": wrapped(b'"' + b'\\"' * (MIB // 2 - 100) + b'"'),
    "a text without end": b'"' + b'\\"' * (MIB // 2 - 1),
    "quotes": b'"' * MIB,
    "backslashes": b"\\" * MIB,
    "blanks": b" " * MIB,
    "no UTF-8": b"\xff" * MIB,
    "closing brackets": b"]" * MIB,
}


def check(body: bytes, **headers: str) -> Refusal | None:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return MessageCheck(KnownTokens(monotonic=lambda: 0.0), {"start_run"}, ProtectedResource(Settings()))(
        {"type": "http", "headers": [(b"accept", b"*/*"), *raw], CALLER: None}, body
    )


@pytest.mark.parametrize("kind", EXPENSIVE)
async def test_no_body_blocks_the_loop_for_long(kind: str) -> None:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await anyio.lowlevel.checkpoint()
            longest = max(longest, time.perf_counter() - began)

    headers = HEADERS | {"Authorization": "Bearer mog_" + "x" * 32}
    async with (
        served(app_for(Simulator().transport())) as address,
        httpx2.AsyncClient(headers=headers, timeout=30) as client,
    ):
        await client.post(f"http://{address}/mcp", json=CALL)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            began = time.process_time()
            answer = await client.post(f"http://{address}/mcp", content=EXPENSIVE[kind])
            spent = time.process_time() - began
            tasks.cancel_scope.cancel()
    assert answer.status_code in (200, 400)
    # The measured loop is the client's too, and the machine may be busy.
    assert min(longest, spent) < 0.1


def test_long_prompt_is_not_taken_for_many_values() -> None:
    prompt = 'if (a[0] == {"b": 1}) { return [",", ":"] }\n' * 2_000
    body = {**CALL, "method": "tools/call", "params": {"name": "start_run", "arguments": {"prompt": prompt}}}
    assert check(json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    ("body", "code", "request_id"),
    [
        (b"", -32700, None),
        (b" \n", -32700, None),
        (b"{", -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":NaN}}', -32700, None),
        (json.dumps(CALL).encode("utf-16"), -32700, None),
        (b"[]", -32600, None),
        (json.dumps([CALL]).encode(), -32600, None),
        (b"null", -32600, None),
        (b'"text"', -32600, None),
        (b"{}", -32600, None),
        (b'{"id":7,"method":"tools/list"}', -32600, 7),
        (b'{"jsonrpc":"1.0","id":"a","method":"tools/list"}', -32600, "a"),
        (b'{"jsonrpc":"2.0","id":7}', -32600, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":null}', -32600, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/list","params":[]}', -32600, 7),
        (b'{"jsonrpc":"2.0","id":7.0,"method":"tools/list"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":true,"method":"tools/list"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":[1],"method":"tools/list"}', -32600, None),
    ],
)
def test_what_is_no_message_is_named(body: bytes, code: int, request_id: Any) -> None:
    refusal = check(body)
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.request_id) == (400, code, request_id)
    shown = json.loads(refusal.body("/mcp"))
    assert shown["jsonrpc"] == "2.0"
    assert "id" in shown


@pytest.mark.parametrize("name", [["start_run"], {"a": 1}, None, 7])
def test_tool_name_of_any_type_is_left_to_mcp(name: Any) -> None:
    assert check(json.dumps({**CALL, "method": "tools/call", "params": {"name": name}}).encode()) is None


async def test_byte_order_mark_before_a_message_is_ignored() -> None:
    headers = HEADERS | {"Authorization": f"Bearer {DEMO_TOKEN}"}
    async with served(app_for(Simulator().transport())) as address, httpx2.AsyncClient(headers=headers) as client:
        answer = await client.post(f"http://{address}/mcp", content=b"\xef\xbb\xbf" + json.dumps(CALL).encode())
    assert "list_repos" in answer.text


def message(meta: Any, method: str = "tools/list", **more: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": {"_meta": meta}, **more}).encode()


@pytest.mark.parametrize("more", [{"id": 3}, {}])
@pytest.mark.parametrize("header", [None, "", "2025-11-25", "2025-06-18", "2024-11-05"])
@pytest.mark.parametrize("meta", [MODERN, {"io.modelcontextprotocol/clientInfo": {}}])
def test_message_of_2026_under_an_older_header_is_refused(meta: Any, header: str | None, more: dict[str, Any]) -> None:
    headers = {} if header is None else {"mcp-protocol-version": header}
    refusal = check(message(meta, **more), **headers)
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.request_id) == (400, -32020, more.get("id"))


@pytest.mark.parametrize(
    ("meta", "header"),
    [(MODERN, "2026-07-28"), ({}, "2025-11-25"), ({"progressToken": 1}, "2024-11-05"), (None, "2025-06-18")],
)
def test_message_that_agrees_with_its_header_is_passed_on(meta: Any, header: str) -> None:
    assert check(message(meta, id=3), mcp_protocol_version=header) is None


@pytest.mark.parametrize("header", ["2027-01-01", "2024-10-07", "draft", "x" * 9_000, "\x7f"])
def test_unserved_version_is_answered_with_all_served_ones(header: str) -> None:
    refusal = check(message({}, id=3), mcp_protocol_version=header)
    assert refusal is not None
    assert refusal.code == -32022
    assert list(refusal.data["supported"]) == ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
    assert len(refusal.body("/mcp")) < 1_000


async def test_discovery_names_all_served_versions() -> None:
    headers = HEADERS | {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "server/discover"}
    app = app_for(Simulator().transport(), demo=True)
    async with served(app) as address, httpx2.AsyncClient(headers=headers) as client:
        answer = await client.post(f"http://{address}/mcp", content=message(MODERN, "server/discover", id=1))
    assert answer.json()["result"]["supportedVersions"] == [
        "2026-07-28",
        "2025-11-25",
        "2025-06-18",
        "2025-03-26",
        "2024-11-05",
    ]
