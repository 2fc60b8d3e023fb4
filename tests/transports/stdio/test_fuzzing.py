"""Any bytes may come from a client, in any pieces: every request gets one response, and nothing else changes."""

import itertools
import json
import os
from collections.abc import Iterator, Sequence

import anyio
import mcp_types
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage

from mogplex_mcp.transports.stdio.messages import Rejection
from mogplex_mcp.transports.stdio.reader import MessageReader
from tests.transports.processes import lines
from tests.transports.talking import request, talking

Form = tuple[bool, object, dict[str, object], bytes, bool]

SMALL = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]), st.just({}))
# What comes behind the id may be anything: a message, or no message.
MEMBERS = st.dictionaries(st.sampled_from(["jsonrpc", "params", "error", "result", "_meta", "Id"]), SMALL, max_size=3)
METHODS = st.sampled_from(["ping", "tools/list", "nosuch", "", "\ud800", 7, None])
DAMAGE = st.sampled_from([b"", b"", b"\xff", b"\x00", b"\\", b"}", b"]", b",", b"{", b'"', b"\r"])
GARBAGE = st.binary(max_size=40).filter(lambda text: b"\n" not in text and not text.lstrip().startswith((b"{", b"[")))
REQUESTS = st.tuples(st.booleans(), METHODS, MEMBERS, DAMAGE, st.booleans())


def line_of(number: int, form: Form) -> bytes:
    """A line in which the id of a request can be found."""
    as_text, method, members, damage, is_versioned = form
    message = {"id": f"f{number}" if as_text else number, "method": method, **members}
    if is_versioned:
        message["jsonrpc"] = "2.0"
    return json.dumps(message).encode() + damage


class Chunks:
    """A source of bytes that come in given pieces."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = [*filter(None, chunks), b""]

    async def wait(self) -> None:
        await anyio.lowlevel.checkpoint()

    def take(self) -> bytes:
        return self._chunks.pop(0)


def ids_of(chunks: Sequence[bytes]) -> list[object]:
    """The ids of all requests and errors, in order; None for errors without one."""
    ids: list[object] = []

    async def reject(rejection: Rejection) -> None:
        ids.append(json.loads(rejection.line)["id"])

    async def read() -> None:
        async for item in MessageReader(Chunks(chunks), reject):
            assert isinstance(item, SessionMessage)
            if isinstance(item.message, mcp_types.JSONRPCRequest):
                ids.append(item.message.id)

    anyio.run(read)
    return ids


def pieces(data: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    bounds = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return (data[start:end] for start, end in itertools.pairwise(bounds))


@settings(max_examples=150, deadline=None)
@given(st.lists(REQUESTS | GARBAGE, max_size=8), st.lists(st.integers(0, 10_000), max_size=6))
def test_every_request_is_read_or_refused_exactly_once(forms: list[Form | bytes], cuts: list[int]) -> None:
    said = [line_of(number, one) if isinstance(one, tuple) else one for number, one in enumerate(forms)]
    data = b"".join(line + b"\n" for line in said)
    ids = [one for one in ids_of(list(pieces(data, cuts))) if one is not None]
    assert [str(one).removeprefix("f") for one in ids] == [
        str(number) for number, one in enumerate(forms) if isinstance(one, tuple)
    ]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 10_000), max_size=6))
def test_pieces_make_no_difference(data: bytes, cuts: list[int]) -> None:
    assert ids_of(list(pieces(data, cuts))) == ids_of([data])


@pytest.mark.usefixtures("stdio")
@settings(max_examples=2, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_process_answers_every_request_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    forms = data.draw(st.lists(REQUESTS | GARBAGE, min_size=100, max_size=200))
    said = [line_of(number, one) if isinstance(one, tuple) else one for number, one in enumerate(forms, 100)]
    with talking(tmp_path_factory.mktemp("home"), "--demo") as talk:
        stdin = lines(talk.running.stdin)
        for piece in pieces(b"".join(line + b"\n" for line in said), data.draw(st.lists(st.integers(0, 10_000)))):
            os.write(stdin.fileno(), piece)
        talk.say(request(2, "ping"))
        stdin.close()
        heard = [json.loads(line)["id"] for line in lines(talk.running.stdout)]
        assert lines(talk.running.stderr).read() == ""
    expected = [str(number) for number, one in enumerate(forms, 100) if isinstance(one, tuple)]
    assert sorted(str(one).removeprefix("f") for one in heard if one is not None) == sorted([*expected, "2"])
