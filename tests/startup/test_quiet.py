"""What the server hears for the sake of comparing alone waits until its client is quiet."""

import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import mcp_types
import pytest
from mcp.shared.message import SessionMessage

from mogplex_mcp.startup.discovery import QUIET_SECONDS, Discovery
from mogplex_mcp.startup.early import Conversation, Listener
from mogplex_mcp.transports.stdio.messages import Rejection
from mogplex_mcp.transports.stdio.reader import MessageReader
from mogplex_mcp.transports.stdio.streams import PolledSource
from tests.startup.starts import initialize, request

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    return virtual_time


@pytest.fixture
def discovery(tmp_path: Path) -> Discovery:
    listener = Listener(Conversation(str(tmp_path), b""))
    listener.answered = [
        (listener.conversation, line.rstrip(b"\n"), b"") for line in (initialize(1), request(2, "tools/list"))
    ]
    listener.stop()
    return Discovery(listener)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


async def refused(rejection: Rejection) -> None:
    raise AssertionError(rejection)


async def test_deferred_requests_are_replayed_after_silence(discovery: Discovery, pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    source = MessageReader(PolledSource(reading), discovery, refused)

    async def next_method() -> str:
        item = await source.receive()
        assert isinstance(item, SessionMessage)
        assert isinstance(item.message, mcp_types.JSONRPCRequest)
        return item.message.method

    assert await next_method() == "initialize"
    os.write(writing, request(3, "tools/call"))
    assert await next_method() == "tools/call"
    began = anyio.current_time()
    assert await next_method() == "tools/list"
    assert anyio.current_time() - began >= QUIET_SECONDS
    os.write(writing, request(4, "ping"))
    assert await next_method() == "ping"
