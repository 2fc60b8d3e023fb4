"""The call timeout of a client is learnt from the calls that it cancels, and from nothing else."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from mcp.shared.memory import create_client_server_memory_streams
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from starlette.requests import Request

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.server.app import create_server
from mogplex_mcp.server.request_scope import CALLER, RequestScope
from mogplex_mcp.simulator import DEMO_TOKEN
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.wait_limits import SqliteWaitLimits, WaitLimit
from mogplex_mcp.tenants.call_timeouts import (
    CAP_SECONDS,
    DEFAULT_CAP_SECONDS,
    SHORTEST_CAP_SECONDS,
    LearntCaps,
    listed_cap,
)
from mogplex_mcp.tenants.in_flight import InFlightCalls
from mogplex_mcp.toolkit.tool_selection import ToolSelection
from tests.runs.support import simulated
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

Send = Callable[[str, dict[str, Any]], Awaitable[None]]
CLIENT = {"name": "mcp", "version": "2.3"}
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
def anyio_backend(virtual_time: object) -> object:
    return virtual_time


class Wire:
    """A client that speaks JSON-RPC itself."""

    def __init__(self, streams: Any, era: str) -> None:
        self._incoming, self._outgoing = streams
        self._era = era

    async def request(self, number: int, method: str, **params: Any) -> None:
        meta = {"_meta": MODERN} if self._era == "2026" else {}
        message = JSONRPCRequest(jsonrpc="2.0", id=number, method=method, params={**params, **meta})
        await self._outgoing.send(SessionMessage(message))

    async def notify(self, method: str, **params: Any) -> None:
        await self._outgoing.send(
            SessionMessage(JSONRPCNotification(jsonrpc="2.0", method=method, params=params or None))
        )

    async def answer(self) -> dict[str, Any]:
        while True:
            message = (await self._incoming.receive()).message
            if isinstance(message, JSONRPCResponse):
                return message.result


@asynccontextmanager
async def connected(path: Path, era: str, client: Mapping[str, str] = CLIENT) -> AsyncIterator[Wire]:
    """A client on stdio, in everything but the pipe, with a run that it may follow."""
    settings = Settings(base_url=DEFAULT_BASE_URL, api_key=Secret(DEMO_TOKEN), state_file=path)
    server = create_server(settings, transport=simulated(7_200).transport(), now=virtual_now)
    async with create_client_server_memory_streams() as (own, served), anyio.create_task_group() as tasks:
        tasks.start_soon(server.run, *served, server.create_initialization_options())
        wire = Wire(own, era)
        if era == "2025":
            await wire.request(0, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
            await wire.answer()
            await wire.notify("notifications/initialized")
        await wire.request(1, "tools/call", name="start_run", arguments={"repo": "acme/web", "prompt": "x"})
        await wire.answer()
        yield wire
        tasks.cancel_scope.cancel()


async def time_of_a_tail(wire: Wire, number: int) -> float:
    began = anyio.current_time()
    await wire.request(number, "tools/call", name="tail_run", arguments={})
    assert not (await wire.answer()).get("isError")
    return anyio.current_time() - began


@pytest.mark.parametrize("era", ["2025", "2026"])
async def test_cancelled_wait_shortens_the_next_ones_also_in_the_next_process(tmp_path: Path, era: str) -> None:
    async with connected(tmp_path / "state", era) as wire:
        await wire.request(2, "tools/call", name="tail_run", arguments={})
        await anyio.sleep(5)
        await wire.notify("notifications/cancelled", requestId=2)
        await anyio.sleep(0.1)
        assert await time_of_a_tail(wire, 3) == pytest.approx(4, abs=0.2)
    async with connected(tmp_path / "state", era) as wire:
        assert await time_of_a_tail(wire, 2) == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize("era", ["2025", "2026"])
async def test_shutdown_of_the_server_teaches_no_call_timeout(tmp_path: Path, era: str) -> None:
    async with connected(tmp_path / "state", era) as wire:
        await wire.request(2, "tools/call", name="tail_run", arguments={})
        await anyio.sleep(5)
    async with connected(tmp_path / "state", era) as wire:
        assert await time_of_a_tail(wire, 2) == pytest.approx(DEFAULT_CAP_SECONDS, abs=0.2)


@pytest.mark.parametrize("era", ["2025", "2026"])
async def test_cancellation_of_an_answered_call_teaches_no_call_timeout(tmp_path: Path, era: str) -> None:
    async with connected(tmp_path / "state", era) as wire:
        await anyio.sleep(5)
        await wire.notify("notifications/cancelled", requestId=1)
        await wire.notify("notifications/cancelled", requestId=77)
        assert await time_of_a_tail(wire, 2) == pytest.approx(DEFAULT_CAP_SECONDS, abs=0.2)


def http_scope(*, disconnected: bool = False, session: str = "") -> RequestScope:
    """The scope of a request over HTTP."""

    async def receive() -> dict[str, str]:
        if not disconnected:
            await anyio.sleep_forever()
        return {"type": "http.disconnect"}

    headers = [(b"mcp-session-id", session.encode())] if session else []
    request = Request(
        {"type": "http", "method": "POST", "headers": headers, CALLER: FoundToken(Token(DEMO_TOKEN), "the request")},
        receive,
    )
    context: Any = SimpleNamespace(request=request, lifespan_context=None)
    return RequestScope(context, Settings(), ToolSelection([], []), multi_tenant=True)


@pytest.mark.parametrize(("disconnected", "learnt"), [(True, 8.0), (False, None)])
async def test_closed_http_request_teaches_a_call_timeout_and_shutdown_does_not(
    *, disconnected: bool, learnt: float | None
) -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(None)), now=virtual_now)
    with anyio.move_on_after(10):
        scope = http_scope(disconnected=disconnected)
        async with InFlightCalls(caps).answering(scope.call_key(1), "a/1", scope.is_disconnected):
            await anyio.sleep_forever()
    assert caps.cap("a/1") == learnt


async def test_request_ids_of_two_http_sessions_do_not_collide() -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(None)), now=virtual_now)
    calls = InFlightCalls(caps)

    mine = http_scope(session="mine")
    async with calls.answering(mine.call_key(1), "a/1", mine.is_disconnected):
        await anyio.sleep(10)
        for session in ("theirs", ""):
            calls.cancelled(http_scope(session=session).call_key("1"))
        assert caps.cap("a/1") is None
        calls.cancelled(http_scope(session="mine").call_key("1"))
    assert caps.cap("a/1") == 8


async def test_a_cut_call_counts_for_minutes_then_longer_waits_are_tried_and_after_an_hour_it_is_forgotten() -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(None)), now=virtual_now)
    caps.gave_up("a/1", 5)
    tried = []
    for _ in range(7):
        tried.append(caps.cap("a/1"))
        await anyio.sleep(600.1)
    assert tried == [4, 8, 16, 32, 64, 128, None]


async def test_the_same_cut_again_does_not_count_for_longer() -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(None)), now=virtual_now)
    for _ in range(9):
        caps.gave_up("a/1", 5)
    await anyio.sleep(601)
    assert caps.cap("a/1") == 8
    await anyio.sleep(3_000)
    assert caps.cap("a/1") is None


async def test_a_longer_wait_that_is_cut_is_not_tried_again_for_minutes() -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(None)), now=virtual_now)
    caps.gave_up("a/1", 5)
    await anyio.sleep(601)
    assert caps.cap("a/1") == 8
    caps.gave_up("a/1", 5)
    assert caps.cap("a/1") == 4


async def test_a_limit_that_0_1_0_learnt_for_a_month_is_ignored() -> None:
    limits = SqliteWaitLimits(StateFile(None))
    caps = LearntCaps(limits, now=virtual_now)
    month = virtual_now() + 30 * 86_400
    limits.learn("a/1", lambda _: WaitLimit(4.0, month), forget_before=0)
    assert caps.cap("a/1") is None
    assert caps.all() == {}
    caps.gave_up("a/1", 10)
    assert caps.all() == {"a/1": 8}


async def test_a_cap_only_falls_while_it_is_held_and_never_below_the_shortest() -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(None)), now=virtual_now)
    caps.gave_up("a/1", 20)
    caps.gave_up("a/1", 40)
    assert caps.cap("a/1") == 16
    caps.gave_up("a/1", 3.1)
    assert caps.cap("a/1") == SHORTEST_CAP_SECONDS
    caps.gave_up("b/1", 1)
    assert caps.cap("b/1") is None


async def test_many_clients_and_runs_are_not_remembered_for_ever() -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(None)), now=virtual_now)
    for number in range(1_000):
        caps.responded("a/1", str(number).encode(), 10)
    assert len(caps._unconfirmed) < 300


ADK = {"name": "google-adk", "version": "2.0"}


@asynccontextmanager
async def following(path: Path, client: dict[str, str]) -> AsyncIterator[Callable[[str], Awaitable[tuple[float, str]]]]:
    """Follow a run as this client; gives a call that takes a cursor, and returns how long it took and the next one."""
    async with connected(path, "2025", client) as wire:
        numbers = itertools.count(2)

        async def tail(cursor: str) -> tuple[float, str]:
            began = anyio.current_time()
            await wire.request(next(numbers), "tools/call", name="tail_run", arguments={"cursor": cursor})
            facts = (await wire.answer())["structuredContent"]
            return round(anyio.current_time() - began), facts["cursor"]

        yield tail


async def test_a_program_that_waits_longer_than_its_framework_proves_it_with_the_cursor(tmp_path: Path) -> None:
    async with following(tmp_path / "state", ADK) as tail:
        cursor, waits = "", []
        for _ in range(7):
            waited, cursor = await tail(cursor)
            waits.append(waited)
    assert waits == [4, 8, 16, 32, DEFAULT_CAP_SECONDS, DEFAULT_CAP_SECONDS, DEFAULT_CAP_SECONDS]


async def test_a_program_that_gives_up_without_a_word_gets_the_shorter_wait_again_for_minutes(tmp_path: Path) -> None:
    async with following(tmp_path / "state", ADK) as tail:
        _, first = await tail("")
        waited, _ = await tail(first)  # its response comes too late: the client sends the first cursor again
        assert waited == 8
        cursor, waits = first, []
        for _ in range(20):
            waited, cursor = await tail(cursor)
            waits.append(waited)
        assert waits == [4] * 20
        await anyio.sleep(600)
        assert (await tail(cursor))[0] == 8


async def test_the_cursor_of_another_client_proves_nothing() -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(None)), now=virtual_now)
    caps.confirmed("google-adk/2", b"run", 100, listed=4)
    assert caps.cap("google-adk/2") is None
    caps.responded("google-adk/2", b"run", 4)
    caps.confirmed("google-adk/2", b"run", 100, listed=4)
    assert caps.cap("google-adk/2") is None
    caps.responded("google-adk/2", b"run", 4)
    caps.confirmed("google-adk/2", b"run", 4, listed=4)
    assert caps.cap("google-adk/2") == 8


async def test_no_wait_exceeds_what_is_listed_for_a_client_unless_that_is_a_guess(tmp_path: Path) -> None:
    async with following(tmp_path / "state", {"name": "claude-code", "version": "1"}) as tail:
        cursor, waits = "", []
        for _ in range(3):
            waited, cursor = await tail(cursor)
            waits.append(waited)
    assert waits == [100, 100, 100]


async def test_versions_of_a_client_are_apart() -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(None)), now=virtual_now)
    caps.gave_up("a/1", 5)
    assert caps.cap("a/2") is None


async def test_a_file_that_cannot_be_used_is_no_reason_to_fail(tmp_path: Path) -> None:
    caps = LearntCaps(SqliteWaitLimits(StateFile(tmp_path)), now=virtual_now)
    caps.gave_up("a/1", 5)
    assert caps.cap("a/1") is None


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("claude-code", 100),
        ("Visual Studio Code", 100),
        ("Visual Studio Code - Insiders", 100),
        ("google-adk", 4),
        ("mcp", DEFAULT_CAP_SECONDS),
        ("", DEFAULT_CAP_SECONDS),
    ],
)
async def test_caps_are_listed_by_name(name: str, seconds: float) -> None:
    assert listed_cap(name) == seconds
    assert all(key == key.lower() for key in CAP_SECONDS)


def test_no_client_is_listed_with_less_than_the_time_before_which_nothing_is_late() -> None:
    assert min(CAP_SECONDS.values()) >= SHORTEST_CAP_SECONDS
