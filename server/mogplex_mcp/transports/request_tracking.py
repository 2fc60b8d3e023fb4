"""The streams between a transport and the server, so that a conversation ends in order.

From the end on no message is taken in, and the server hears that there are no more only when all requests before are
answered. A client that closes its side behind a burst of messages so gets all its answers.
"""

from collections import Counter

import anyio
import mcp_types
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.message import SessionMessage

from mogplex_mcp.core.shutdown import ANSWER_SECONDS, AT_ONCE, Shutdown


class Unanswered:
    """The requests of a client that were taken in and are not answered yet."""

    def __init__(self) -> None:
        self._requests: Counter[mcp_types.RequestId] = Counter()
        self._fewer = anyio.Event()

    def asked(self, message: mcp_types.JSONRPCMessage) -> None:
        """Note a message of the client: a request, or that it wants no answer any more."""
        if isinstance(message, mcp_types.JSONRPCRequest):
            self._requests[message.id] += 1
        elif isinstance(message, mcp_types.JSONRPCNotification) and message.method == "notifications/cancelled":
            self._settle((message.params or {}).get("requestId"))

    def answered(self, message: mcp_types.JSONRPCMessage) -> None:
        """Note a message to the client."""
        if isinstance(message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError):
            self._settle(message.id)

    async def wait_for_none(self) -> None:
        """Wait until all are answered."""
        while self._requests:
            self._fewer = anyio.Event()
            await self._fewer.wait()

    def _settle(self, request: object) -> None:
        if isinstance(request, str | int) and request in self._requests:
            self._requests[request] -= 1
            if not self._requests[request]:
                del self._requests[request]
            self._fewer.set()


class Questions(ObjectReceiveStream[SessionMessage | Exception]):
    """What the client says; its end lets the end of the process begin, and the other way round."""

    def __init__(
        self,
        stream: ObjectReceiveStream[SessionMessage | Exception],
        unanswered: Unanswered,
        shutdown: Shutdown,
    ) -> None:
        self._stream = stream
        self._unanswered = unanswered
        self._shutdown = shutdown

    async def receive(self) -> SessionMessage | Exception:
        """The next message.

        Raises:
            EndOfStream: There are no more, and all requests are answered or nobody can wait for that any longer.
        """
        with self._shutdown.within(AT_ONCE):
            try:
                item = await self._stream.receive()
            except anyio.EndOfStream:
                self._shutdown.begin()
            else:
                if isinstance(item, SessionMessage):
                    self._unanswered.asked(item.message)
                return item
        with self._shutdown.within(ANSWER_SECONDS):
            await self._unanswered.wait_for_none()
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()


class Answers(ObjectSendStream[SessionMessage]):
    """What the client is told."""

    def __init__(self, stream: ObjectSendStream[SessionMessage], unanswered: Unanswered) -> None:
        self._stream = stream
        self._unanswered = unanswered

    async def send(self, item: SessionMessage) -> None:
        """Send a message."""
        await self._stream.send(item)
        self._unanswered.answered(item.message)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()
