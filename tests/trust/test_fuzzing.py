"""Anything may come in, from either side: nothing falls over, and what goes out stays clean, short and valid."""

import contextlib
import json
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.responses import ApiResponse, read_envelope
from mogplex_mcp.runs.cursor import Cursor, CursorError
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from tests.tools.support import connected_client, text_of, three_parts
from tests.transports.http.support import app_for, served
from tests.transports.processes import lines as lines_of
from tests.transports.processes import process
from tests.trust.hostile import CALLS, UUID, Hostile, client_on
from tests.trust.reading import CORPUS, check
from tests.virtual_time import VirtualTimeLoop, virtual_now

if TYPE_CHECKING:
    import subprocess

FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=150, deadline=None)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400, -(10**400), 1e308, -0.0]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30),
    st.sampled_from(sorted(CORPUS.values())),
    st.sampled_from(["streaming", "success", "failed", "cancelled", "pending", "git_delivery", "waiting", UUID]),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2027-01-15T07:50:00Z", "1e400"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


def on_virtual_time(program: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await program()

    anyio.run(run, backend_options={"loop_factory": VirtualTimeLoop})


def encoded(value: Any) -> str:
    return json.dumps(value)


def json_answer(value: Any) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "application/json"}, content=encoded(value))


async def every_call(network: Hostile) -> None:
    async with client_on(network) as client:
        schemas = {tool.name: tool.output_schema for tool in (await client.list_tools()).tools}
        for tool, arguments in CALLS:
            result = await client.call_tool(tool, arguments)
            assert "mogplex-mcp itself failed" not in text_of(result), (tool, text_of(result))
            check(result)
            if not result.is_error:
                jsonschema.validate(result.structured_content, schemas[tool])


@FEW
@given(st.lists(JSON, min_size=1, max_size=40), st.booleans())
def test_any_json_in_any_field_falls_over_nothing(values: list[Any], ids: bool) -> None:
    def say(field: str) -> Any:
        return values[sum(field.encode()) % len(values)]

    on_virtual_time(lambda: every_call(Hostile(say, ids=ids)))


class Twisted(Hostile):
    """Answers in which any part, not only what others write, is something else."""

    def __init__(self, values: list[Any]) -> None:
        super().__init__(lambda field: field)
        self._values = values
        self._count = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        self._count += 1
        return json_answer(self._twist(json.loads(answer.content), 0))

    def _twist(self, value: Any, place: int) -> Any:
        if (place * 7 + self._count) % 23 == 22:
            return self._values[(place + self._count) % len(self._values)]
        if isinstance(value, dict):
            return {key: self._twist(inner, place + sum(key.encode())) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._twist(inner, place + number + 1) for number, inner in enumerate(value)]
        return value


@FEW
@given(st.lists(JSON, min_size=1, max_size=40))
def test_any_json_in_the_place_of_any_part_falls_over_nothing(values: list[Any]) -> None:
    on_virtual_time(lambda: every_call(Twisted(values)))


@pytest.mark.parametrize(
    "value",
    [10**400, -(10**400), 2**63, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
    ids=["huge", "hugely negative", "of 65 bits", "the first time", "the last time"],
)
def test_numbers_and_times_that_no_computer_can_hold_are_left_out(value: Any) -> None:
    class Extreme(Hostile):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = await super().handle_async_request(request)
            return json_answer(self._with(json.loads(answer.content)))

        def _with(self, part: Any) -> Any:
            if isinstance(part, dict):
                return {key: self._with(inner) for key, inner in part.items()}
            if isinstance(part, list):
                return [self._with(inner) for inner in part]
            is_time = isinstance(part, str) and part.startswith("2027")
            is_number = isinstance(part, int | float) and not isinstance(part, bool)
            return value if (is_time if isinstance(value, str) else is_number) else part

    on_virtual_time(lambda: every_call(Extreme(str)))


@MANY
@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
@example("AQ")
@example("A" * 2_001)
@example("=" * 9)
def test_any_text_is_a_cursor_of_the_run_or_named_as_none(text: str) -> None:
    with contextlib.suppress(CursorError):
        cursor = Cursor.parse(text, UUID)
        assert Cursor.parse(str(cursor), UUID) == cursor


@FEW
@given(st.lists(SCALARS | st.sampled_from(["AQ", "A" * 3_000, "\ud800"]), max_size=15))
def test_any_cursor_given_to_a_tool_ends_in_an_answer_or_a_named_error(cursors: list[Any]) -> None:
    async def program() -> None:
        simulator = Simulator(now=virtual_now)
        run = next(iter(simulator.world.runs))
        async with connected_client(simulator) as client:
            for cursor in cursors:
                for tool, arguments in (
                    ("tail_run", {"run_id": run, "cursor": cursor, "wait_seconds": 0}),
                    ("list_automations", {"cursor": cursor}),
                ):
                    result = await client.call_tool(tool, json.loads(json.dumps(arguments).replace("\\ud800", "x")))
                    check(result)
                    if result.is_error:
                        assert three_parts(result)
                        assert "mogplex-mcp itself failed" not in text_of(result)

    on_virtual_time(program)


ENVELOPES = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: encoded(value).encode()),
    st.fixed_dictionaries({"ok": JSON}, optional={"data": JSON, "error": JSON}).map(
        lambda value: encoded(value).encode()
    ),
    st.fixed_dictionaries(
        {"ok": st.just(value=False), "error": st.fixed_dictionaries({"code": JSON, "message": JSON})}
    ).map(lambda value: encoded(value).encode()),
    st.integers(1, 100_000).map(lambda depth: b"[" * depth),
    st.sampled_from([b'{"ok":true,"data":{"x":NaN}}', b'{"ok":true,"data":' + b"9" * 5_000 + b"}", b'"\\ud800"']),
)


