"""Minimal JSON-RPC clients on pipes and over HTTP, the same for all contenders.

Responses are only parsed if needed, so that the client is not what is measured.
"""

import asyncio
import json
import os
import re
import select
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

PROTOCOL_2025: Final = "2025-06-18"
PROTOCOL_2026: Final = "2026-07-28"
LARGEST_ANSWER: Final = 16 * 1024 * 1024
ANSWER_SECONDS: Final = 60.0
"""Timeout of a response, which may be queued behind 199 others of the slowest contender."""

_CLIENT: Final = {"name": "benchmark", "version": "1"}
_HELLO: Final = {"protocolVersion": PROTOCOL_2025, "capabilities": {}, "clientInfo": _CLIENT}
# In the 2026 protocol each request says what `initialize` said once.
_META_2026: Final = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL_2026,
    "io.modelcontextprotocol/clientInfo": _CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_MS: Final = 1_000
_READ_BYTES: Final = 1 << 20
# How long a pipe is left alone that takes nothing more.
_FULL_SECONDS: Final = 0.001
# The id stands at the start of an answer, or the answer is parsed.
_START: Final = 60
_IDENTIFIER: Final = re.compile(rb'"id":\s*(\d+)\s*,\s*"result"')
_FAILED: Final = re.compile(rb'"isError":\s*true')


class ContenderError(Exception):
    """A contender failed; the message says how."""


def reason(error: BaseException) -> str:
    """Return the error in one line; of several errors the first."""
    if isinstance(error, BaseExceptionGroup):
        return reason(error.exceptions[0])
    return str(error) if isinstance(error, ContenderError) else f"{type(error).__name__} {error}".strip()


