"""What httpx2 does at the edges of HTTP: relied upon, or known to be wrong and not patched here."""

import asyncio
import os
import socket
import tracemalloc
import zlib
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest

from mogplex_mcp.api import body_limit
from mogplex_mcp.api.body_limit import MAX_BODY_BYTES
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.api.exchange import build_request, send, stream
from mogplex_mcp.api.transport import create_transport

from .sockets import OK, Connect, TlsServer, failure
from .support import Connection, raw_answer, read_request, serving

pytestmark = pytest.mark.anyio

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
BODY = b'{"ok":true,"data":{"a":1}}'


def answering(*pieces: bytes) -> Connection:
    """A server that answers each request with these bytes and keeps the connection open."""

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()

    return on_connection


async def test_interim_responses_are_skipped(connect: Connect) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    async with serving(answering(interim + OK)) as base_url:
        assert await connect(base_url).request("GET", "/repos") == {"a": 1}
        await connect.aclose()


async def test_a_body_without_a_length_ends_with_the_connection(connect: Connect) -> None:
    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + BODY)

    async with serving(on_connection) as base_url:
        assert await connect(base_url).request("GET", "/repos") == {"a": 1}
        await connect.aclose()


@pytest.mark.parametrize("trailers", [b"", b"Content-Encoding: br\r\nRetry-After: 99\r\n"])
async def test_trailers_are_never_taken_for_headers(trailers: bytes) -> None:
    chunks = b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(BODY), BODY, trailers)
    async with serving(answering(CHUNKED + b"\r\n" + chunks)) as base_url, create_transport(base_url) as transport:
        async with stream(transport, build_request("GET", f"{base_url}/repos")) as response:
            assert b"".join([chunk async for chunk in response.stream]) == BODY  # type: ignore[union-attr] # async
        assert set(response.headers) == {"content-type", "transfer-encoding"}
        answer = await send(transport, build_request("GET", f"{base_url}/repos"))
    assert (answer.body, answer.retry_after) == (BODY, None)


@pytest.mark.parametrize(
    "before", [b"HTTP/1.1 200 OK\r\n", CHUNKED + b"\r\n%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)], ids=["head", "trailers"]
)
async def test_headers_and_trailers_without_an_end_are_not_read_for_ever(connect: Connect, before: bytes) -> None:
    async with serving(answering(before, *[b"X: " + b"x" * 10_000 + b"\r\n"] * 50)) as base_url:
        error = await failure(connect(base_url))
        await connect.aclose()
    assert (error.code, error.may_have_happened) == (ErrorCode.CONNECTION_LOST, True)
    assert error.message == "The connection to 127.0.0.1 broke: the answer is not HTTP."


async def test_a_chunk_extension_without_an_end_is_not_read_for_ever(connect: Connect) -> None:
    async with serving(answering(CHUNKED + b"\r\n1;", *[b"x" * 10_000] * 50)) as base_url:
        error = await failure(connect(base_url))
        await connect.aclose()
    assert (error.code, error.may_have_happened) == (ErrorCode.CONNECTION_LOST, True)


@pytest.mark.parametrize(
    "piece", [b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, b"HTTP/1.1 100 C\r\nX: %b\r\n\r\n" % (b"x" * 50_000)]
)
async def test_interim_responses_without_an_end_are_given_up_at_the_deadline(connect: Connect, piece: bytes) -> None:
    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        while True:
            writer.write(piece)
            await writer.drain()

    async with serving(on_connection) as base_url:
        error = await failure(connect(base_url), timeout=0.3)
        await connect.aclose()
    assert (error.code, error.may_have_happened) == (ErrorCode.TIMED_OUT, True)


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (CHUNKED + b"\r\n", b"1\r\n \r\n"),
        (CHUNKED + b"\r\n", b"1;extension=%b\r\n \r\n" % (b"x" * 1_000)),
        (
            CHUNKED + b"Content-Encoding: gzip\r\n\r\na\r\n\x1f\x8b\x08\0\0\0\0\0\0\3\r\n",
            b"5\r\n\0\0\0\xff\xff\r\n",
        ),
    ],
    ids=["a byte", "with an extension", "nothing after decompression"],
)
async def test_a_body_in_very_many_pieces_is_given_up(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, head: bytes, chunk: bytes
) -> None:
    monkeypatch.setattr(body_limit, "MAX_CHUNKS", 1_000)
    async with serving(answering(head, *[chunk] * 2_000)) as base_url:
        error = await failure(connect(base_url))
        await connect.aclose()
    assert (error.code, error.may_have_happened) == (ErrorCode.UNEXPECTED_ANSWER, True)
    assert "in very many pieces" in error.message


async def test_many_small_chunks_leave_other_tasks_their_turn(connect: Connect) -> None:
    body = b'{"ok":true,"data":{"a":"%b"}}' % (b"x" * 5_000)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with serving(answering(CHUNKED + b"\r\n" + chunks + b"0\r\n\r\n")) as base_url:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(count)
            assert len((await connect(base_url).request("GET", "/repos"))["a"]) == 5_000
            tasks.cancel_scope.cancel()
        await connect.aclose()
    assert turns > 5_000 / 64


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.9 mog_secret\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        CHUNKED + b"\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_is_reported_without_a_word_of_it(connect: Connect, sent: bytes) -> None:
    async with serving(answering(sent)) as base_url:
        error = await failure(connect(base_url))
        await connect.aclose()
    assert error.message == "The connection to 127.0.0.1 broke: the answer is not HTTP."


