"""HTTP/1.1 over a transport whose other side is the test."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.faults import SilenceError, TransportError
from mogplex_mcp.api.http_connection import HttpConnection

pytestmark = pytest.mark.anyio

REQUEST = b"GET / HTTP/1.1\r\n\r\n"
SILENCE = 20.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Piece = bytes | float | Exception | None
"""Of what the other side does: it sends this, waits so many seconds, resets the connection, closes it."""
CLOSED: Final = None
RESET: Final = ConnectionResetError()


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    return virtual_time


class Transport(asyncio.Transport):
    """Has the other side act when it is written to."""

    def __init__(self, connection: HttpConnection) -> None:
        super().__init__()
        self.connection = connection
        self.pieces: list[Piece] = []
        self.sent: list[bytes] = []
        self.socket, self.other_side = socket.socketpair()
        self._acting: asyncio.Task[None] | None = None
        self._is_closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"socket": self.socket}.get(name, default)

    def write(self, data: Any) -> None:
        self.sent.append(data)
        self._acting = asyncio.get_running_loop().create_task(self._act())

    async def _act(self) -> None:
        for piece in self.pieces:
            match piece:
                case bytes():
                    self.connection.data_received(piece)
                    await asyncio.sleep(0)
                case float():
                    await asyncio.sleep(piece)
                case _:
                    self.connection.connection_lost(piece)

    def is_closing(self) -> bool:
        return self._is_closing

    def abort(self) -> None:
        self._is_closing = True
        self.socket.close()
        self.other_side.close()


class Conversation:
    """A connection over such a transport."""

    def __init__(self) -> None:
        self.connection = HttpConnection()
        self.transport = Transport(self.connection)
        self.connection.connection_made(self.transport)

    async def ask(self, *pieces: Piece) -> tuple[int, Mapping[str, str], bytes]:
        """Ask the other side, which does all this."""
        self.transport.pieces = list(pieces)
        answer = await self.connection.ask(REQUEST, SILENCE)
        assert self.transport.sent[-1] == REQUEST
        return answer.status, answer.headers, b"".join([chunk async for chunk in answer.chunks])

    async def fails(self, *pieces: Piece) -> str:
        """What is said when there is no answer; the connection cannot be used again."""
        with pytest.raises(TransportError) as caught:
            await self.ask(*pieces)
        assert not self.connection.is_free
        return str(caught.value)


@contextlib.contextmanager
def talking() -> Iterator[Conversation]:
    conversation = Conversation()
    yield conversation
    conversation.connection.close()


@pytest.fixture
def conversation() -> Iterator[Conversation]:
    with talking() as conversation:
        yield conversation


def with_length(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def in_chunks(body: bytes) -> bytes:
    halves = [one for one in (body[: len(body) // 2], body[len(body) // 2 :]) if one]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in halves)
    return b"HTTP/1.1 200 OK\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % chunks


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(body=st.binary(max_size=300), form=st.sampled_from([with_length, in_chunks]), cuts=st.lists(st.integers(0, 500)))
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(
    body: bytes, form: Callable[[bytes], bytes], cuts: list[int]
) -> None:
    async def ask() -> None:
        with talking() as conversation:
            status, headers, read = await conversation.ask(*pieces(form(body), cuts))
            assert (status, headers["x-one"], read) == (200, "1", body)
            assert conversation.connection.is_free
            assert await conversation.ask(*pieces(OK, cuts)) == (200, {"content-length": "2"}, b"{}")

    anyio.run(ask)


@given(body=st.binary(min_size=1, max_size=300), form=st.sampled_from([with_length, in_chunks]), data=st.data())
def test_an_answer_that_is_cut_anywhere_is_no_answer(
    body: bytes, form: Callable[[bytes], bytes], data: st.DataObject
) -> None:
    whole = form(body)
    cut = data.draw(st.integers(0, len(whole) - 1))

    async def ask() -> None:
        with talking() as conversation:
            assert "it was closed" in await conversation.fails(*([whole[:cut]] if cut else []), CLOSED)

    anyio.run(ask)


@given(garbage=st.binary(max_size=200))
def test_garbage_is_an_answer_or_a_fault_and_nothing_else(garbage: bytes) -> None:
    async def ask() -> None:
        with talking() as conversation, contextlib.suppress(TransportError):
            await conversation.ask(b"HTTP/1.1 " + garbage, CLOSED)

    anyio.run(ask)


async def test_a_body_without_a_length_ends_with_the_connection(conversation: Conversation) -> None:
    assert await conversation.ask(b"HTTP/1.1 200 OK\r\n\r\n{", b"}", CLOSED) == (200, {}, b"{}")
    assert not conversation.connection.is_free


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: Close\r\n",
    ],
)
async def test_a_connection_that_the_other_side_wants_to_close_is_not_used_again(
    conversation: Conversation, head: bytes
) -> None:
    assert (await conversation.ask(head + b"Content-Length: 2\r\n\r\n{}"))[2] == b"{}"
    assert not conversation.connection.is_free


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_that_can_have_no_body_has_none(conversation: Conversation, status: bytes) -> None:
    assert (await conversation.ask(b"HTTP/1.1 %b\r\n\r\n" % status))[2] == b""
    assert conversation.connection.is_free


async def test_what_comes_before_an_answer_is_not_taken_for_it(conversation: Conversation) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    assert await conversation.ask(interim + OK) == (200, {"content-length": "2"}, b"{}")
    assert conversation.connection.is_free


@pytest.mark.parametrize("more", [OK, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"garbage\r\n\r\n", b"\0"])
async def test_what_nobody_asked_for_is_in_no_answer_and_ends_the_connection(
    conversation: Conversation, more: bytes
) -> None:
    assert await conversation.ask(OK + more) == (200, {"content-length": "2"}, b"{}")
    assert not conversation.connection.is_free


async def test_what_comes_unasked_later_ends_the_connection_too(conversation: Conversation) -> None:
    await conversation.ask(OK)
    assert not conversation.connection.is_stale()
    conversation.connection.data_received(OK)
    assert conversation.connection.is_stale()


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.9 mog_secret\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\1\2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_is_said_without_a_word_of_it(conversation: Conversation, sent: bytes) -> None:
    assert await conversation.fails(sent) == "what it sent is not HTTP"


async def test_a_head_without_an_end_is_not_read_for_ever(conversation: Conversation) -> None:
    lines = [b"X: " + b"x" * 10_000 + b"\r\n"] * 20
    assert await conversation.fails(b"HTTP/1.1 200 OK\r\n", *lines) == "the head of its answer does not end"


@pytest.mark.parametrize("before", [[], [OK[:10]], [OK[:-1]]])
async def test_silence_before_or_within_an_answer_has_an_end(conversation: Conversation, before: list[bytes]) -> None:
    started = anyio.current_time()
    with pytest.raises(SilenceError):
        await conversation.ask(*before, SILENCE + 1, OK)
    assert anyio.current_time() - started == pytest.approx(SILENCE)
    assert not conversation.connection.is_free


async def test_a_body_that_comes_now_and_then_is_waited_for(conversation: Conversation) -> None:
    head, body = OK.split(b"{")
    assert (await conversation.ask(head, SILENCE - 1, b"{", SILENCE - 1, body))[2] == b"{}"


@pytest.mark.parametrize("before", [[], [OK[:10]], [OK[:-1]]])
async def test_a_reset_before_or_within_an_answer_is_a_fault(conversation: Conversation, before: list[bytes]) -> None:
    assert await conversation.fails(*before, RESET) == "it was reset"


async def test_an_answer_that_is_here_is_not_lost_by_a_reset_behind_it(conversation: Conversation) -> None:
    assert (await conversation.ask(OK, RESET))[2] == b"{}"


async def test_a_request_on_a_connection_that_is_lost_has_no_answer(conversation: Conversation) -> None:
    conversation.connection.connection_lost(None)
    assert await conversation.fails() == "it was closed without an answer"


async def test_a_connection_is_stale_when_there_is_something_to_read_or_it_is_closed(
    conversation: Conversation,
) -> None:
    await conversation.ask(OK)
    assert not conversation.connection.is_stale()
    conversation.transport.other_side.send(b"x")
    assert conversation.connection.is_stale()
    conversation.transport.socket.recv(1)
    assert not conversation.connection.is_stale()
    conversation.connection.close()
    assert conversation.connection.is_stale()
