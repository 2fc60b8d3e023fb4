"""An HTTP server in the test's own process, and requests to it byte by byte."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
import httpx2
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.http_server import HttpServer
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.server.request_scope import CALLER
from mogplex_mcp.transports.http.connections import TimeLimitedProtocol
from mogplex_mcp.transports.http.serving import create_app

PATIENCE = 10.0
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


class Server(HttpServer):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = anyio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@contextlib.asynccontextmanager
async def served(app: ASGIApp, *, lifespan: bool = True, **limits: float) -> AsyncIterator[str]:
    """The address ("127.0.0.1:…") of an app.

    Args:
        app: What is served.
        lifespan: Whether the app has one.
        limits: Attributes of `TimeLimitedProtocol`.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    protocol = type("Protocol", (TimeLimitedProtocol,), limits)
    server = Server(
        uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            log_level="critical",
            proxy_headers=False,
            lifespan="on" if lifespan else "off",
            timeout_graceful_shutdown=0,
        )
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        try:
            with anyio.fail_after(PATIENCE):
                await server.listens.wait()
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True


def app_for(transport: httpx2.AsyncBaseTransport, **settings: Any) -> ASGIApp:
    return create_app(Settings(**settings), transport=transport)


async def ask(app: ASGIApp, path: str = "/mcp", **headers: str) -> httpx2.Response:
    """What an app answers that is not running: enough for what is refused before MCP sees it."""
    transport = httpx2.ASGITransport(app)
    sent = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8765") as client:
        return await client.post(path, json=LIST, headers=sent)


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**20)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def head(address: str, method: str = "POST", **headers: Any) -> bytes:
    """The head of a request to /mcp."""
    shown = {"Host": address, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"{method} /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in shown.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def status_of(reader: asyncio.StreamReader) -> int:
    """The status of the answer that comes."""
    with anyio.fail_after(PATIENCE):
        return int((await reader.readline()).split()[1])


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Whether the connection ends, after whatever it still brings."""
    with anyio.move_on_after(PATIENCE):
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass
        return True
    return False


class Recorded:
    """What one request to an ASGI app came to."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")

    @property
    def error(self) -> str:
        said: str = json.loads(self.body)["error"]["data"]["error"]
        return said


async def request(
    app: ASGIApp, receive: Receive, headers: Mapping[str, str] | None = None, *, caller: Token | None = None
) -> Recorded:
    """Send one request of a caller straight to an ASGI app."""
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    recorded = Recorded()
    found = FoundToken(caller, "the request") if caller else None
    scope: Scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": raw, CALLER: found}
    await app(scope, receive, recorded.send)
    return recorded


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that answers with the body of the request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