async def test_a_length_next_to_chunks_is_ignored(connect: Connect) -> None:
    """RFC 9112, section 6.3, calls it an error that may be handled so; the connection should be closed then."""
    chunks = b"Content-Length: 2\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    async with serving(answering(CHUNKED + chunks)) as base_url:
        assert await connect(base_url).request("GET", "/repos") == {"a": 1}
        await connect.aclose()


async def test_a_second_response_in_the_same_packet_is_never_the_response_to_the_next_request(
    connect: Connect,
) -> None:
    """httpx2 alone takes it for that, although it was not requested."""
    unasked = raw_answer(b'{"ok":true,"data":{"a":2}}')
    async with serving(answering(OK + unasked)) as base_url:
        http = connect(base_url)
        assert [await http.request("GET", "/repos") for _ in range(3)] == [{"a": 1}] * 3
        await connect.aclose()


async def test_a_second_response_in_a_tls_record_of_its_own_is_never_the_response_to_the_next_request(
    connect: Connect, trusted: TlsServer
) -> None:
    connections = 0

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await read_request(reader)
            writer.write(OK)
            writer.write(raw_answer(b'{"ok":true,"data":{"a":2}}'))
            await writer.drain()

    async with serving(on_connection, trusted.context) as base_url:
        http = connect(base_url)
        assert [await http.request("GET", "/repos") for _ in range(5)] == [{"a": 1}] * 5
        await connect.aclose()
    assert connections > 1


async def test_what_comes_on_an_idle_connection_is_in_no_response(connect: Connect) -> None:
    writers = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while True:
            await read_request(reader)
            writer.write(OK)

    async with serving(on_connection) as base_url:
        http = connect(base_url)
        assert await http.request("GET", "/repos") == {"a": 1}
        writers[0].write(raw_answer(b'{"ok":true,"data":{"a":2}}'))
        await writers[0].drain()
        assert await http.request("GET", "/repos") == {"a": 1}
        await connect.aclose()
    assert len(writers) == 2


async def test_garbage_within_tls_is_a_lost_connection(connect: Connect, trusted: TlsServer) -> None:
    """httpx2 raises a bare `ssl.SSLError`, which is no error of its own."""

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        os.write(writer.get_extra_info("socket").fileno(), b"garbage" * 100)
        await reader.read()

    async with serving(on_connection, trusted.context) as base_url:
        with pytest.raises(OSError, match="SSL") as caught:
            async with create_transport(base_url) as transport:
                await transport.handle_async_request(build_request("GET", f"{base_url}/repos"))
        assert not isinstance(caught.value, httpx2.TransportError)
        error = await failure(connect(base_url))
    assert (error.code, error.may_have_happened) == (ErrorCode.CONNECTION_LOST, True)


async def test_the_client_of_httpx2_fails_on_some_locations_that_it_does_not_follow() -> None:
    """The reason for a bare transport instead of an `httpx2.AsyncClient`."""
    redirect = httpx2.MockTransport(lambda _: httpx2.Response(302, headers={"location": "//n@/"}))
    async with httpx2.AsyncClient(transport=redirect, follow_redirects=False) as client:
        with pytest.raises(ValueError, match="absolute"):
            await client.get("https://mogplex.test/")
    answer = await send(redirect, build_request("GET", "https://mogplex.test/"))
    assert (answer.status, answer.location) == (302, "//n@/")


async def test_a_body_that_grows_when_it_is_decompressed_does_not_fill_the_memory(connect: Connect) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([packer.compress(b" " * 2**20) for _ in range(200)]) + packer.flush()
    async with serving(answering(raw_answer(bomb, "Content-Encoding: gzip"))) as base_url:
        http = connect(base_url)
        tracemalloc.start()
        try:
            error = await failure(http, "GET")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await connect.aclose()
    assert error.code is ErrorCode.UNEXPECTED_ANSWER
    assert "over 20 MB" in error.message
    assert most < 6 * MAX_BODY_BYTES


@pytest.mark.parametrize("before", [b"", OK[:10], OK[:-1]])
async def test_silence_before_or_within_a_response_has_an_end(before: bytes) -> None:
    async with serving(answering(before)) as base_url, create_transport(base_url) as transport:
        with pytest.raises(Exception, match="stopped answering"):
            await send(transport, build_request("GET", f"{base_url}/repos", read_seconds=0.05))


async def test_a_connection_that_is_not_accepted_is_given_up(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
    monkeypatch.setattr("mogplex_mcp.api.exchange.CONNECT_SECONDS", 0.01)
    error = await failure(connect("http://127.0.0.1:9/api/v1/mogplex"))
    assert (error.code, error.may_have_happened) == (ErrorCode.UNREACHABLE, False)
    assert error.message == "127.0.0.1 did not accept a connection in time."


async def test_another_address_is_tried_while_the_first_does_not_answer(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Happy eyeballs (RFC 8305): the next address after a quarter of a second."""
    loop = asyncio.get_running_loop()
    really_connect = loop.create_connection
    tried = []

    async def getaddrinfo(*_: object, **__: object) -> Any:
        families = ((socket.AF_INET6, ("2001:db8::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port)))
        return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in families]

    async def connect_to(factory: Any, host: str, *more: Any, **options: Any) -> Any:
        tried.append(host)
        if host == "2001:db8::1":
            await anyio.sleep_forever()
        return await really_connect(factory, host, *more, **options)

    async with serving(answering(OK)) as base_url:
        port = int(base_url.split(":")[2].split("/")[0])
        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(loop, "create_connection", connect_to)
        http = connect(base_url.replace("127.0.0.1", "mogplex.test"))
        assert await http.request("GET", "/repos", timeout=4) == {"a": 1}
        await connect.aclose()
    assert tried == ["2001:db8::1", "127.0.0.1"]
