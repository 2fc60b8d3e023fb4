"""What is written reaches the client whole and in order, however slowly it reads."""

import contextlib
import json
import os
import select
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import anyio
import mcp_types
import pytest
from mcp.shared.message import SessionMessage

from mogplex_mcp.core.shutdown import ANSWER_SECONDS, Shutdown
from mogplex_mcp.transports.request_tracking import InboundStream, OpenRequests
from mogplex_mcp.transports.stdio.messages import Rejection
from mogplex_mcp.transports.stdio.reader import MessageReader
from mogplex_mcp.transports.stdio.streams import PolledSink, PolledSource, ThreadedSink, ThreadedSource
from mogplex_mcp.transports.stdio.writer import MessageWriter
from tests.virtual_time import VirtualTimeLoop

if sys.platform != "win32":
    import fcntl

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be waited for there")]

# More than any pipe holds.
LARGE = 3_000_000


@pytest.fixture(params=["pipe", "socket"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """A reading and a writing end."""
    if request.param == "pipe":
        reading, writing = os.pipe()
    else:
        reading, writing = (one.detach() for one in socket.socketpair())
    before = set(threading.enumerate())
    yield reading, writing
    with contextlib.suppress(OSError):
        os.close(writing)
    # A thread that still read this number would take what the next test sends to a new pipe of the same number.
    for thread in set(threading.enumerate()) - before:
        if thread.name == "stdin":
            thread.join(timeout=20)
    with contextlib.suppress(OSError):
        os.close(reading)


def message(number: int, size: int = 0) -> SessionMessage:
    return SessionMessage(mcp_types.JSONRPCResponse(jsonrpc="2.0", id=number, result={"text": "x" * size}))


async def refused(rejection: Rejection) -> None:
    raise AssertionError(rejection)


@pytest.fixture(params=["polling", "threads"])
def threads(request: pytest.FixtureRequest) -> bool:
    """Whether threads read and write, as on Windows."""
    return bool(request.param == "threads")


@contextlib.asynccontextmanager
async def sink(
    writing: int, threads: bool, shutdown: Shutdown | None = None, serving: anyio.CancelScope | None = None
) -> AsyncIterator[MessageWriter]:
    with contextlib.closing(ThreadedSink(writing) if threads else PolledSink(writing)) as bytes_out:
        yield MessageWriter(bytes_out, shutdown or Shutdown(), serving or anyio.CancelScope())


def reader(reading: int, threads: bool) -> MessageReader:
    return MessageReader(ThreadedSource(reading) if threads else PolledSource(reading), refused)


async def read_ids(reading: int, count: int) -> list[int]:
    """The ids of so many messages, all of them whole."""
    read = b""
    while read.count(b"\n") < count:
        await anyio.wait_readable(reading)
        read += os.read(reading, 10_000)
    return [json.loads(line)["id"] for line in read.splitlines()]


async def test_concurrent_large_messages_are_not_interleaved(ends: tuple[int, int], threads: bool) -> None:
    reading, writing = ends
    async with sink(writing, threads) as client, anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(client.send, message(number, LARGE))
        assert await read_ids(reading, 3) == [0, 1, 2]


async def test_cancelled_write_leaves_no_partial_line(ends: tuple[int, int], threads: bool) -> None:
    reading, writing = ends
    async with sink(writing, threads) as client, anyio.create_task_group() as tasks:
        with anyio.CancelScope() as impatient:
            async with anyio.create_task_group() as senders:
                senders.start_soon(client.send, message(1, LARGE))
                await anyio.wait_all_tasks_blocked()
                impatient.cancel()
                tasks.start_soon(client.send, message(2))
                with anyio.CancelScope(shield=True):
                    assert await read_ids(reading, 2) == [1, 2]


def test_shutdown_does_not_wait_for_a_client_that_does_not_read(ends: tuple[int, int], threads: bool) -> None:
    _, writing = ends

    async def tell_nobody() -> float:
        shutdown = Shutdown()
        began = anyio.current_time()
        async with sink(writing, threads, shutdown) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(client.send, message(1, LARGE))
            await anyio.wait_all_tasks_blocked()
            shutdown.begin()
        return anyio.current_time() - began

    assert anyio.run(tell_nobody, backend_options={"loop_factory": VirtualTimeLoop}) == pytest.approx(ANSWER_SECONDS)


async def test_a_client_that_is_gone_ends_the_serving(ends: tuple[int, int], threads: bool) -> None:
    reading, writing = ends
    os.close(reading)
    with anyio.CancelScope() as serving:
        async with sink(writing, threads, serving=serving) as client:
            await client.send(message(1))
    assert serving.cancel_called


async def test_shared_pipe_stays_blocking(ends: tuple[int, int], threads: bool) -> None:
    _, writing = ends
    before = fcntl.fcntl(writing, fcntl.F_GETFL)
    async with sink(writing, threads) as client:
        await client.send(message(1))
        assert fcntl.fcntl(writing, fcntl.F_GETFL) == before


async def test_message_read_before_shutdown_is_not_received_after_it(ends: tuple[int, int], threads: bool) -> None:
    reading, writing = ends
    shutdown = Shutdown()
    questions = InboundStream(reader(reading, threads), OpenRequests(), shutdown)
    os.write(writing, b'{"jsonrpc":"2.0","method":"first"}\n{"jsonrpc":"2.0","method":"second"}\n')
    first = await questions.receive()
    assert isinstance(first, SessionMessage)
    shutdown.begin()
    with pytest.raises(anyio.EndOfStream):
        await questions.receive()


async def test_pipe_that_cannot_be_opened_anew_is_written_in_portions_that_do_not_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    portions: list[int] = []
    write = os.write

    def refuse(*_: object) -> int:
        raise FileNotFoundError

    def measured(descriptor: int, data: bytes) -> int:
        portions.append(len(data))
        return write(descriptor, data)

    # As on macOS: no /proc, and a pipe that is writable may have room for so little.
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "write", measured)
    monkeypatch.setattr(select, "PIPE_BUF", 512)
    async with sink(writing, threads=False) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.send, message(1, 200_000))
        assert await read_ids(reading, 1) == [1]
    assert max(portions) == 512
    os.close(reading)
    os.close(writing)


async def test_blocking_socket_with_little_room_does_not_block_the_loop() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_608)
        async with sink(theirs.fileno(), threads=False) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(client.send, message(1, LARGE))
            await anyio.wait_all_tasks_blocked()
            assert await read_ids(ours.fileno(), 1) == [1]
        assert theirs.getblocking()


async def test_sockets_of_a_client_that_is_gone_end_the_conversation(threads: bool) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        # Bytes that the server has not read: the kernel resets the connection.
        theirs.send(b"unread")
        ours.close()
        with pytest.raises(anyio.EndOfStream):
            await reader(theirs.fileno(), threads).receive()


async def test_thread_reads_no_further_than_the_server(ends: tuple[int, int]) -> None:
    reading, writing = ends
    os.set_blocking(writing, False)

    def fill() -> int:
        written = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                written += os.write(writing, b"x" * 65_536)
        return written

    source = ThreadedSource(reading)
    fill()
    await source.wait()
    fill()
    await source.wait()
    assert fill() == 0
    for _ in range(2):
        await source.wait()
        assert 0 < len(source.take()) <= 65_536
    os.close(writing)
    await source.wait()
    while source.take():
        await source.wait()
