"""Floods of slow requests with made-up tokens: honest callers, new ones too, and health are served meanwhile."""

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.server.request_scope import CALLER
from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN, Simulator
from mogplex_mcp.transports.http.bodies import BodyCheck
from mogplex_mcp.transports.http.concurrency import ConcurrencyLimit
from tests.transports.http.support import HEADERS, Recorded, app_for, connected, echo, head, served

pytestmark = pytest.mark.anyio

FLOOD = 300
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_repos", "arguments": {}}}
VERIFIED, NEW = Token("mog_" + "v" * 32), Token("mog_" + "n" * 32)


def made_up(number: int) -> str:
    return f"mog_{number:032}"


@contextlib.asynccontextmanager
async def flood(address: str) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Requests with made-up tokens whose bodies never come to their end."""
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for number in range(FLOOD):
            reader, writer = await stack.enter_async_context(connected(address))
            shown = {"Authorization": f"Bearer {made_up(number)}", "Content-Type": "application/json"}
            writer.write(head(address, Content_Length=500_000, **shown) + b"{")
            readers.append(reader)
        yield readers


@pytest.mark.parametrize("known", [True, False])
async def test_slow_bodies_of_made_up_tokens_do_not_starve_honest_callers(known: bool) -> None:
    app = app_for(Simulator().transport(), max_requests=100)
    async with served(app) as address, httpx2.AsyncClient(base_url=f"http://{address}", timeout=30) as client:
        headers = HEADERS | {"Authorization": f"Bearer {DEMO_TOKEN}"}
        if known:
            assert (await client.post("/mcp", json=CALL, headers=headers)).status_code == 200
        async with flood(address):
            assert (await client.get("/healthz")).status_code == 200
            for _ in range(5):
                assert "acme/web" in (await client.post("/mcp", json=CALL, headers=headers)).text
            headers["Authorization"] = f"Bearer {DEMO_OTHER_TOKEN}"
            assert (await client.post("/mcp", json=CALL, headers=headers)).status_code == 200


async def test_displaced_request_is_answered_by_name() -> None:
    async with served(app_for(Simulator().transport(), max_requests=100)) as address, flood(address) as readers:
        with anyio.fail_after(20):
            answer = await readers[0].read()
    start, body = answer.split(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 503")
    assert b"connection: close" in start
    assert "Nothing was done" in json.loads(body)["error"]["message"]


class Held:
    """Requests to a limit whose app answers when it is let."""

    def __init__(self, most: int) -> None:
        self.done = anyio.Event()
        self.limit = ConcurrencyLimit(
            BodyCheck(self._app), most=most, most_of_one=most, is_verified=lambda token: token == VERIFIED
        )

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.done.wait()
        await echo(scope, receive, send)

    async def send(self, token: Token, address: str = "10.0.0.1", *, whole: bool = True) -> Recorded:
        recorded = Recorded()
        parts = [b"{}"]

        async def receive() -> Message:
            if parts:
                return {"type": "http.request", "body": parts.pop(), "more_body": not whole}
            await anyio.sleep_forever()
            raise AssertionError

        headers = [(b"content-type", b"application/json")]
        found = FoundToken(token, "the request")
        client = (address, 1)
        scope: Scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": headers, "client": client}
        await self.limit({**scope, CALLER: found}, receive, recorded.send)
        return recorded


async def answers(held: Held, tokens: list[Token], addresses: list[str], *, whole: bool) -> list[Recorded]:
    """What comes of these requests while all that got a slot still hold it."""
    answered: list[Recorded] = []

    async def send(token: Token, address: str) -> None:
        answered.append(await held.send(token, address, whole=whole))

    async with anyio.create_task_group() as tasks:
        for token, address in zip(tokens, addresses, strict=True):
            tasks.start_soon(send, token, address)
        await anyio.wait_all_tasks_blocked()
        refused = list(answered)
        held.done.set()
        tasks.cancel_scope.cancel()
    return refused


async def test_unverified_callers_share_a_quarter_of_the_slots() -> None:
    tokens = [Token(made_up(number)) for number in range(100)]
    addresses = [f"10.0.0.{number}" for number in range(100)]
    refused = await answers(Held(80), tokens, addresses, whole=True)
    assert [one.status for one in refused] == [503] * 80


async def test_unverified_callers_of_one_address_share_an_eighth_of_the_slots() -> None:
    tokens = [Token(made_up(number)) for number in range(100)]
    refused = await answers(Held(160), tokens, ["10.0.0.1"] * 100, whole=True)
    assert [one.status for one in refused] == [503] * 80


async def test_verified_callers_get_the_other_slots() -> None:
    tokens = [Token(made_up(number)) for number in range(40)] + [VERIFIED] * 60
    refused = await answers(Held(80), tokens, ["10.0.0.1"] * 100, whole=True)
    assert len(refused) == 24


async def test_slot_of_a_displaced_request_is_released_once() -> None:
    held = Held(16)
    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(functools.partial(held.send, Token(made_up(number)), whole=False))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    held.done.set()
    assert [(await held.send(NEW)).status for _ in range(20)] == [200] * 20


async def test_new_connection_displaces_the_one_that_waits_longest() -> None:
    async with (
        served(echo, lifespan=False, most=3, displaced_seconds=0.0) as address,
        connected(address) as (first, _),
        connected(address) as (_, second),
        connected(address),
        connected(address) as (reader, writer),
    ):
        writer.write(head(address, Content_Length=0))
        with anyio.fail_after(10):
            assert b"200" in await reader.readline()
            with contextlib.suppress(ConnectionError):
                assert await first.read() == b""
        second.write(head(address, Content_Length=0))


async def test_small_chunks_are_refused_before_they_cost_time() -> None:
    async with served(app_for(Simulator().transport(), demo=True)) as address, connected(address) as (reader, writer):
        shown = {**HEADERS, "Transfer-Encoding": "chunked"}
        writer.write(head(address, **shown) + b"1\r\nx\r\n" * 100_000)
        with anyio.fail_after(10):
            assert b" 400 " in await reader.readline()


async def test_body_of_many_lines_is_not_taken_for_chunks() -> None:
    body = json.dumps({**CALL, "params": {"name": "list_repos", "arguments": {}, "x": [0] * 5_000}}, indent=1)
    sent = body.replace("\n", "\r\n").encode()
    async with served(app_for(Simulator().transport(), demo=True)) as address, connected(address) as (reader, writer):
        writer.write(head(address, Content_Length=len(sent), **HEADERS) + sent)
        with anyio.fail_after(10):
            assert b" 200 " in await reader.readline()


async def test_head_of_many_lines_is_refused() -> None:
    async with served(app_for(Simulator().transport(), demo=True)) as address, connected(address) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 16_000)
        with anyio.fail_after(10):
            assert b" 400 " in await reader.readline()


async def test_what_is_no_http_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with served(app_for(Simulator().transport(), demo=True)) as address, connected(address) as (reader, writer):
        writer.write(b"\x16\x03\x01\r\n\r\n")
        with anyio.fail_after(10):
            assert b" 400 " in await reader.readline()
    assert "Invalid HTTP" not in caplog.text


async def test_garbage_within_a_response_only_ends_the_connection() -> None:
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))

    async def streaming(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    async with served(streaming, lifespan=False) as address, connected(address) as (reader, writer):
        writer.write(head(address, Transfer_Encoding="chunked") + b"1\r\nx\r\n")
        assert b"200" in await reader.readline()
        writer.write(b"\0\0\r\n\r\n" * 10)
        with anyio.fail_after(10), contextlib.suppress(ConnectionError):
            await reader.read()
    assert errors == []
