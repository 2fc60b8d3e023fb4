"""Every request gets a response, also one that is no valid message; a notification or response never does."""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from mogplex_mcp.transports.stdio.members import LARGEST_EXCERPT
from mogplex_mcp.transports.stdio.messages import read_line, too_long
from tests.transports.processes import lines, process
from tests.transports.talking import INITIALIZE, QUICKLY, Talk, request, talking

PING: Final = '{"jsonrpc":"2.0","id":5,"method":"ping"'
PARSE_ERROR, INVALID_REQUEST = -32700, -32600
BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"

NOT_JSON: dict[str, tuple[bytes, object]] = {
    "half a surrogate": (PING.encode() + b',"params":{"text":"\\ud83d"}}', 5),
    "half a surrogate in the method": (b'{"jsonrpc":"2.0","id":5,"method":"\\udc00"}', 5),
    "a number of 5,000 digits": (PING.encode() + b',"params":{"limit":' + b"7" * 5_000 + b"}}", 5),
    "a depth of 100,000": (PING.encode() + b',"params":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 5),
    "objects to a depth of 100,000": (PING.encode() + b',"params":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, 5),
    "an open depth of 100,000": (PING.encode() + b',"params":' + b'{"id":[' * 100_000, 5),
    "a long id": (b'{"jsonrpc":"2.0","id":' + b"7" * 5_000 + b',"method":"ping"}', None),
    "half a surrogate as the id": (b'{"jsonrpc":"2.0","id":"\\ud83d","method":"ping"}', None),
    "cut off": (PING.encode() + b',"params":{"name":"start', 5),
    "cut off in an escape": (PING.encode() + b',"params":{"name":"start\\', 5),
    "cut off in its id": (b'{"jsonrpc":"2.0","method":"ping","id":12', None),
    "cut off before its id": (b'{"jsonrpc":"2.0","method":"ping","params":{"id":3', None),
    "cut off, with a text that looks like an id": (
        b'{"jsonrpc":"2.0","params":{"x":"\\",\\"id\\":7,"}, "id":"a-1" ',
        "a-1",
    ),
    "two messages": (PING.encode() + b'}{"jsonrpc":"2.0","id":', 5),
    "invalid UTF-8": (PING.encode() + b',"params":{"text":"\xff\xfe"}}', 5),
    "a NUL": (PING.encode() + b',"params":{"text":"\x00"}}', 5),
    "NULs only": (b"\x00\x00", None),
    "a comma too many": (PING.encode() + b",}", 5),
    "single quotes": (b"{'jsonrpc':'2.0','id':5,'method':'ping'}", None),
    "words": (b"npm warn deprecated", None),
    "an open quote": (b'"', None),
    "closed brackets": (b"]]}}", None),
    "UTF-16": (f"{PING}}}".encode("utf-16"), 5),
    "UTF-16 without a mark": (f"{PING}}}".encode("utf-16-be"), 5),
    "the mark of UTF-16": (b"\xff\xfe", None),
}
NOT_A_REQUEST: dict[str, tuple[bytes, object]] = {
    "an array of parameters": (PING.encode() + b',"params":[]}', 5),
    "parameters that are a text": (PING.encode() + b',"params":"{}"}', 5),
    "another version": (b'{"jsonrpc":"1.0","id":"a","method":"ping"}', "a"),
    "a version that is a number": (b'{"jsonrpc":2.0,"id":"a","method":"ping"}', "a"),
    "no version": (b'{"id":"","method":"ping"}', ""),
    "an id with a decimal point": (b'{"jsonrpc":"2.0","id":7.0,"method":"ping"}', 7),
    "an id that is no integer": (b'{"jsonrpc":"2.0","id":7.5,"method":"ping"}', None),
    "an id of null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', None),
    "an id of true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', None),
    "an id that is an object": (b'{"jsonrpc":"2.0","id":{"id":3},"method":"ping"}', None),
    "an id that is an array": (b'{"jsonrpc":"2.0","id":[3],"method":"ping"}', None),
    "a name with an escape": (b'{"jsonrpc":"2.0","i\\u0064":null,"method":"ping"}', None),
    "a request that also has a result": (PING.encode() + b',"params":true,"result":{}}', 5),
    "a request that also has an error": (PING.encode() + b',"params":[],"error":{"code":1,"message":""}}', 5),
    "no method": (b'{"jsonrpc":"2.0","id":-3}', -3),
    "a method that is a number": (b'{"jsonrpc":"2.0","id":"\\u00fc\\n","method":1}', "ü\n"),
    "a method in capitals": (b'{"jsonrpc":"2.0","id":5,"Method":"ping"}', 5),
    "an empty object": (b"{}", None),
    "a number": (b"12", None),
    "null": (b"null", None),
    "a text": (b'"ping"', None),
    "an empty batch": (b"[]", None),
    "a batch of numbers": (b"[1, 2]", None),
}
SILENT = {
    "a blank line": b"",
    "spaces": b" \t\r",
    "a notification without a version": b'{"method":"notifications/initialized"}',
    "a notification with an array": b'{"jsonrpc":"2.0","method":"notifications/x","params":[]}',
    "a notification with half a surrogate": b'{"jsonrpc":"2.0","method":"notifications/x","params":{"id":"\\ud83d"}}',
    "a deep notification": b'{"jsonrpc":"2.0","method":"x","params":{"id":' + b"[" * 5_000 + b"]" * 5_000 + b"}}",
    "a notification with a large number": b'{"jsonrpc":"2.0","method":"x","params":{"id":' + b"7" * 5_000 + b"}}",
    "a response that is no object": b'{"jsonrpc":"2.0","id":1,"result":5}',
    "a response with half a surrogate": b'{"jsonrpc":"2.0","id":1,"result":{"text":"\\ud83d"}}',
    "a response that is cut off": b'{"jsonrpc":"2.0","id":1,"result":{"text":"',
    "an error without a code": b'{"jsonrpc":"2.0","id":1,"error":"no"}',
    "a batch of notifications": b'[{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","id":1,"result":{}}]',
}


def errors_of(line: bytes) -> list[dict[str, Any]]:
    read = read_line(line)
    assert isinstance(read, list)
    return [json.loads(one.line) for one in read]


@pytest.mark.parametrize(("line", "number"), NOT_JSON.values(), ids=NOT_JSON)
def test_line_that_is_not_json_is_a_parse_error_with_its_id(line: bytes, number: object) -> None:
    assert [(one["id"], one["error"]["code"]) for one in errors_of(line)] == [(number, PARSE_ERROR)]


@pytest.mark.parametrize(("line", "number"), NOT_A_REQUEST.values(), ids=NOT_A_REQUEST)
def test_line_that_is_not_a_request_is_an_invalid_request_with_its_id(line: bytes, number: object) -> None:
    assert [(one["id"], one["error"]["code"]) for one in errors_of(line)] == [(number, INVALID_REQUEST)]


@pytest.mark.parametrize("line", SILENT.values(), ids=SILENT)
def test_unusable_notifications_and_responses_get_no_response(line: bytes) -> None:
    assert errors_of(line) == []


def test_each_request_of_a_batch_is_refused() -> None:
    batch = f'[{PING}}}, {{"jsonrpc":"2.0","method":"x"}}, {PING.replace("5", chr(34) + "b" + chr(34))}}}]'
    assert [(one["id"], one["error"]["code"]) for one in errors_of(batch.encode())] == [
        (5, INVALID_REQUEST),
        ("b", INVALID_REQUEST),
    ]


@pytest.mark.parametrize("line", [f"{PING}}}".encode("utf-16"), b"\xfe\xff\x00{"])
def test_utf_16_is_named(line: bytes) -> None:
    assert "UTF-16" in errors_of(line)[0]["error"]["message"]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (PING + ',"params":{"text":"%s"}}', 5),
        (BOM + PING + ',"params":{"text":"%s"}}', 5),
        ('{"method":"ping","params":{"text":"%s","id":3},"jsonrpc":"2.0","id":"late"}', "late"),
        ('{"method":"ping","params":{"text":"%s","x":[1,{"id":3}]},"id":9}\r', 9),
        ("[" + PING + ',"params":{"text":"%s"}}]', 5),
        ("%s", None),
    ],
)
def test_message_over_16_mib_is_refused_with_its_id(line: str, number: object) -> None:
    whole = (line % ("x" * LARGEST_EXCERPT * 3)).encode()
    (error,) = (json.loads(one.line) for one in too_long(whole[:LARGEST_EXCERPT], whole[-LARGEST_EXCERPT:]))
    assert (error["id"], error["error"]["code"]) == (number, INVALID_REQUEST)
    assert "16 MiB" in error["error"]["message"]


