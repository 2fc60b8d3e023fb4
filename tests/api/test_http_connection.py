"""HTTP/1.1 over a stream that is written by the test."""

import contextlib
import itertools
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.faults import SilenceError, TransportError
from mogplex_mcp.api.http_connection import HttpConnection

pytestmark = pytest.mark.anyio

REQUEST = b"GET / HTTP/1.1\r\n\r\n"
SILENCE = 20.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    return virtual_time


class Stream(ByteStream):
    """What the other side sends is a list of pieces; an exception in it is raised, a number is so many seconds."""

    def __init__(self, *pieces: bytes | Exception | float) -> None:
        self.pieces = list(pieces)
        self.sent: list[bytes] = []
        self.refuses = False
        self.socket, self.other_side = socket.socketpair()

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        while self.pieces:
            match self.pieces.pop(0):
                case bytes() as data:
                    return data
                case Exception() as error:
                    raise error
                case seconds:
                    await anyio.sleep(seconds)
        raise anyio.EndOfStream

    async def send(self, item: bytes) -> None:
        if self.refuses:
            raise anyio.BrokenResourceError
        self.sent.append(item)

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()
        self.other_side.close()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return {SocketAttribute.raw_socket: lambda: self.socket}


class Conversation:
    """A connection over such a stream."""

    def __init__(self, *pieces: bytes | Exception | float) -> None:
        self.stream = Stream(*pieces)
        self.connection = HttpConnection(self.stream)

    async def ask(self) -> tuple[int, Mapping[str, str], bytes]:
        answer = await self.connection.ask(REQUEST, SILENCE)
        return answer.status, answer.headers, b"".join([chunk async for chunk in answer.chunks])

    async def fails(self) -> str:
        """What is said when there is no answer; the connection cannot be used again."""
        with pytest.raises(TransportError) as caught:
            await self.ask()
        assert not self.connection.is_free
        return str(caught.value)


Converse = Callable[..., Conversation]


@pytest.fixture
def converse() -> Iterator[Converse]:
    """Makes conversations."""
    made: list[Conversation] = []

    def converse(*pieces: bytes | Exception | float) -> Conversation:
        made.append(Conversation(*pieces))
        return made[-1]

    yield converse
    for one in made:
        one.stream.close()


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
        conversation = Conversation(*pieces(form(body), cuts), *pieces(OK, cuts))
        status, headers, read = await conversation.ask()
        assert (status, headers["x-one"], read) == (200, "1", body)
        assert conversation.connection.is_free
        assert await conversation.ask() == (200, {"content-length": "2"}, b"{}")
        await conversation.connection.aclose()

    anyio.run(ask)


@given(body=st.binary(min_size=1, max_size=300), form=st.sampled_from([with_length, in_chunks]), data=st.data())
def test_an_answer_that_is_cut_anywhere_is_no_answer(
    body: bytes, form: Callable[[bytes], bytes], data: st.DataObject
) -> None:
    whole = form(body)
    cut = data.draw(st.integers(0, len(whole) - 1))

    async def ask() -> None:
        conversation = Conversation(*pieces(whole[:cut], []))
        assert "it was closed" in await conversation.fails()
        await conversation.connection.aclose()

    anyio.run(ask)


@given(garbage=st.binary(max_size=200))
def test_garbage_is_an_answer_or_a_fault_and_nothing_else(garbage: bytes) -> None:
    async def ask() -> None:
        conversation = Conversation(b"HTTP/1.1 " + garbage)
        with contextlib.suppress(TransportError):
            await conversation.ask()
        await conversation.connection.aclose()

    anyio.run(ask)


async def test_a_body_without_a_length_ends_with_the_connection(converse: Converse) -> None:
    conversation = converse(b"HTTP/1.1 200 OK\r\n\r\n{", b"}")
    assert await conversation.ask() == (200, {}, b"{}")
    assert not conversation.connection.is_free


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.1 200 OK\r\nconnection: Close\r\n"],
)
async def test_a_connection_that_the_other_side_wants_to_close_is_not_used_again(
    converse: Converse, head: bytes
) -> None:
    conversation = converse(head + b"Content-Length: 2\r\n\r\n{}")
    assert (await conversation.ask())[2] == b"{}"
    assert not conversation.connection.is_free


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_that_can_have_no_body_has_none(converse: Converse, status: bytes) -> None:
    conversation = converse(b"HTTP/1.1 %b\r\n\r\n" % status)
    assert (await conversation.ask())[2] == b""
    assert conversation.connection.is_free


async def test_what_comes_before_an_answer_is_not_taken_for_it(converse: Converse) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    assert await converse(interim + OK).ask() == (200, {"content-length": "2"}, b"{}")


@pytest.mark.parametrize("more", [OK, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"garbage\r\n\r\n", b"\0"])
async def test_what_nobody_asked_for_is_in_no_answer_and_ends_the_connection(converse: Converse, more: bytes) -> None:
    conversation = converse(OK + more)
    assert await conversation.ask() == (200, {"content-length": "2"}, b"{}")
    assert not conversation.connection.is_free


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.9 mog_secret\r\n", "what it sent is not HTTP"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\1\2", "what it sent is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "what it sent is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", "what it sent is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "what it sent is not HTTP"),
    ],
)
async def test_what_is_not_http_is_said_without_a_word_of_it(converse: Converse, sent: bytes, said: str) -> None:
    assert await converse(sent).fails() == said


async def test_a_head_without_an_end_is_not_read_for_ever(converse: Converse) -> None:
    conversation = converse(b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"x" * 10_000 + b"\r\n"] * 1_000)
    assert await conversation.fails() == "the head of its answer does not end"
    assert len(conversation.stream.pieces) > 980


@pytest.mark.parametrize("before", [[], [OK[:10]], [OK[:-1]]])
async def test_silence_before_or_within_an_answer_has_an_end(converse: Converse, before: list[bytes]) -> None:
    conversation = converse(*before, SILENCE + 1, OK)
    started = anyio.current_time()
    with pytest.raises(SilenceError):
        await conversation.ask()
    assert anyio.current_time() - started == pytest.approx(SILENCE)
    assert not conversation.connection.is_free


async def test_whoever_says_something_now_and_then_is_waited_for(converse: Converse) -> None:
    head, body = OK.split(b"{")
    slow = [head, *(part for byte in b"{" + body for part in (SILENCE - 1, bytes([byte])))]
    assert (await converse(*slow).ask())[2] == b"{}"


async def test_an_answer_to_a_request_that_was_not_taken_whole_is_read(converse: Converse) -> None:
    conversation = converse(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    conversation.stream.refuses = True
    assert (await conversation.ask())[0] == 413


async def test_a_request_that_was_not_taken_and_has_no_answer_fails(converse: Converse) -> None:
    conversation = converse(anyio.BrokenResourceError())
    conversation.stream.refuses = True
    assert await conversation.fails() == "it was reset"


async def test_a_request_that_nobody_takes_has_an_end(converse: Converse) -> None:
    conversation = converse(OK)
    conversation.stream.send = lambda item: anyio.sleep_forever()  # type: ignore[method-assign] # a full pipe
    with pytest.raises(SilenceError):
        await conversation.ask()


async def test_a_connection_is_stale_when_there_is_something_to_read_or_it_is_closed(converse: Converse) -> None:
    conversation = converse()
    assert not conversation.connection.is_stale()
    conversation.stream.other_side.send(b"x")
    assert conversation.connection.is_stale()
    await conversation.connection.aclose()
    assert conversation.connection.is_stale()
