"""Serves a simulator on a port, with faults on real sockets."""

import asyncio
import contextlib
import errno
import logging
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
from anyio.abc import TaskStatus

from .app import Simulator
from .demo import DEMO_TOKEN
from .messages import Response
from .modes import MODES
from .wire import WIRE, ConnectionEnded, Wire

if TYPE_CHECKING:
    from .app import ASGIApp

_SHUTDOWN_SECONDS = 5.0
_RESET_ON_CLOSE = struct.pack(
    "hh" if sys.platform == "win32" else "ii", 1, 0
)  # SO_LINGER, on, zero seconds: closing sends RST


async def serve(
    simulator: Simulator,
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
        task_status: gets the port as soon as it listens (`port = await task_group.start(serve, …)`).

    Raises:
        OSError: the port is not available.
    """
    import uvicorn  # noqa: PLC0415 - slow to import, and only needed here
    from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415 - the same

    class Protocol(H11Protocol):
        """Gives the application access to its connection."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP only
            super().connection_made(transport)
            self.app = _with_wire(self.app, _SocketWire(simulator.state.sleep, transport))

    class Server(uvicorn.Server):
        """Installs no signal handlers, and reports when it listens."""

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            task_status.started(listener.getsockname()[1])

    listener = _listen(host, port)
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
                task.cancel()  # a slow response must not outlive the server
            if server.started:
                await server.shutdown(sockets=[listener])
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        OSError: The address is not available; the message says why and what to do.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            advice = "another program uses that port. Choose another one with --port; 0 picks a free one"
        else:
            advice = f"{error.strerror or error}. Give an address of this machine with --host"
        raise OSError(f"cannot serve on {host} port {port}: {advice}.") from None


async def serve_simulator(host: str, port: int, run_seconds: float, modes: Sequence[str] = ()) -> None:
    """Serve a simulated Mogplex until cancelled, and print to stderr how to use it.

    Args:
        host: the address to listen on.
        port: 0 takes a free one.
        run_seconds: how long a run takes.
        modes: names in `MODES`.

    Raises:
        OSError: the address is not available.
    """
    simulator = Simulator(run_seconds=run_seconds)
    for mode in modes:
        MODES[mode](simulator)
    async with anyio.create_task_group() as tasks:
        taken = await tasks.start(serve, simulator, host, port)
        address = f"[{host}]" if ":" in host else host
        print(  # noqa: T201 - the output of a command
            f"A simulated Mogplex is at http://{address}:{taken}; Ctrl-C stops it. To use it:\n"
            f"  export MOGPLEX_URL=http://{address}:{taken} MOGPLEX_API_KEY={DEMO_TOKEN}",
            file=sys.stderr,
            flush=True,
        )


class _SocketWire(Wire):
    """A wire that is a TCP connection."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]], transport: asyncio.Transport) -> None:
        super().__init__(sleep)
        self._transport = transport

    async def refuse(self) -> NoReturn:
        """Close the connection at once: the closest to refusing it that is possible per request."""
        self._transport.close()
        raise ConnectionEnded

    async def reset(self) -> NoReturn:
        """Reset the connection."""
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()
        raise ConnectionEnded

    async def send_part(self, response: Response, sent: bytes, declared: int) -> NoReturn:
        """Write to the socket directly, since the HTTP implementation would not send a wrong length."""
        lines = [f"HTTP/1.1 {response.status} Simulated", f"content-length: {declared}"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + sent)
        self._transport.close()
        raise ConnectionEnded


def _with_wire(app: Any, wire: Wire) -> "ASGIApp":
    async def wired(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        scope.setdefault("extensions", {})[WIRE] = wire
        try:
            await app(scope, receive, send)
        except ConnectionEnded:
            # Without the disconnect, the server would try to respond with 500.
            while (await receive())["type"] != "http.disconnect":
                pass

    return wired
