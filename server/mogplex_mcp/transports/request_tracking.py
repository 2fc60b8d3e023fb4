"""Tracking of open requests between a transport and the server, for a graceful shutdown.

Once the shutdown has begun no message is received any more, but the server sees the end of the inbound stream only when
all earlier requests are answered. So a client that closes stdin after a burst of requests gets all responses.
"""

from collections import Counter

import anyio
import mcp_types
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.message import SessionMessage

from mogplex_mcp.core.shutdown import ANSWER_SECONDS, AT_ONCE, Shutdown


class OpenRequests:
    """The requests of a client that were received and are not answered yet."""

    def __init__(self) -> None:
        self._open: Counter[mcp_types.RequestId] = Counter()
        self._changed = anyio.Event()

    def received(self, message: mcp_types.JSONRPCMessage) -> None:
        """Track a message from the client: a request opens, a cancellation closes one."""
        if isinstance(message, mcp_types.JSONRPCRequest):
            self._open[message.id] += 1
        elif isinstance(message, mcp_types.JSONRPCNotification) and message.method == "notifications/cancelled":
            self._close((message.params or {}).get("requestId"))

    def sent(self, message: mcp_types.JSONRPCMessage) -> None:
        """Track a message to the client: a response closes its request."""
        if isinstance(message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError):
            self._close(message.id)

    async def wait_until_answered(self) -> None:
        """Wait until there are none."""
        while self._open:
            self._changed = anyio.Event()
            await self._changed.wait()

    def _close(self, request: object) -> None:
        if isinstance(request, str | int) and request in self._open:
            self._open[request] -= 1
            if not self._open[request]:
                del self._open[request]
            self._changed.set()


class InboundStream(ObjectReceiveStream[SessionMessage | Exception]):
    """Messages from the client. The end of the stream begins the shutdown, and the shutdown ends the stream."""

    def __init__(
        self,
        stream: ObjectReceiveStream[SessionMessage | Exception],
        requests: OpenRequests,
        shutdown: Shutdown,
    ) -> None:
        self._stream = stream
        self._requests = requests
        self._shutdown = shutdown

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message.

        Raises:
            EndOfStream: There are no more, and all requests are answered or the time for that is over.
        """
        with self._shutdown.within(AT_ONCE):
            try:
                item = await self._stream.receive()
            except anyio.EndOfStream:
                self._shutdown.begin()
            else:
                if isinstance(item, SessionMessage):
                    self._requests.received(item.message)
                return item
        with self._shutdown.within(ANSWER_SECONDS):
            await self._requests.wait_until_answered()
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()


class OutboundStream(ObjectSendStream[SessionMessage]):
    """Messages to the client."""

    def __init__(self, stream: ObjectSendStream[SessionMessage], requests: OpenRequests) -> None:
        self._stream = stream
        self._requests = requests

    async def send(self, item: SessionMessage) -> None:
        """Send a message."""
        await self._stream.send(item)
        self._requests.sent(item.message)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()
