"""One connection, and what goes over it: HTTP/1.1, one request at a time (RFC 9112).

The event loop's connections and a library's parser, without a client between them: one that can do all that HTTP can
takes longer for each request than everything else that a call needs.
"""

import asyncio
import selectors
from collections.abc import AsyncIterator
from typing import Final

import anyio
import httptools

from mogplex_mcp.api.connection import Response
from mogplex_mcp.api.faults import SilenceError, TransportError

_LONGEST_HEAD: Final = 100 * 1024
_INTERIM: Final = range(100, 200)  # statuses of what comes before an answer
# Needs no descriptor of its own, where the system can do that.
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


class HttpConnection(asyncio.Protocol):
    """A connection. The event loop calls the methods that `asyncio.Protocol` has.

    Attributes:
        transport: What it sends over.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._answer = _Answer()
        self._silence = 0.0
        self._waiting: asyncio.Future[None] | None = None
        self._fault: TransportError | None = None
        self._is_lost = False

    async def ask(self, request: bytes, silence: float) -> Response:
        """Send a request; the answer's body is still to be read.

        Args:
            request: Head and body.
            silence: Within how many seconds the head of an answer has to be there, and then each part of its body.

        Raises:
            TransportError: Here, or while the body is read.
        """
        self._silence = silence
        self._answer.expect()
        self.transport.write(request)
        with anyio.move_on_after(silence):
            while not self._answer.has_head:
                await self._more()
            return Response(self._answer.status, self._answer.headers, self._body(), self.transport)
        raise SilenceError

    @property
    def is_free(self) -> bool:
        """Whether all of the last answer is here, and another may follow."""
        return self._answer.leaves_open

    def is_stale(self) -> bool:
        """Whether the other side has closed it, or said what nobody asked for; also when the loop has not heard yet."""
        return not self.is_free or self.transport.is_closing() or bool(self._readable.select(0))

    def close(self) -> None:
        """Close it, whatever is under way."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to send over."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a connection that cannot be written to")
        self.transport = transport
        self._readable = _Selector()
        self._readable.register(transport.get_extra_info("socket"), selectors.EVENT_READ)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        try:
            self._answer.take(data)
        except TransportError as fault:
            self._fault = fault
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take that there is nothing more to come."""
        self._is_lost = True
        if exc is not None:
            self._fault = self._fault or TransportError("it was reset")
        self._wake()

    async def _body(self) -> AsyncIterator[bytes]:
        while True:
            for chunk in self._answer.taken_chunks():
                yield chunk
            if self._answer.is_whole:
                return
            with anyio.move_on_after(self._silence) as waiting:
                await self._more()
            if waiting.cancelled_caught:
                raise SilenceError

    async def _more(self) -> None:
        """Wait for more of an answer."""
        if self._fault is not None:
            raise self._fault
        if self._is_lost:
            self._answer.end()
        else:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class _Answer:
    """What has come of the answer to the last request. The parser calls the methods of such names."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.expect()

    def expect(self) -> None:
        """Forget the one before."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_head = False
        self.is_whole = False
        self.leaves_open = False
        self._chunks: list[bytes] = []
        self._head_bytes = 0

    def take(self, data: bytes) -> None:
        """Take what was read.

        Raises:
            TransportError: It is no answer.
        """
        if not self.has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.leaves_open = False
            if not self.is_whole:
                # What the parser says of it may have words of the other side.
                raise TransportError("what it sent is not HTTP") from None
        if not self.has_head and self._head_bytes > _LONGEST_HEAD:
            raise TransportError("the head of its answer does not end")

    def end(self) -> None:
        """Take that the other side has closed.

        Raises:
            TransportError: Something is missing.
        """
        if not self._head_bytes:
            raise TransportError("it was closed without an answer")
        tells_its_end = "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "")
        if not self.has_head or tells_its_end:
            raise TransportError("it was closed within an answer")
        self.is_whole = True

    def taken_chunks(self) -> list[bytes]:
        """What has come of the body since the last time."""
        chunks, self._chunks = self._chunks, []
        return chunks

    def on_message_begin(self) -> None:
        if self.is_whole:
            raise ValueError("nobody asked for a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.has_head = self.status not in _INTERIM
        if not self.has_head:
            self.headers.clear()

    def on_body(self, chunk: bytes) -> None:
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        if self.has_head:
            self.is_whole = True
            self.leaves_open = self._parser.should_keep_alive()
