"""Whatever bytes arrive: an HTTP response in bounded time, an error as JSON, and the server goes on."""

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.from_thread
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given, settings
from hypothesis import strategies as st

from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from tests.transports.http.support import HEADERS, app_for, connected, head, served

SECONDS = 5.0
TOKENS = st.sampled_from([DEMO_TOKEN, "mog_" + "x" * 32, "nonsense"])
METHODS = st.sampled_from(
    [
        "initialize",
        "ping",
        "server/discover",
        "tools/list",
        "tools/call",
        "prompts/get",
        "resources/read",
        "completion/complete",
        "subscriptions/listen",
        "logging/setLevel",
        "notifications/cancelled",
        "none",
        "",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
VERSION = "io.modelcontextprotocol/protocolVersion"
VERSIONS = st.sampled_from(["2024-11-05", "2025-11-25", "2026-07-28", "2099-01-01", ""])
META = st.fixed_dictionaries(
    {},
    optional={
        VERSION: VERSIONS | VALUES,
        "io.modelcontextprotocol/clientCapabilities": VALUES,
        "io.modelcontextprotocol/clientInfo": VALUES,
        "progressToken": VALUES,
    },
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["list_repos", "get_run", "delegate_task"]) | VALUES,
        "arguments": VALUES,
        "uri": st.text(max_size=30) | VALUES,
        "ref": VALUES,
        "argument": VALUES,
        "protocolVersion": VERSIONS | VALUES,
        "capabilities": VALUES,
        "clientInfo": VALUES,
        "requestState": VALUES,
        "inputResponses": VALUES,
        "cursor": VALUES,
        "_meta": META | VALUES,
    },
)
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | VALUES, "method": METHODS | VALUES},
    optional={"id": st.integers(0, 9) | VALUES, "params": PARAMS | VALUES, "result": VALUES, "error": VALUES},
)
LINES = st.lists(
    st.sampled_from(
        [
            b"Host: localhost",
            b"Content-Length: 3",
            b"Content-Length: -1",
            b"Transfer-Encoding: chunked",
            b"Expect: 100-continue",
            b"Transfer-Encoding: gzip, chunked",
            b"Upgrade: websocket",
            b"Connection: upgrade",
            b"Connection: close",
            b": x",
            b"Authorization: Bearer mog_" + b"x" * 32,
            b"Content-Type: application/json",
            b"A" * 70_000,
            b"X: " + b"y" * 9_000,
            b"X-Forwarded-Proto: \xff",
            b"MCP-Protocol-Version: \xff\xfe",
            b" folded",
            b"Origin: null",
            b"Accept: */*",
        ]
    )
    | st.binary(max_size=30),
    max_size=6,
)
STARTS = st.sampled_from(
    [
        b"POST /mcp HTTP/1.1",
        b"GET / HTTP/1.1",
        b"GET /mcp HTTP/1.0",
        b"POST http://localhost/mcp HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT localhost:1 HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"GET /%ff%00 HTTP/1.1",
        b"\x16\x03\x01",
        b"GET / HTTP/9.9",
        b"POST  /mcp",
    ]
) | st.binary(max_size=40)


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with anyio.from_thread.start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def address(portal: BlockingPortal) -> Iterator[str]:
    app = app_for(Simulator().transport())
    with portal.wrap_async_context_manager(served(app, first_head_seconds=0.1, next_head_seconds=0.1)) as address:
        yield address


async def exchange(address: str, sent: bytes) -> bytes:
    """What comes back until a response is whole or the connection ends."""
    async with connected(address) as (reader, writer):
        writer.write(sent)
        answer = b""
        with anyio.fail_after(SECONDS), contextlib.suppress(ConnectionError):
            while not answer.endswith((b"}", b"</html>")) and (more := await reader.read(65_536)):
                answer += more
        return answer


def check_response(answer: bytes, *, errors: bool = True) -> None:
    assert answer.startswith(b"HTTP/1.1 "), answer
    start, _, body = answer.partition(b"\r\n\r\n")
    status = int(start.split()[1])
    assert status // 100 in (2, 4) or status == 503
    assert b"location:" not in start.lower()
    assert b"Traceback" not in answer
    if errors and status // 100 == 4:
        assert b"application/json" in start
        first = json.JSONDecoder().raw_decode(body.decode())[0]
        assert "error" in first


@given(start=STARTS, lines=LINES, body=st.binary(max_size=40))
@settings(max_examples=150)
def test_any_bytes_get_an_http_response(
    portal: BlockingPortal, address: str, start: bytes, lines: list[bytes], body: bytes
) -> None:
    began = time.monotonic()
    answer = portal.call(exchange, address, b"\r\n".join([start, *lines, b"", b""]) + body)
    assert time.monotonic() - began < SECONDS
    check_response(answer)
    assert portal.call(exchange, address, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")


def sent(address: str, body: bytes, token: str, **headers: str) -> bytes:
    shown: dict[str, Any] = {**HEADERS, "Authorization": f"Bearer {token}", "Connection": "close", **headers}
    return head(address, Content_Length=len(body), **shown) + body


@given(message=MESSAGES | VALUES, token=TOKENS, protocol=st.tuples(VERSIONS, METHODS))
@settings(max_examples=250)
def test_any_message_gets_a_response_or_a_json_rpc_error(
    portal: BlockingPortal, address: str, message: Any, token: str, protocol: tuple[str, str]
) -> None:
    body = json.dumps(message).encode()
    headers = {"MCP-Protocol-Version": protocol[0], "Mcp-Method": protocol[1]} if protocol[0] else {}
    # An open subscription has no end.
    if b"subscriptions/listen" in body:
        return
    answer = portal.call(whole, address, sent(address, body, token, **headers))
    check_response(answer)


@given(body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode), token=TOKENS)
@settings(max_examples=100)
def test_any_body_gets_a_json_rpc_error(portal: BlockingPortal, address: str, body: bytes, token: str) -> None:
    answer = portal.call(whole, address, sent(address, body, token))
    check_response(answer)
    assert b" 40" in answer.partition(b"\r\n")[0]


async def whole(address: str, request: bytes) -> bytes:
    async with connected(address) as (reader, writer):
        writer.write(request)
        with anyio.fail_after(SECONDS):
            return await reader.read()
