"""What one request may carry, and how many there may be."""

import functools

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.connection_pool import CONNECTIONS_PER_POOL, MAX_POOLS
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.transports.http.bodies import LARGEST_BODY, BodyCheck
from mogplex_mcp.transports.http.concurrency import ConcurrencyLimit
from tests.transports.http.support import Recorded, echo, request

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json; charset=utf-8"}
ALICE, BOB = Token("mog_" + "a" * 32), Token("mog_" + "b" * 32)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    return virtual_time


def parts(*bodies: bytes, pause: float = 0.0) -> Receive:
    """A client that sends its body in parts, and then hangs up."""
    left = list(bodies)

    async def receive() -> Message:
        await anyio.sleep(pause)
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return receive


async def test_a_body_that_comes_in_parts_arrives_whole() -> None:
    answer = await request(BodyCheck(echo), parts(b'{"a"', b":1", b"}"), JSON)
    assert (answer.status, answer.body) == (200, b'{"a":1}')


async def test_a_body_of_the_largest_size_is_taken_and_one_more_byte_is_not() -> None:
    assert (await request(BodyCheck(echo), parts(b"x" * LARGEST_BODY), JSON)).status == 200
    answer = await request(BodyCheck(echo), parts(b"x" * LARGEST_BODY, b"x", b"x"), JSON)
    assert (answer.status, answer.error, answer.headers["connection"]) == (413, "too_large", "close")


async def test_a_body_that_is_declared_too_large_is_not_even_read() -> None:
    async def receive() -> Message:
        raise AssertionError

    answer = await request(BodyCheck(echo), receive, JSON | {"content-length": str(10**30)})
    assert answer.status == 413


async def test_a_body_that_trickles_is_given_up() -> None:
    began = anyio.current_time()
    answer = await request(BodyCheck(echo, seconds=30), parts(*[b"x"] * 1_000, pause=1), JSON)
    assert (answer.status, answer.error) == (408, "too_slow")
    assert anyio.current_time() - began == 30


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_not_answered_for_half_of_it() -> None:
    async def receive() -> Message:
        return messages.pop(0)

    messages: list[Message] = [
        {"type": "http.request", "body": b'{"jsonrpc"', "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert (await request(BodyCheck(echo), receive, JSON)).status == 0


async def test_a_client_that_hangs_up_after_its_body_is_noticed_by_who_answers() -> None:
    heard: list[str] = []

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        heard.extend([(await receive())["type"], (await receive())["type"]])

    await request(BodyCheck(app), parts(b"{}"), JSON)
    assert heard == ["http.request", "http.disconnect"]


class Busy:
    """An app that answers when it is told to."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.open += 1
        await self.done.wait()
        self.open -= 1
        await echo(scope, receive, send)


async def test_one_caller_cannot_hold_the_slots_of_others() -> None:
    busy = Busy()
    limit = ConcurrencyLimit(busy, most=10, most_of_one=3)
    answers: dict[Token, list[Recorded]] = {ALICE: [], BOB: []}

    async def send(caller: Token) -> None:
        answers[caller].append(await request(limit, parts(b""), caller=caller))

    async with anyio.create_task_group() as tasks:
        for caller in (ALICE,) * 5 + (BOB,) * 2:
            tasks.start_soon(send, caller)
        await anyio.sleep(1)
        assert busy.open == 5
        assert [one.status for one in answers[ALICE]] == [429, 429]
        assert answers[ALICE][0].headers["retry-after"]
        assert answers[BOB] == []
        busy.done.set()
    assert [one.status for one in answers[BOB]] == [200, 200]
    assert (await request(limit, parts(b""), caller=ALICE)).status == 200


async def test_full_server_responds_with_retry_after_and_health_still_works() -> None:
    busy = Busy()
    limit = ConcurrencyLimit(busy, most=2, most_of_one=2)
    async with anyio.create_task_group() as tasks:
        for caller in (ALICE, BOB):
            tasks.start_soon(functools.partial(request, limit, parts(b""), caller=caller))
        await anyio.sleep(1)
        refused = await request(limit, parts(b""), caller=None)
        assert (refused.status, refused.error) == (503, "busy")
        assert "Nothing was done" in refused.body.decode()
        assert refused.headers["retry-after"]
        busy.done.set()
        health = Recorded()
        await limit({"type": "http", "method": "GET", "path": "/healthz", "headers": []}, parts(b""), health.send)
        assert health.status == 200


async def test_slot_is_released_before_the_response_ends() -> None:
    async def lingering(scope: Scope, receive: Receive, send: Send) -> None:
        await echo(scope, receive, send)
        await anyio.sleep(60)

    limit = ConcurrencyLimit(lingering, most=1, most_of_one=1)
    answers: list[Recorded] = []

    async def ask() -> None:
        answers.append(await request(limit, parts(b"")))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.sleep(1)
        tasks.start_soon(ask)
    assert [one.status for one in answers] == [200, 200]


def test_a_caller_may_have_as_many_requests_open_as_there_are_connections_to_mogplex() -> None:
    assert Settings().max_requests_per_caller == MAX_POOLS * CONNECTIONS_PER_POOL


async def test_slot_is_released_after_a_failed_or_cancelled_request() -> None:
    async def failing(_: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep(60)
        raise ValueError("failed")

    limit = ConcurrencyLimit(failing, most=1, most_of_one=1)
    with anyio.move_on_after(1):
        await request(limit, parts(b""))
    for _ in range(2):
        with pytest.raises(ValueError, match="failed"):
            await request(limit, parts(b""))
