"""What is kept for the next start, and what the server hears of what was answered for it."""

from pathlib import Path

import mcp_types
import pytest
from mcp.shared.message import SessionMessage

from mogplex_mcp.startup.discovery import CACHEABLE_METHODS, MOST_FILES, MOST_LINES, Discovery, as_line
from mogplex_mcp.startup.early import LONGEST_LINE, Conversation, Listener
from tests.startup.starts import INITIALIZED, initialize, request
from tests.systems import with_modes

LISTING = request(2, "tools/list")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "answers"


def conversation(folder: Path, *lines: bytes) -> Conversation:
    one = Conversation(str(folder), b"circumstances")
    for line in lines:
        one = one.then(line.rstrip(b"\n"))
    return one


def read(line: bytes) -> SessionMessage:
    return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(line))


def answer(number: mcp_types.RequestId, **result: str) -> mcp_types.JSONRPCResponse:
    return mcp_types.JSONRPCResponse(jsonrpc="2.0", id=number, result=result)


def ask(discovery: Discovery, *lines: bytes) -> None:
    for line in lines:
        discovery.received(line.rstrip(b"\n"), read(line))


def tell(discovery: Discovery, *messages: mcp_types.JSONRPCMessage) -> None:
    for message in messages:
        discovery.sent(message, as_line(message))


def known(folder: Path, *lines: bytes) -> bytes | None:
    return conversation(folder, *lines).known_answer()


def told_early(folder: Path, *said: tuple[bytes, bytes]) -> Discovery:
    """What follows a start at which that much was answered before the server was there."""
    listener = Listener(conversation(folder))
    for line, answered in said:
        listener.conversation = listener.conversation.then(line.rstrip(b"\n"))
        listener.answered.append((listener.conversation, line.rstrip(b"\n"), answered))
    listener.stop()
    return Discovery(listener)


def beginning(folder: Path) -> Discovery:
    return told_early(folder)


def test_first_requests_and_responses_are_cached(folder: Path) -> None:
    discovery = beginning(folder)
    ask(discovery, initialize(1), INITIALIZED, LISTING)
    tell(discovery, answer(2, of="tools"), answer(1, of="initialize"))
    assert known(folder) == b""
    assert known(folder, initialize(1)) == as_line(answer(1, of="initialize"))
    assert known(folder, initialize(1), INITIALIZED) == b""
    assert known(folder, initialize(1), INITIALIZED, LISTING) == as_line(answer(2, of="tools"))


def test_cached_response_depends_on_all_earlier_lines(folder: Path) -> None:
    discovery = beginning(folder)
    ask(discovery, initialize(1), LISTING)
    tell(discovery, answer(1), answer(2))
    assert known(folder, LISTING) is None
    assert known(folder, initialize(1, "2025-11-25"), LISTING) is None
    assert known(folder, initialize(1), INITIALIZED, LISTING) is None
    assert Conversation(str(folder), b"others").known_answer() is None


@pytest.mark.parametrize(
    "other",
    [
        request(7, "tools/call", {"name": "list_repos"}),
        request(7, "resources/list"),
        INITIALIZED[:-3] + b'","params":{}}',
    ],
)
def test_nothing_is_cached_after_an_uncacheable_message(other: bytes, folder: Path) -> None:
    discovery = beginning(folder)
    ask(discovery, initialize(1))
    discovery.received(other, read(other) if other.startswith(b'{"jsonrpc": ') else None)
    ask(discovery, LISTING)
    tell(discovery, answer(7), answer(1), answer(2))
    assert known(folder, initialize(1))
    assert known(folder, initialize(1), other) is None
    assert known(folder, initialize(1), other, LISTING) is None


def test_errors_are_not_cached(folder: Path) -> None:
    discovery = beginning(folder)
    ask(discovery, LISTING)
    error = mcp_types.ErrorData(code=-32602, message="Not now")
    tell(discovery, mcp_types.JSONRPCError(jsonrpc="2.0", id=2, error=error), answer(2))
    assert known(folder, LISTING) is None


def test_requests_of_the_server_are_not_cached(folder: Path) -> None:
    discovery = beginning(folder)
    ask(discovery, LISTING)
    tell(discovery, mcp_types.JSONRPCRequest(jsonrpc="2.0", id=2, method="ping"), answer(2, of="tools"))
    assert known(folder, LISTING) == as_line(answer(2, of="tools"))


