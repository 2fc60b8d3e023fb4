"""Which connection a request goes over, and what becomes of it: on real sockets, or by what the pools are asked."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import anyio
import httpx2
import pytest

from mogplex_mcp.api import connection_pool
from mogplex_mcp.api.connection_pool import PooledTransport
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.exchange import build_request, send, stream
from mogplex_mcp.api.http import MogplexHttp
from mogplex_mcp.api.transport import create_transport

from .sockets import OK
from .support import TOKEN, CountingBudget, read_request, serving

pytestmark = pytest.mark.anyio


class Clock:
    """Monotonic time of the pools, which a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = time.monotonic()
        fake = SimpleNamespace(monotonic=lambda: self.seconds)
        monkeypatch.setattr(connection_pool, "time", fake)
        monkeypatch.setattr("httpcore2._async.http11.time", fake)


class Server:
    """A Mogplex on a socket that counts its connections, and answers only on some if a test says so.

    Attributes:
        connections: The connections, each with the number of its requests; in the order in which they came.
        closed: The numbers of those that the client closed.
        may_answer: Answers wait for this.
    """

    def __init__(self) -> None:
        self.connections: list[int] = []
        self.closed = set[int]()
        self.silent = set[int]()
        self.resetting = set[int]()
        self.may_answer = anyio.Event()
        self.may_answer.set()
        self._changed = asyncio.Condition()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.connections)
        self.connections.append(0)
        try:
            while True:
                await read_request(reader)
                await self._note(number)
                if number in self.resetting:
                    raw = writer.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    writer.transport.abort()
                if number not in self.silent:
                    await self.may_answer.wait()
                    writer.write(OK)
        except (asyncio.IncompleteReadError, ConnectionError):
            async with self._changed:
                self.closed.add(number)
                self._changed.notify_all()

    async def _note(self, number: int) -> None:
        async with self._changed:
            self.connections[number] += 1
            self._changed.notify_all()

    async def wait_until_asked(self, times: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: sum(self.connections) >= times)

    async def wait_until_closed(self, *numbers: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self.closed >= set(numbers))


class Bench:
    """A server with a transport to it."""

    def __init__(self, server: Server, transport: PooledTransport, url: str) -> None:
        self.server = server
        self.transport = transport
        self.url = url

    async def ask(self, read_seconds: float = 20.0) -> None:
        answer = await send(self.transport, build_request("GET", f"{self.url}/repos", read_seconds=read_seconds))
        assert answer.json() == {"ok": True, "data": {"a": 1}}

    async def fail(self, read_seconds: float = 20.0) -> MogplexError:
        with pytest.raises(MogplexError) as caught:
            await self.ask(read_seconds)
        return caught.value

    @contextlib.asynccontextmanager
    async def in_flight(self, times: int) -> AsyncIterator[None]:
        """Have the server hold so many requests during the block, and answer them afterwards."""
        self.server.may_answer = anyio.Event()
        async with anyio.create_task_group() as tasks:
            before = sum(self.server.connections)
            for _ in range(times):
                tasks.start_soon(self.ask)
            await self.server.wait_until_asked(before + times)
            yield
            self.server.may_answer.set()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    server = Server()
    async with serving(server) as base_url, create_transport(base_url) as transport:
        assert isinstance(transport, PooledTransport)
        yield Bench(server, transport, base_url)


async def test_requests_one_after_the_other_share_a_connection(bench: Bench) -> None:
    for _ in range(3):
        await bench.ask()
    assert bench.server.connections == [3]


async def test_requests_at_the_same_time_have_connections_of_their_own_which_are_used_again(bench: Bench) -> None:
    for _ in range(2):
        async with bench.in_flight(5):
            pass
    assert bench.server.connections == [2] * 5


async def test_a_connection_is_kept_for_a_minute_and_no_longer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    await bench.ask()
    clock.seconds += 59
    await bench.ask()
    assert bench.server.connections == [2]
    clock.seconds += 61
    await bench.ask()
    assert bench.server.connections == [2, 1]


