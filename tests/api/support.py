"""Stand-ins for what `MogplexHttp` is given: a budget, a sleep, a network."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.http import MogplexHttp

BASE_URL = "https://mogplex.test/api/v1/mogplex"
TOKEN = Token.parse("mog_TestTokenTestTokenTestTokenTest0")
RUN_ID = "75ce86aa-b59e-5f62-9d77-426c941e3c32"
REPO_ID = "be7bd470-71eb-5a08-a17f-3310ef8845a4"
OTHER_ID = "2e6508f6-d327-5685-8bb3-ec2086662e65"

Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class CountingBudget:
    """A budget that always has room and remembers what was asked of it."""

    def __init__(self) -> None:
        self.spent: list[tuple[int, bool]] = []
        self.pauses: list[float] = []

    async def spend(self, units: int, *, watching: bool) -> None:
        self.spent.append((units, watching))

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Network:
    """Answers from a list, one for each request; an exception in it is raised, the last entry stays."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def body(self) -> Any:
        return json.loads(self.requests[-1].content)


class Bench:
    """A `MogplexHttp` with everything around it in reach."""

    def __init__(
        self,
        network: Callable[[httpx2.Request], Awaitable[httpx2.Response]],
        *,
        token: Token | None = TOKEN,
        base_url: str = BASE_URL,
    ) -> None:
        self.budget = CountingBudget()
        self.sleeps: list[float] = []
        transport = httpx2.MockTransport(network)  # type: ignore[arg-type] # async is fine
        self.http = MogplexHttp(transport, base_url, token, self.budget, sleep=self._sleep, random=lambda: 1.0)

    async def _sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)


def ok(**data: Any) -> httpx2.Response:
    return httpx2.Response(200, json={"ok": True, "data": data})


def refused(status: int, code: str, message: str = "said so", **headers: str) -> httpx2.Response:
    body = {"ok": False, "error": {"code": code, "message": message}}
    return httpx2.Response(
        status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@contextlib.asynccontextmanager
async def serving(
    on_connection: Connection, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[str]:
    """A server on this machine; gives the base URL that leads to it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await on_connection(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, host, 0, ssl=tls, family=socket.AF_INET)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"{'https://localhost' if tls else f'http://{host}'}:{port}/api/v1/mogplex"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """A request as it came: its head, and its body by Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + (await reader.readexactly(int(lengths[0])) if lengths else b"")


def raw_answer(body: bytes, *extra: str, status: str = "200 OK") -> bytes:
    """An answer as bytes, with its length."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *extra]
    return "\r\n".join([*lines, "", ""]).encode() + body
