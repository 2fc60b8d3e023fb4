"""One connection, and what goes over it: HTTP/1.1, one request at a time (RFC 9112).

A library's sockets and a library's parser, without a client between them: one that can do all that HTTP can takes
longer for each request than everything else that a call needs.
"""

import selectors
from collections.abc import AsyncIterator
from typing import Final

import anyio
import httptools
from anyio.abc import ByteStream, SocketAttribute

from mogplex_mcp.api.connection import Response
from mogplex_mcp.api.faults import SilenceError, TransportError

_LONGEST_HEAD: Final = 100 * 1024
_INTERIM: Final = range(100, 200)  # statuses of what comes before an answer
# Needs no descriptor of its own, where the system can do that.
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


class HttpConnection:
    """A connection that is open.

    Args:
        stream: Its bytes.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._socket = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - this is no SQL
        self._readable = _Selector()
        self._readable.register(self._socket, selectors.EVENT_READ)
        self._answer = _Answer()
        self._silence = 0.0

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
        with anyio.move_on_after(silence):
            await self._send(request)
            while not self._answer.has_head:
                await self._read()
            return Response(self._answer.status, self._answer.headers, self._body(), self._stream)
        raise SilenceError

    @property
    def is_free(self) -> bool:
        """Whether all of the last answer is here, and another may follow."""
        return self._answer.leaves_open

    def is_stale(self) -> bool:
        """Whether the other side has closed it, or said what nobody asked for."""
        return self._socket.fileno() < 0 or bool(self._readable.select(0))

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()

    async def _send(self, request: bytes) -> None:
        try:
            await self._stream.send(request)
        except (anyio.BrokenResourceError, OSError):
            # Who closes without reading all of a request may have said why: what can be read tells.
            return

    async def _body(self) -> AsyncIterator[bytes]:
        while True:
            for chunk in self._answer.taken_chunks():
                yield chunk
            if self._answer.is_whole:
                return
            with anyio.move_on_after(self._silence) as waiting:
                await self._read()
            if waiting.cancelled_caught:
                raise SilenceError

    async def _read(self) -> None:
        """Read what comes next of an answer."""
        try:
            data = await self._stream.receive()
        except anyio.EndOfStream:
            self._answer.end()
        except (anyio.BrokenResourceError, OSError) as error:
            raise TransportError("it was reset") from error
        else:
            self._answer.take(data)


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
