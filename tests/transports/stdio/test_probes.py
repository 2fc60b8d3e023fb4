"""A probe decides nothing: what the client sends next does."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import mcp_types
import pytest
from anyio.abc import ObjectSendStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.server.app import create_server
from mogplex_mcp.transports.request_tracking import InboundStream, OpenRequests, OutboundStream
from mogplex_mcp.transports.stdio.probes import serve_both_eras

pytestmark = pytest.mark.anyio

PREFIX = "io.modelcontextprotocol/"
ENVELOPE = {
    f"{PREFIX}protocolVersion": "2026-07-28",
    f"{PREFIX}clientInfo": {"name": "test", "version": "1"},
    f"{PREFIX}clientCapabilities": {},
}
PROBE = ("server/discover", {"_meta": ENVELOPE})
INITIALIZE = (
    "initialize",
    {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
)
LIST: tuple[str, dict[str, Any]] = ("tools/list", {})
LIST_2026 = ("tools/list", {"_meta": ENVELOPE})

Ends = tuple[MemoryObjectSendStream[SessionMessage | Exception], MemoryObjectReceiveStream[SessionMessage]]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    """The client's ends of a connection."""
    requests = OpenRequests()
    to_server, inbound = anyio.create_memory_object_stream[SessionMessage | Exception](9)
    outbound, from_server = anyio.create_memory_object_stream[SessionMessage](9)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks, from_server:
            tasks.start_soon(
                serve_both_eras,
                create_server(Settings(demo=True)),
                InboundStream(inbound, requests, Shutdown()),
                OutboundStream(_Kept(outbound), requests),
                requests,
            )
            async with to_server, inbound, outbound:
                yield to_server, from_server


class _Kept(ObjectSendStream[SessionMessage]):
    """A stream that outlives its connections, as a transport's does."""

    def __init__(self, stream: MemoryObjectSendStream[SessionMessage]) -> None:
        self._stream = stream

    async def send(self, item: SessionMessage) -> None:
        await self._stream.send(item)

    async def aclose(self) -> None:
        pass


async def ask(ends: Ends, *requests: tuple[str, dict[str, Any]]) -> list[bool]:
    """Whether each request is answered with a result, in the order of the requests, which are sent at once."""
    for number, (method, params) in enumerate(requests):
        request = mcp_types.JSONRPCRequest(jsonrpc="2.0", id=number, method=method, params=params)
        await ends[0].send(SessionMessage(request))
    answered = {}
    for _ in requests:
        message = (await ends[1].receive()).message
        assert isinstance(message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError)
        answered[message.id] = isinstance(message, mcp_types.JSONRPCResponse)
    return [answered[number] for number in range(len(requests))]


async def test_initialize_is_served_after_a_probe_that_was_answered(ends: Ends) -> None:
    assert await ask(ends, PROBE) == [True]
    assert await ask(ends, INITIALIZE) == [True]
    assert await ask(ends, LIST, LIST_2026) == [True, False]


async def test_a_probe_and_what_follows_may_come_at_once(ends: Ends) -> None:
    assert await ask(ends, PROBE, PROBE, LIST_2026, INITIALIZE) == [True, True, True, False]


async def test_initialize_is_served_together_with_a_late_probe(ends: Ends) -> None:
    assert await ask(ends, PROBE, INITIALIZE, LIST) == [True, True, True]