def test_what_has_the_id_of_an_open_question_is_not_mistaken_for_it(folder: Path) -> None:
    discovery = beginning(folder)
    ask(discovery, initialize(1), request(1, "tools/list"))
    tell(discovery, answer(1, of="initialize"), answer(1, of="tools"))
    assert known(folder, initialize(1)) == as_line(answer(1, of="initialize"))
    assert known(folder, initialize(1), request(1, "tools/list")) is None


def test_long_conversations_and_long_lines_are_not_cached(folder: Path) -> None:
    discovery = beginning(folder)
    pings = [request(number, "ping") for number in range(MOST_LINES + 1)]
    ask(discovery, *pings)
    tell(discovery, *(answer(number) for number in range(MOST_LINES + 1)))
    assert known(folder, *pings[:-1]) is not None
    assert known(folder, *pings) is None
    long = request(1, "ping", {"_meta": {"long": "x" * LONGEST_LINE}})
    discovery = beginning(folder)
    ask(discovery, long)
    tell(discovery, answer(1))
    assert known(folder, long) is None


def test_number_of_cached_files_is_bounded(folder: Path) -> None:
    for number in range(MOST_FILES):
        discovery = beginning(folder)
        ask(discovery, request(number, "ping"))
        tell(discovery, answer(number))
    assert len(list(folder.iterdir())) == MOST_FILES
    assert known(folder, request(MOST_FILES - 1, "ping"))


@with_modes
def test_nothing_is_cached_in_a_folder_that_is_not_private(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    discovery = beginning(folder)
    ask(discovery, LISTING)
    tell(discovery, answer(2))
    assert not list(folder.iterdir())


def test_unwritable_cache_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    discovery = beginning(file / "answers")
    ask(discovery, initialize(1), LISTING)
    tell(discovery, answer(1), answer(2))
    assert file.read_bytes() == b""


def test_state_changing_requests_are_replayed_at_once_and_others_later(folder: Path) -> None:
    said = [(request(0, "ping"), b"a"), (initialize(1), b"b"), (INITIALIZED, b""), (LISTING, b"c")]
    discovery = told_early(folder, *said)
    missed = [one.message for one in discovery.replay(read)]
    assert [
        one.method for one in missed if not isinstance(one, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError)
    ] == [
        "ping",
        "initialize",
        "notifications/initialized",
    ]
    assert discovery.has_deferred
    (listing,) = (one.message for one in discovery.deferred())
    assert isinstance(listing, mcp_types.JSONRPCRequest)
    assert listing.method == "tools/list"
    assert not discovery.has_deferred


def test_client_does_not_get_a_response_twice(folder: Path) -> None:
    discovery = told_early(folder, (initialize(1), as_line(answer(1, of="initialize"))))
    (message,) = (one.message for one in discovery.replay(read))
    assert isinstance(message, mcp_types.JSONRPCRequest)
    # A client may use its ids again.
    assert not discovery.is_answered(answer(1))
    assert discovery.is_answered(answer(message.id, of="initialize"))
    assert not discovery.is_answered(answer(message.id, of="initialize"))


@pytest.mark.parametrize("own", ["the same", "another"])
def test_outdated_response_is_removed_from_the_cache(own: str, folder: Path) -> None:
    discovery = beginning(folder)
    ask(discovery, initialize(1))
    tell(discovery, answer(1, of="the same"))
    discovery = told_early(folder, (initialize(1), as_line(answer(1, of="the same"))))
    (message,) = (one.message for one in discovery.replay(read))
    assert isinstance(message, mcp_types.JSONRPCRequest)
    assert discovery.is_answered(answer(message.id, of=own))
    assert (known(folder, initialize(1)) is None) == (own == "another")


def test_a_conversation_goes_on_where_the_early_answers_ended(folder: Path) -> None:
    discovery = told_early(folder, (initialize(1), b""))
    ask(discovery, LISTING)
    tell(discovery, answer(2))
    assert known(folder, initialize(1), LISTING)


def test_without_a_listener_nothing_is_cached() -> None:
    discovery = Discovery(None)
    ask(discovery, initialize(1))
    tell(discovery, answer(1))
    assert not list(discovery.replay(read))
    assert not discovery.is_answered(answer(1))
    assert not discovery.has_deferred
    assert (discovery.unread, discovery.unsent) == (b"", b"")


def test_all_fixed_lists_are_cacheable() -> None:
    from mogplex_mcp.server.app import _FIXED_LISTS  # noqa: PLC0415 - private to the one who promises it

    assert set(_FIXED_LISTS) < CACHEABLE_METHODS
