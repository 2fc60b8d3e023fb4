"""The HTTP server: MCP at /mcp, health at /healthz, addressed only by the names that the operator allows."""

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any, Final

import anyio
import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from mogplex_mcp import __version__
from mogplex_mcp.app import create_server
from mogplex_mcp.http.callers import CallerCheck, Callers
from mogplex_mcp.settings import Settings, SettingsError

MCP_PATH: Final = "/mcp"
SHUTDOWN_SECONDS: Final = 4
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def create_app(settings: Settings, **parts: Any) -> ASGIApp:
    """The ASGI app: stateless, answers as events so that progress and disconnects work.

    Args:
        settings: The user's choices.
        parts: Handed to `create_server`.
    """
    callers = Callers(settings)
    server = create_server(settings, identify=callers.identify, **parts)
    names = [*_LOOPBACK, *settings.allowed_hosts]
    app = server.streamable_http_app(
        streamable_http_path=MCP_PATH,
        stateless_http=True,
        transport_security=TransportSecuritySettings(
            allowed_hosts=[*names, *(f"{name}:*" for name in names)],
            allowed_origins=[
                f"{scheme}://{name}{port}" for scheme in ("http", "https") for name in names for port in ("", ":*")
            ],
        ),
        custom_starlette_routes=[Route("/healthz", _health)],
    )
    return CallerCheck(app, callers, MCP_PATH)


async def serve_http(settings: Settings) -> None:
    """Serve until cancelled.

    Raises:
        SettingsError: The address is not a loopback one and no name is allowed for it.
        OSError: The address cannot be had.
    """
    if not _is_loopback(settings.host) and not settings.allowed_hosts:
        raise SettingsError(
            f"serving on {settings.host} opens this server to others: say by which names they may address it, "
            "with --allowed-host NAME"
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family)
    address = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
    config = uvicorn.Config(
        create_app(settings),
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        lifespan="on",
        # Waits in tail_run are ended, not waited for: the runs go on, and starts are in the journal.
        timeout_graceful_shutdown=1,
    )
    server = HttpServer(config)
    print(  # noqa: T201 - for people: where it is
        f"mogplex-mcp serves MCP at http://{address}:{listener.getsockname()[1]}{MCP_PATH}; Ctrl-C ends.",
        file=sys.stderr,
        flush=True,
    )
    try:
        await server.serve(sockets=[listener])
    finally:
        with anyio.move_on_after(SHUTDOWN_SECONDS, shield=True):
            await server.shutdown(sockets=[listener])
        listener.close()


class HttpServer(uvicorn.Server):
    """Leaves signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": __version__})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
