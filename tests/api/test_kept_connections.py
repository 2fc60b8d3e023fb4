"""Which connection a request goes over, and what becomes of it: without a network."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from mogplex_mcp.api.connection import Request, Response
from mogplex_mcp.api.faults import NoPlaceError
from mogplex_mcp.api.kept_connections import KEPT_SECONDS, KeptConnections

pytestmark = pytest.mark.anyio

REQUEST = Request("GET", "https://mogplex.test/", {}, None, 20.0)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    return virtual_time


class Connection:
    """A connection that answers when it may, and then is free."""

    def __init__(self, number: int, may_answer: anyio.Event) -> None:
        self.number = number
        self.may_answer = may_answer
        self.closed_by_the_other_side = False
        self.state = "new"

    async def ask(self, request: bytes, silence: float) -> Response:
        assert (request, silence) == (b"GET", 20.0)
        assert self.state in ("new", "free")
        self.state = "busy"
        await self.may_answer.wait()
        return Response(200, {"number": str(self.number)}, self._body())

    async def _body(self) -> AsyncGenerator[bytes]:
        yield b"{}"
        self.state = "free"

    @property
    def is_free(self) -> bool:
        return self.state == "free"

    def is_stale(self) -> bool:
        return self.closed_by_the_other_side

    def close(self) -> None:
        self.state = "closed"


class Connections:
    """A `KeptConnections` and all that it opened."""

    def __init__(self, most: int = 8) -> None:
        self.opened: list[Connection] = []
        self.may_answer = anyio.Event()
        origin: Any = self
        self.client = KeptConnections(origin, most, "test")

    @staticmethod
    def written(request: Request) -> bytes:
        assert request is REQUEST
        return b"GET"

    async def connect(self) -> Connection:
        self.opened.append(Connection(len(self.opened), self.may_answer))
        return self.opened[-1]

    async def ask(self) -> int:
        """The number of the connection that answered."""
        async with self.client.answer(REQUEST) as response, aclosing(response.chunks) as chunks:  # type: ignore[type-var] # it is a generator
            assert [chunk async for chunk in chunks] == [b"{}"]
        return int(response.headers["number"])

    async def ask_at_once(self, times: int) -> list[int]:
        """The numbers of the connections that answered as many requests at the same time."""
        answered: list[int] = []

        async def ask() -> None:
            answered.append(await self.ask())

        async with anyio.create_task_group() as tasks:
            for _ in range(times):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            self.may_answer.set()
        return answered


async def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    connections = Connections()
    assert sorted(await connections.ask_at_once(3)) == [0, 1, 2]


async def test_the_connection_that_was_used_last_is_used_next() -> None:
    connections = Connections()
    last = (await connections.ask_at_once(3))[-1]
    assert [await connections.ask() for _ in range(3)] == [last] * 3
    assert len(connections.opened) == 3


async def test_beyond_the_limit_requests_wait_for_their_turn() -> None:
    connections = Connections(most=2)
    assert len(await connections.ask_at_once(5)) == 5
    assert len(connections.opened) == 2


async def test_a_request_that_gets_no_turn_says_so() -> None:
    connections = Connections(most=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connections.ask)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(NoPlaceError):
            await connections.ask()
        connections.may_answer.set()
    assert await connections.ask() == 0


async def test_a_connection_whose_request_was_given_up_is_closed_and_never_used_again() -> None:
    connections = Connections(most=1)
    with anyio.move_on_after(1):
        await connections.ask()
    connections.may_answer.set()
    assert await connections.ask() == 1
    assert [one.state for one in connections.opened] == ["closed", "free"]


async def test_a_connection_whose_answer_was_not_read_to_its_end_is_closed() -> None:
    connections = Connections()
    connections.may_answer.set()
    async with connections.client.answer(REQUEST):
        pass
    assert connections.opened[0].state == "closed"


async def test_connections_that_the_other_side_has_closed_are_not_used() -> None:
    connections = Connections()
    await connections.ask_at_once(3)
    for one in connections.opened:
        one.closed_by_the_other_side = True
    assert await connections.ask() == 3
    assert [one.state for one in connections.opened] == ["closed", "closed", "closed", "free"]


async def test_connections_that_are_too_old_are_not_used() -> None:
    connections = Connections()
    await connections.ask_at_once(2)
    await anyio.sleep(KEPT_SECONDS)
    assert await connections.ask() == 2
    assert [one.state for one in connections.opened] == ["closed", "closed", "free"]


async def test_connections_that_grew_old_unused_are_closed_by_the_next_request() -> None:
    connections = Connections()
    *unused, last = await connections.ask_at_once(3)
    await anyio.sleep(KEPT_SECONDS - 1)
    assert await connections.ask() == last
    await anyio.sleep(1)
    assert await connections.ask() == last
    assert [connections.opened[number].state for number in unused] == ["closed", "closed"]


async def test_in_the_end_all_are_closed() -> None:
    connections = Connections()
    await connections.ask_at_once(3)
    await connections.client.aclose()
    assert [one.state for one in connections.opened] == ["closed"] * 3
