"""What is written reaches the client whole and in order, however slowly it reads."""

import contextlib
import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator

import anyio
import mcp_types
import pytest
from mcp.shared.message import SessionMessage

from mogplex_mcp.core.shutdown import ANSWER_SECONDS, Shutdown
from mogplex_mcp.startup.discovery import Discovery
from mogplex_mcp.transports.request_tracking import InboundStream, OpenRequests
from mogplex_mcp.transports.stdio.messages import Rejection
from mogplex_mcp.transports.stdio.reader import MessageReader
from mogplex_mcp.transports.stdio.streams import PolledSink, PolledSource, ThreadedSink, ThreadedSource
from mogplex_mcp.transports.stdio.writer import MessageWriter
from tests.virtual_time import VirtualTimeLoop

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
    yield reading, writing
    for end in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(end)


def message(number: int, size: int = 0) -> SessionMessage:
    return SessionMessage(mcp_types.JSONRPCResponse(jsonrpc="2.0", id=number, result={"text": "x" * size}))


async def refused(rejection: Rejection) -> None:
    raise AssertionError(rejection)


@pytest.fixture(params=["polling", "threads"])
def threads(request: pytest.FixtureRequest) -> bool:
    """Whether threads read and write, as on Windows."""
    return bool(request.param == "threads")


def sink(
    writing: int, threads: bool, shutdown: Shutdown | None = None, serving: anyio.CancelScope | None = None
) -> MessageWriter:
    bytes_out = ThreadedSink(writing) if threads else PolledSink(writing)
    return MessageWriter(bytes_out, Discovery(None), shutdown or Shutdown(), serving or anyio.CancelScope())


def reader(reading: int, threads: bool) -> MessageReader:
    return MessageReader(ThreadedSource(reading) if threads else PolledSource(reading), Discovery(None), refused)


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
