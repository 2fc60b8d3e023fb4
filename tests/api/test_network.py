"""Against real sockets: what a mocked transport cannot show."""

import asyncio
import errno
import logging
import socket
from pathlib import Path

import anyio
import pytest

from mogplex_mcp import __version__
from mogplex_mcp.api.errors import ErrorCode

from .sockets import OK, Connect, failure
from .support import TOKEN, raw_answer, read_request, serving

pytestmark = pytest.mark.anyio


async def test_connections_are_kept_and_used_again(connect: Connect) -> None:
    connections = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(reader)
        while True:
            await read_request(reader)
            writer.write(OK)

    async with serving(on_connection) as base_url:
        http = connect(base_url)
        for _ in range(3):
            assert await http.request("GET", "/repos") == {"a": 1}
        await connect.aclose()
    assert len(connections) == 1


async def test_an_idle_connection_that_the_server_closed_fails_no_call(connect: Connect) -> None:
    closed = asyncio.Event()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with serving(on_connection) as base_url:
        http = connect(base_url)
        for method in ("GET", "POST", "GET"):
            closed.clear()
            assert await http.request(method, "/runs") == {"a": 1}
            await closed.wait()


async def test_a_request_that_meets_the_closing_of_an_idle_connection_is_repeated_once(
    connect: Connect,
) -> None:
    requests = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(OK)
        if len(requests) == 1:
            requests.append(await read_request(reader))  # and closes without an answer

    async with serving(on_connection) as base_url:
        http = connect(base_url)
        assert await http.request("GET", "/repos") == {"a": 1}
        assert await http.request("POST", "/runs", idempotency_key="key-1") == {"a": 1}
    assert [request.split(b" ")[0] for request in requests] == [b"GET", b"POST", b"POST"]


async def test_a_write_without_a_key_is_not_repeated_and_may_have_happened(connect: Connect) -> None:
    requests = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        del writer

    async with serving(on_connection) as base_url:
        error = await failure(connect(base_url))
    assert (error.code, error.may_have_happened, len(requests)) == (ErrorCode.CONNECTION_LOST, True, 1)


async def test_a_reset_is_a_lost_connection(connect: Connect) -> None:
    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with serving(on_connection) as base_url:
        error = await failure(connect(base_url))
    assert (error.code, error.may_have_happened) == (ErrorCode.CONNECTION_LOST, True)


@pytest.mark.parametrize(
    "cut", [OK[:10], OK[:-5], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", b"garbage\r\n\r\n"]
)
async def test_a_cut_or_broken_answer_is_a_lost_connection(connect: Connect, cut: bytes) -> None:
    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(cut)
        await writer.drain()

    async with serving(on_connection) as base_url:
        error = await failure(connect(base_url))
    assert (error.code, error.may_have_happened) == (ErrorCode.CONNECTION_LOST, True)


async def test_a_body_that_trickles_ends_at_the_deadline(connect: Connect) -> None:
    done = anyio.Event()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK[:-5])
        await done.wait()

    async with serving(on_connection) as base_url:
        error = await failure(connect(base_url), timeout=0.1)
        done.set()
    assert (error.code, error.may_have_happened) == (ErrorCode.TIMED_OUT, True)


async def test_a_refused_connection_is_unreachable_and_nothing_happened(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await failure(connect(f"http://127.0.0.1:{port}/api/v1/mogplex"))
    assert (error.code, error.may_have_happened) == (ErrorCode.UNREACHABLE, False)
    assert error.message == "127.0.0.1 could not be reached: the connection was refused."


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(10061, "No connection could be made because the target machine actively refused it"),
        OSError(
            f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] Connect call failed ('::1', 9, 0, 0), "
            f"[Errno {errno.ECONNREFUSED}] Connect call failed ('127.0.0.1', 9)"
        ),
    ],
)
async def test_a_refusal_is_told_as_one_however_the_system_words_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    async def refuse(*_: object, **__: object) -> object:
        raise error

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", refuse)
    said = await failure(connect("http://localhost:9/api/v1/mogplex"))
    assert (said.code, said.may_have_happened) == (ErrorCode.UNREACHABLE, False)
    assert said.message == "localhost could not be reached: the connection was refused."


async def test_an_unknown_name_is_unreachable(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    error = await failure(connect("https://no-such-host.invalid/api/v1/mogplex"))
    assert (error.code, error.may_have_happened) == (ErrorCode.UNREACHABLE, False)
    assert "no-such-host.invalid could not be resolved" in error.message


async def test_a_redirect_to_another_origin_never_reaches_it_with_the_token(connect: Connect) -> None:
    reached = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await read_request(reader))
        writer.write(OK)

    async with serving(elsewhere) as other_url:
        redirect = f"HTTP/1.1 308 Moved\r\nLocation: {other_url}/repos\r\nContent-Length: 0\r\n\r\n".encode()

        async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(redirect)

        async with serving(on_connection) as base_url:
            error = await failure(connect(base_url), "GET")
    assert (error.code, reached) == (ErrorCode.REDIRECTED, [])


async def test_neither_a_netrc_file_nor_cookies_change_what_is_sent(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = "machine 127.0.0.1 login eve password hunter2\n"
    for name in ("netrc", ".netrc", "_netrc"):
        (tmp_path / name).write_text(netrc)
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    requests = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            requests.append(await read_request(reader))
            writer.write(raw_answer(b'{"ok":true,"data":{}}', "Set-Cookie: session=abc; Path=/"))

    async with serving(on_connection) as base_url:
        http = connect(base_url)
        await http.request("GET", "/repos")
        await http.request("GET", "/repos")
        await connect.aclose()
    assert len(requests) == 2
    for request in requests:
        assert f"Authorization: Bearer {TOKEN.value}".encode() in request
        assert request.lower().count(b"authorization") == 1
        assert b"cookie" not in request.lower()
        assert b"User-Agent: mogplex-mcp/%b\r\n" % __version__.encode() in request


async def test_a_request_that_changes_something_tells_its_length_even_of_nothing(connect: Connect) -> None:
    requests = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(OK)

    async with serving(on_connection) as base_url:
        await connect(base_url).request("POST", "/runs/1/cancel")
        await connect.aclose()
    assert b"\r\nContent-Length: 0\r\n" in requests[0]


async def test_requests_leave_no_word_in_the_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)

    with caplog.at_level(logging.INFO):
        async with serving(on_connection) as base_url:
            await connect(base_url).request("GET", "/repos")
            await connect.aclose()
    assert caplog.records == []
