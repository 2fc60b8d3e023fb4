"""Slow and silent clients, on real sockets: whatever they do, their connection ends and others are served."""

import contextlib
import json
import socket

import anyio
import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from mogplex_mcp.simulator import Simulator
from mogplex_mcp.transports.http import serving
from mogplex_mcp.transports.http.connections import limited_to
from tests.transports.http.support import (
    HEADERS,
    LIST,
    PATIENCE,
    app_for,
    connected,
    echo,
    head,
    is_closed,
    served,
    status_of,
)

pytestmark = pytest.mark.anyio

SHORT = 0.5
LONG = 60.0


async def test_silent_connection_is_closed() -> None:
    async with served(echo, lifespan=False, first_head_seconds=SHORT) as address, connected(address) as (reader, _):
        assert await is_closed(reader)


async def test_slow_request_head_is_aborted() -> None:
    async with (
        served(echo, lifespan=False, first_head_seconds=SHORT) as address,
        connected(address) as (reader, writer),
        anyio.create_task_group() as tasks,
    ):

        async def trickle() -> None:
            for byte in head(address, Padding="x" * 100_000):
                writer.write(bytes([byte]))
                await anyio.sleep(SHORT / 10)

        tasks.start_soon(trickle)
        assert await is_closed(reader)
        tasks.cancel_scope.cancel()


async def test_connection_is_kept_alive_between_requests_but_not_within_a_head() -> None:
    async with served(echo, lifespan=False, next_head_seconds=SHORT) as address, connected(address) as (reader, writer):
        for _ in range(2):
            writer.write(head(address, Content_Length=0))
            assert await status_of(reader) == 200
            await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"POST /mcp HT")
        assert await is_closed(reader)


async def test_a_request_that_is_being_answered_may_take_as_long_as_it_wants() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep(3 * SHORT)
        await echo(scope, receive, send)

    async with (
        served(slow, lifespan=False, first_head_seconds=SHORT, next_head_seconds=SHORT) as address,
        connected(address) as (reader, writer),
    ):
        writer.write(head(address, Content_Length=0))
        assert await status_of(reader) == 200


async def test_connection_of_a_client_that_does_not_read_is_aborted() -> None:
    ended = anyio.Event()

    async def flood(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(10_000):
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        if (await receive())["type"] == "http.disconnect":
            ended.set()

    async with served(flood, lifespan=False, unread_seconds=SHORT) as address, connected(address) as (reader, writer):
        writer.write(head(address, Content_Length=0))
        reader._transport.pause_reading()  # type: ignore[attr-defined] # the stream would read ahead
        with anyio.fail_after(PATIENCE):
            await ended.wait()


async def test_connections_over_the_limit_get_503() -> None:
    async with (
        served(echo, lifespan=False, most=2) as address,
        connected(address) as (_, first),
        connected(address) as (reader, second),
    ):
        first.write(b"POST")
        second.write(head(address, Content_Length=0))
        assert await status_of(reader) == 200
        async with connected(address) as (refused, _):
            answer = await refused.read()
            said, body = answer.split(b"\r\n\r\n")
            assert said.startswith(b"HTTP/1.1 503")
            assert b"retry-after" in said
            assert f"content-length: {len(body)}".encode() in said
            assert json.loads(body)["error"] == "busy"


def test_connection_limit_respects_the_limit_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (1_024, 2_048))
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr("resource.setrlimit", lambda _, limits: asked.append(limits))
    assert limited_to(500).most == 500
    assert limited_to(4_000).most == 2_048 - 400
    assert asked == [(2_048, 2_048)]


def test_connections_have_tcp_nodelay() -> None:
    with contextlib.ExitStack() as closing:
        listener = closing.enter_context(serving._listen("127.0.0.1", 0, ""))
        closing.enter_context(socket.create_connection(listener.getsockname()))
        connection = closing.enter_context(listener.accept()[0])
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_hostile_connections_do_not_block_others() -> None:
    """Heads and bodies that never end, garbage, and half a TLS handshake, all open at the same time."""
    async with served(app_for(Simulator().transport(), demo=True)) as address, anyio.create_task_group() as tasks:

        async def stranger(said: bytes) -> None:
            async with connected(address) as (_, writer):
                writer.write(said)
                await anyio.sleep_forever()

        for said in (
            b"",
            b"POST /mcp HTTP/1.1\r\nHost: ",
            head(address, **HEADERS, Content_Length=1_000) + b"{",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\0" * 1_000,
            head(address, Transfer_Encoding="chunked", **HEADERS) + b"fffffff\r\n",
        ):
            for _ in range(10):
                tasks.start_soon(stranger, said)
        await anyio.sleep(SHORT)
        async with httpx2.AsyncClient(timeout=LONG) as client:
            answer = await client.post(f"http://{address}/mcp", json=LIST, headers=HEADERS)
        assert "start_run" in answer.text
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_repos","arguments":{"query":'
        + "[" * 5_000
        + "]" * 5_000
        + "}}}",
        '{"jsonrpc":"2.0","id":' + "9" * 5_000 + ',"method":"tools/list"}',
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\\ud800","arguments":{}}}',
        "",
        "null",
        "[]",
    ],
    ids=["depth", "depth inside", "number", "no text", "surrogate", "nothing", "null", "list"],
)
@pytest.mark.parametrize("modern", [False, True])
async def test_a_hostile_message_is_answered_and_the_next_one_too(body: str, modern: bool) -> None:
    headers = HEADERS | ({"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"} if modern else {})
    async with (
        served(app_for(Simulator().transport(), demo=True)) as address,
        httpx2.AsyncClient(timeout=LONG) as client,
    ):
        answer = await client.post(f"http://{address}/mcp", content=body.encode("latin-1"), headers=headers)
        assert answer.status_code < 500
        assert "Traceback" not in answer.text
        after = await client.post(f"http://{address}/mcp", json=LIST, headers=HEADERS)
    assert "start_run" in after.text