@pytest.mark.parametrize(
    "line",
    [
        '{"jsonrpc":"2.0","id":3,"result":{"text":"%s"}}',
        '{"result":{"text":"%s"},"jsonrpc":"2.0","id":3}',
        '{"jsonrpc":"2.0","method":"notifications/x","params":{"text":"%s"}}',
    ],
)
def test_response_or_notification_over_16_mib_gets_no_response(line: str) -> None:
    whole = (line % ("x" * LARGEST_EXCERPT * 3)).encode()
    assert too_long(whole[:LARGEST_EXCERPT], whole[-LARGEST_EXCERPT:]) == []


@pytest.mark.usefixtures("stdio")
def test_bad_lines_are_answered_by_the_process(tmp_path: Path) -> None:
    bad = {number: line for number, (line, found) in enumerate(NOT_A_REQUEST.values(), 100) if found == 5}
    with talking(tmp_path, "--demo") as talk:
        for number, line in bad.items():
            talk.say(line.decode().replace("5", str(number), 1) + "\r\n\n")
        talk.say(request(2, "ping").replace("\n", "\r\n"))
        for number in bad:
            assert talk.hear(number)["error"]["code"] == INVALID_REQUEST
        assert "result" in talk.hear(2)
        lines(talk.running.stdin).close()
        assert talk.running.wait(QUICKLY) == 0
        assert lines(talk.running.stderr).read() == ""


@pytest.mark.usefixtures("stdio")
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_byte_order_mark_before_the_first_message_is_skipped(cut: int, tmp_path: Path) -> None:
    said = (BOM + INITIALIZE).encode()
    with process(tmp_path, "--demo") as running:
        for piece in (said[:cut], said[cut:]):
            os.write(lines(running.stdin).fileno(), piece)
        assert "result" in Talk(running).hear(1)


@pytest.mark.usefixtures("stdio")
@pytest.mark.parametrize("line", ["garbage", '{"jsonrpc":"2.0","id":5}', "[" * 200, "\\"])
def test_flood_of_bad_lines_of_a_client_that_reads_nothing_is_bounded(line: str, tmp_path: Path) -> None:
    with talking(tmp_path, "--demo") as talk:
        before = talk.memory
        stdin = lines(talk.running.stdin).fileno()
        flood = (line.encode() + b"\n") * 1_000
        # A client that also waits for responses is held back, after far more than pipes hold.
        for _ in range(20 if '"id"' in line else 60):
            os.write(stdin, flood)
            if '"id"' in line:
                for _ in range(1_000):
                    assert talk.hear_next()["id"] == 5
        talk.say(request(2, "ping"))
        assert "result" in talk.hear(2)
        assert talk.memory - before < 10
