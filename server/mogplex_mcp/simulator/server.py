"""The simulator on a port, with faults that happen to real sockets."""

import asyncio
import contextlib
import logging
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
from anyio.abc import TaskStatus

from .messages import Response
from .wire import WIRE, Gone, Wire

if TYPE_CHECKING:
    from .app import ASGIApp, Simulator

_SHUTDOWN_SECONDS = 5.0
_RESET_ON_CLOSE = struct.pack(
    "hh" if sys.platform == "win32" else "ii", 1, 0
)  # SO_LINGER, on, zero seconds: closing sends RST


async def serve(
    simulator: "Simulator",
    host: str = "127.0.0.1",
    port: int = 8787,
    *,
    task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a simulator on a port until cancelled.

    Args:
        simulator: what to serve.
        host: the address to listen on.
        port: 0 takes a free one.
        task_status: is told the port as soon as it listens (`port = await task_group.start(serve, …)`).

    Raises:
        OSError: the port cannot be had.
    """
    import uvicorn  # noqa: PLC0415 - only who serves pays for it
    from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415 - the same

    class Protocol(H11Protocol):
        """Lets the application reach the connection it is answering on."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP only
            super().connection_made(transport)
            self.app = _with_wire(self.app, _SocketWire(simulator.state.sleep, transport))

    class Server(uvicorn.Server):
        """Leaves signals to the program around it, and says when it listens."""

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            task_status.started(listener.getsockname()[1])

    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    config = uvicorn.Config(
        simulator.app,
        interface="asgi3",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = Server(config)
    try:
        await server.serve(sockets=[listener])
    finally:
        with anyio.move_on_after(_SHUTDOWN_SECONDS, shield=True):
            server.force_exit = True
            for task in server.server_state.tasks:
                task.cancel()  # a slow answer must not outlive the server
            if server.started:
                await server.shutdown(sockets=[listener])
        listener.close()


class _SocketWire(Wire):
    """A wire that is a TCP connection."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]], transport: asyncio.Transport) -> None:
        super().__init__(sleep)
        self._transport = transport

    async def refuse(self) -> NoReturn:
        """Close the connection at once: the nearest thing to refusing it that can be had per request."""
        self._transport.close()
        raise Gone

    async def reset(self) -> NoReturn:
        """Reset the connection."""
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()
        raise Gone

    async def send_part(self, response: Response, sent: bytes, declared: int) -> NoReturn:
        """Send bytes past the HTTP implementation, which would not let a wrong length out."""
        lines = [f"HTTP/1.1 {response.status} Simulated", f"content-length: {declared}"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + sent)
        self._transport.close()
        raise Gone


def _with_wire(app: Any, wire: Wire) -> "ASGIApp":
    async def wired(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        scope.setdefault("extensions", {})[WIRE] = wire
        try:
            await app(scope, receive, send)
        except Gone:
            # The server must see that the client is gone, or it would try to answer 500.
            while (await receive())["type"] != "http.disconnect":
                pass

    return wired