@MANY
@given(
    ENVELOPES,
    st.integers(100, 599),
    st.sampled_from(["application/json", "text/html", "", "application/xhtml+xml", "x\x1b[31m"]),
    st.text(max_size=20),
)
def test_any_answer_is_data_or_a_named_error(body: bytes, status: int, kind: str, location: str) -> None:
    answer = ApiResponse("https://mogplex.com/api/v1/mogplex/x", status, kind, location, None, body)
    message = ""
    try:
        assert isinstance(read_envelope(answer), dict)
    except MogplexError as error:
        message = error.message
    assert "\x1b" not in message


METHODS = ["initialize", "ping", "tools/list", "tools/call", "resources/read", "prompts/get", "completion/complete"]
METHODS += ["notifications/cancelled", "notifications/initialized", "subscriptions/listen", "logging/setLevel", "x"]
MESSAGES = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"jsonrpc": st.sampled_from(["2.0", "1.0", 2])},
        optional={
            "id": SCALARS,
            "method": st.sampled_from(METHODS) | SCALARS,
            "params": st.dictionaries(
                st.sampled_from(["name", "arguments", "uri", "_meta", "cursor", "ref", "argument", "requestId"]),
                JSON,
                max_size=4,
            )
            | JSON,
            "result": JSON,
            "error": JSON,
        },
    ),
)
LINES = st.one_of(
    MESSAGES.map(lambda value: encoded(value).encode()),
    st.binary(max_size=100).map(lambda raw: raw.replace(b"\n", b"")),
    st.integers(1, 50_000),  # so deep
)


def line(drawn: bytes | int) -> bytes:
    return b'{"a":' * drawn if isinstance(drawn, int) else drawn


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": "begin",
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(before=st.lists(LINES, max_size=20), after=st.lists(LINES, min_size=30, max_size=80))
def test_whatever_is_on_stdin_the_next_ping_is_answered(
    before: list[bytes | int], after: list[bytes | int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    ping = {"jsonrpc": "2.0", "id": "the end", "method": "ping"}
    lines = [*map(line, before), encoded(INITIALIZE).encode(), *map(line, after), encoded(ping).encode()]
    with process(home, "--demo", "--max-wait", "1", more={"MOGPLEX_MCP_LOG_LEVEL": "error"}) as running:
        writing = threading.Thread(target=write, args=(running, b"\n".join(lines) + b"\n"))
        writing.start()
        # It would wait for ever for a process that goes on and does not answer: that is what the test's limit is for.
        assert any(json.loads(said).get("id") == "the end" for said in lines_of(running.stdout))
        writing.join()
        lines_of(running.stdin).close()
        assert running.wait(10) == 0


def write(running: "subprocess.Popen[str]", data: bytes) -> None:
    stdin = lines_of(running.stdin)
    stdin.buffer.write(data)  # type: ignore[attr-defined]
    stdin.flush()


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(
    st.lists(LINES, min_size=20, max_size=60), st.lists(st.sampled_from(["2025-06-18", "2026-07-28", "x"]), min_size=1)
)
def test_whatever_is_posted_ends_in_an_answer_that_blames_nobody_else(
    bodies: list[bytes | int], versions: list[str]
) -> None:
    async def program() -> None:
        app = app_for(Hostile(str), max_wait=1.0)
        headers = {
            "authorization": f"Bearer {DEMO_TOKEN}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        async with served(app) as address, httpx2.AsyncClient(base_url=f"http://{address}", timeout=20) as http:
            for number, body in enumerate(map(line, bodies)):
                version = {"mcp-protocol-version": versions[number % len(versions)]}
                async with http.stream("POST", "/mcp", content=body, headers=headers | version) as answer:
                    # Listening does not end by itself; that it began is answer enough.
                    assert answer.status_code < 500, (body, await answer.aread())
            assert (await http.get("/healthz")).status_code == 200

    anyio.run(program)