async def test_connections_that_grow_old_unused_are_closed_by_the_next_request(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    async with bench.in_flight(3):
        pass
    clock.seconds += 59
    await bench.ask()
    clock.seconds += 2
    await bench.ask()
    used = bench.server.connections.index(3)
    await bench.server.wait_until_closed(*({0, 1, 2} - {used}))
    assert used not in bench.server.closed


@pytest.mark.parametrize("death", ["reset", "silent"])
async def test_idle_connections_are_dropped_together_when_one_proves_dead(bench: Bench, death: str) -> None:
    async with bench.in_flight(4):
        pass
    (bench.server.resetting if death == "reset" else bench.server.silent).update(range(4))
    error = await bench.fail(read_seconds=0.05)
    assert error.code is (ErrorCode.CONNECTION_LOST if death == "reset" else ErrorCode.TIMED_OUT)
    await bench.ask()
    assert sorted(bench.server.connections) == [1, 1, 1, 1, 2]
    assert bench.server.connections[4] == 1
    await bench.server.wait_until_closed(0, 1, 2, 3)


async def test_a_dead_connection_ends_no_other_request(bench: Bench) -> None:
    async with bench.in_flight(3):
        bench.server.silent.add(3)
        assert (await bench.fail(read_seconds=0.05)).code is ErrorCode.TIMED_OUT
    await bench.server.wait_until_closed(0, 1, 2, 3)
    await bench.ask()
    assert bench.server.connections == [1, 1, 1, 1, 1]


async def test_a_connection_whose_request_was_given_up_is_closed(bench: Bench) -> None:
    async with bench.in_flight(1):
        with anyio.move_on_after(0.01) as given_up:
            await bench.ask()
    assert given_up.cancelled_caught
    await bench.server.wait_until_closed(1)
    await bench.ask()
    assert bench.server.connections == [2, 1]


async def test_a_cancelled_request_drops_no_idle_connection_of_others(bench: Bench) -> None:
    async with bench.in_flight(4):
        pass
    bench.server.silent.update(range(4))
    with anyio.move_on_after(0.01) as given_up:
        await bench.ask()
    assert given_up.cancelled_caught
    bench.server.silent.clear()
    async with bench.in_flight(4):
        pass
    assert sorted(bench.server.connections) == [1, 2, 2, 2, 2]


async def test_a_silence_that_meets_the_deadline_of_a_call_drops_idle_connections(bench: Bench) -> None:
    async with bench.in_flight(4):
        pass
    bench.server.silent.update(range(4))
    http = MogplexHttp(bench.transport, bench.url, TOKEN, CountingBudget())
    with pytest.raises(MogplexError) as caught:
        await http.request("GET", "/repos", timeout=0.1)
    assert caught.value.code is ErrorCode.TIMED_OUT
    assert await http.request("GET", "/repos", timeout=5) == {"a": 1}
    assert sorted(bench.server.connections[:4]) == [1, 1, 1, 2]
    assert bench.server.connections[4] == 1


async def test_a_retry_after_a_silence_uses_a_new_connection(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mogplex_mcp.api.exchange.READ_SECONDS", 0.05)
    async with bench.in_flight(4):
        pass
    bench.server.silent.update(range(4))
    http = MogplexHttp(bench.transport, bench.url, TOKEN, CountingBudget(), random=lambda: 0.0)
    assert await http.request("GET", "/repos") == {"a": 1}
    assert sorted(bench.server.connections) == [1, 1, 1, 1, 2]


async def test_a_closed_transport_sends_nothing_and_opens_nothing(bench: Bench) -> None:
    await bench.ask()
    await bench.transport.aclose()
    error = await bench.fail()
    assert (error.code, error.may_have_happened) == (ErrorCode.SHUTTING_DOWN, False)
    assert bench.server.connections == [1]
    await bench.transport.aclose()


async def test_a_request_that_ends_after_the_close_opens_nothing(bench: Bench) -> None:
    bench.server.may_answer = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.fail)
        await bench.server.wait_until_asked(1)
        await bench.transport.aclose()
    bench.server.may_answer.set()
    await bench.server.wait_until_closed(0)
    assert bench.transport._pools == []


async def test_a_connection_whose_response_was_not_read_to_its_end_is_closed(bench: Bench) -> None:
    async with stream(bench.transport, build_request("GET", f"{bench.url}/repos")) as response:
        assert response.status_code == 200
    await bench.server.wait_until_closed(0)


async def test_in_the_end_all_connections_are_closed(bench: Bench) -> None:
    async with bench.in_flight(3):
        pass
    await bench.transport.aclose()
    await bench.server.wait_until_closed(0, 1, 2)


async def test_requests_are_divided_over_pools_least_busy_first(bench: Bench) -> None:
    async with bench.in_flight(40):
        assert sorted(pool.in_flight for pool in bench.transport._pools) == [2] * 8 + [3] * 8
    assert {pool.in_flight for pool in bench.transport._pools} == {0}
    assert bench.server.connections == [1] * 40


async def test_beyond_the_limit_requests_wait_for_a_connection(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_pool, "MAX_POOLS", 2)
    monkeypatch.setattr(connection_pool, "CONNECTIONS_PER_POOL", 1)
    bench.transport = PooledTransport(bench.url, bench.transport._ssl_context, None)
    async with bench.transport, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(bench.ask)
        await bench.server.wait_until_asked(5)
    assert sorted(bench.server.connections) in ([1, 4], [2, 3])


async def test_a_request_that_gets_no_connection_says_so_and_drops_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_pool, "MAX_POOLS", 1)
    monkeypatch.setattr(connection_pool, "CONNECTIONS_PER_POOL", 1)
    monkeypatch.setattr("mogplex_mcp.api.exchange.POOL_SECONDS", 0.01)
    bench.transport = PooledTransport(bench.url, bench.transport._ssl_context, None)
    async with bench.transport:
        async with bench.in_flight(1):
            error = await bench.fail()
        await bench.ask()
    assert (error.code, error.may_have_happened) == (ErrorCode.TIMED_OUT, False)
    assert "No connection to 127.0.0.1 became free" in error.message
    assert bench.server.connections == [2]


async def test_a_transport_that_is_not_asynchronous_is_a_mistake(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Synchronous(httpx2.SyncByteStream):
        def __iter__(self) -> Any:
            yield b"{}"

    async def answer(*_: object) -> httpx2.Response:
        return httpx2.Response(200, stream=Synchronous())

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", answer)
    with pytest.raises(TypeError, match="asynchronous"):
        await bench.ask()