class Client(ABC):
    """One client of one server.

    Args:
        modern: Whether to speak the 2026 protocol instead of that of 2025.
        answer_seconds: How long an answer may take.

    Attributes:
        asked: How many requests there were; the id of the last one.
        unanswered: How many of them got no result, or have not got it yet.
    """

    def __init__(self, *, modern: bool = False, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._modern = modern
        self._answer_seconds = answer_seconds
        self.asked = 0
        self.unanswered = 0

    async def open(self) -> bytes:
        """Initialise the connection, and return the first response."""
        if self._modern:
            return await self.request("server/discover", {})
        answer = await self.request("initialize", _HELLO)
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    async def request(self, method: str, params: Mapping[str, Any], *, alone: bool = False) -> bytes:
        """Send a request and return the whole JSON-RPC response.

        Args:
            method: Of JSON-RPC.
            params: Its parameters.
            alone: Whether nothing else is under way meanwhile.

        Raises:
            ContenderError: It is an error, or there is none.
        """
        self.asked += 1
        self.unanswered += 1
        params = {**params, "_meta": _META_2026} if self._modern else params
        message = {"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params}
        try:
            async with asyncio.timeout(self._answer_seconds):
                answer = await self._exchange(self.asked, message, alone=alone)
        except TimeoutError as error:
            raise ContenderError(f"{method} was not answered within {self._answer_seconds:g} s") from error
        except EOFError as error:
            raise ContenderError(f"{method} was not answered: the connection was closed") from error
        if b'"result"' not in answer or _FAILED.search(answer):
            raise ContenderError(f"{method} was answered by {answer[:300]!r}")
        self.unanswered -= 1
        return answer

    @abstractmethod
    async def _exchange(self, identifier: int, message: Mapping[str, Any], *, alone: bool) -> bytes:
        """Return the response to the request with this id."""

    @abstractmethod
    async def _send(self, message: Mapping[str, Any]) -> None:
        """Send what has no answer."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what is open."""


class StdioClient(Client):
    """A client on the pipes of a process; requests may overlap.

    Args:
        stdin: Leads to the process; closed with the client, as is the other.
        stdout: Comes from it.
        more: See `Client`.
    """

    def __init__(self, stdin: int, stdout: int, **more: Any) -> None:
        super().__init__(**more)
        self._stdin, self._stdout = stdin, stdout
        for descriptor in (stdin, stdout):
            os.set_blocking(descriptor, False)
        self._pending = b""
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._over = ""
        asyncio.get_running_loop().add_reader(stdout, self._read)

    async def _exchange(self, identifier: int, message: Mapping[str, Any], *, alone: bool) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[identifier] = answer
        try:
            await self._send(message)
            if alone:
                self._wait_for(answer)
            return await answer
        finally:
            self._waiting.pop(identifier, None)

    def _wait_for(self, answer: asyncio.Future[bytes]) -> None:
        """Read without the event loop, whose turns would be measured as well."""
        given_up = time.monotonic() + self._answer_seconds
        poll = select.poll()
        poll.register(self._stdout, select.POLLIN)
        while not answer.done() and (seconds := given_up - time.monotonic()) > 0:
            if poll.poll(seconds * _MS):
                self._read()

    async def _send(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        while line:
            if self._over:
                raise ContenderError(self._over)
            try:
                line = line[os.write(self._stdin, line) :]
            except BlockingIOError:
                await asyncio.sleep(_FULL_SECONDS)
            except BrokenPipeError:
                raise ContenderError("the process has ended") from None

    def _read(self) -> None:
        """Take what is there, if there is anything."""
        try:
            data = os.read(self._stdout, _READ_BYTES)
        except BlockingIOError:
            return
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            identifier = _answered(line)
            if identifier is not None and (waiting := self._waiting.get(identifier)) and not waiting.done():
                waiting.set_result(line)
        if not data:
            self._end("the process ended without an answer")
        elif len(self._pending) > LARGEST_ANSWER:
            self._end("a line was longer than any answer may be")

    def _end(self, reason: str) -> None:
        self._over = reason
        asyncio.get_running_loop().remove_reader(self._stdout)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ContenderError(reason))

    async def aclose(self) -> None:
        """Close the pipes, which ends a server."""
        asyncio.get_running_loop().remove_reader(self._stdout)
        for descriptor in (self._stdin, self._stdout):
            os.close(descriptor)


class HttpClient(Client):
    """A client of a Streamable HTTP endpoint that keeps as many connections as it has requests at the same time.

    Args:
        address: The endpoint.
        token: Its bearer token.
        more: See `Client`.
    """

    def __init__(self, address: str, token: str, **more: Any) -> None:
        super().__init__(**more)
        self._address = urlsplit(address)
        version = PROTOCOL_2026 if self._modern else PROTOCOL_2025
        self._head = (
            f"POST {self._address.path} HTTP/1.1\r\nHost: {self._address.netloc}\r\nAuthorization: Bearer {token}\r\n"
            "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
            f"MCP-Protocol-Version: {version}\r\n"
        )
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._opened: set[asyncio.StreamWriter] = set()

    async def _exchange(self, identifier: int, message: Mapping[str, Any], *, alone: bool) -> bytes:  # noqa: ARG002 - a connection is alone anyway
        body = await self._post(message)
        if body.startswith(b"{"):
            return body
        data = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
        found = [line for line in data if line and _answered(line) == identifier]
        if not found:
            raise ContenderError(f"no answer but {body[:300]!r}")
        return found[-1]

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._post(message)

    async def _post(self, message: Mapping[str, Any]) -> bytes:
        body = json.dumps(message, separators=(",", ":")).encode()
        # Only the 2026 protocol names the method in the head.
        method = f"Mcp-Method: {message['method']}\r\n" if self._modern else ""
        name = f"Mcp-Name: {message['params']['name']}\r\n" if self._modern and "name" in message["params"] else ""
        reader, writer = self._kept() or await self._connect()
        writer.write(f"{self._head}{method}{name}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer, kept = await self._answer(reader)
        if kept:
            self._free.append((reader, writer))
        else:
            self._close(writer)
        return answer

    def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return an idle connection that is still open; servers close idle ones after some seconds."""
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():
                return reader, writer
            self._close(writer)
        return None

    def _close(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        self._opened.discard(writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._address.hostname, self._address.port
        reader, writer = await asyncio.open_connection(host, port, limit=LARGEST_ANSWER)
        self._opened.add(writer)
        return reader, writer

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[bytes, bool]:
        """Return the body of a response, and whether its connection can be reused."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if not status.partition(" ")[2].startswith("2"):
            raise ContenderError(status)
        if (session := headers.get("mcp-session-id")) and "mcp-session-id" not in self._head.lower():
            self._head += f"Mcp-Session-Id: {session}\r\n"
        if headers.get("transfer-encoding", "") == "chunked":
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        return body, headers.get("connection", "").lower() != "close"

    async def aclose(self) -> None:
        """Close all connections, also those on which an answer was given up."""
        for writer in self._opened:
            writer.close()


def _answered(line: bytes) -> int | None:
    """Return the id of the request of a response; None if the line isn't a response."""
    if found := _IDENTIFIER.search(line, 0, _START):
        return int(found[1])
    try:
        message = json.loads(line)
    except ValueError:
        return None
    identifier = message.get("id") if isinstance(message, dict) and "method" not in message else None
    return identifier if isinstance(identifier, int) else None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body
