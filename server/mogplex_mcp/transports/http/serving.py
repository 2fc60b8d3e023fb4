"""The HTTP server: MCP at /mcp, health at /healthz and /readyz, a page for people at /."""

import contextlib
import errno
import ipaddress
import math
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.core.shutdown import ANSWER_SECONDS, AT_ONCE, Shutdown
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.server.app import create_server, writing_tools
from mogplex_mcp.transports.http.addressing import AddressCheck
from mogplex_mcp.transports.http.authentication import CallerCheck
from mogplex_mcp.transports.http.bodies import LARGEST_BODY, BodyCheck
from mogplex_mcp.transports.http.concurrency import ConcurrencyLimit
from mogplex_mcp.transports.http.connections import NEXT_HEAD_SECONDS, limited_to
from mogplex_mcp.transports.http.messages import MessageCheck
from mogplex_mcp.transports.http.refusals import MCP_PATH
from mogplex_mcp.transports.http.site import Site

_BACKLOG: Final = 1_024
# Callers keep idle connections for their next request, in addition to those that wait for a response.
_CONNECTIONS_PER_REQUEST: Final = 2


def create_app(settings: Settings, *, shutdown: Shutdown | None = None, **parts: Any) -> ASGIApp:
    """Return the ASGI app: stateless, with responses as event streams so that progress and disconnects work.

    A request passes the checks of address, path, caller, concurrency, body and message, in this order, before it
    reaches MCP.

    Args:
        settings: The user's choices.
        shutdown: The graceful shutdown of this process.
        parts: More arguments of `create_server`.
    """
    shutdown, known = shutdown or Shutdown(), KnownTokens()
    server = create_server(settings, multi_tenant=True, shutdown=shutdown, known=known, **parts)
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=MCP_PATH,
        stateless_http=True,
        max_request_body_size=LARGEST_BODY,
        # `AddressCheck` is stricter, and covers every path.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    app = ConcurrencyLimit(
        BodyCheck(app, MessageCheck(known, writing_tools(settings))),
        most=settings.max_requests,
        most_of_one=settings.max_requests_per_caller,
        is_verified=known.is_accepted,
    )
    return AddressCheck(Site(CallerCheck(app, settings, known), settings, shutdown), settings.allowed_hosts)


async def serve_http(settings: Settings) -> None:
    """Serve until cancelled, then shut down gracefully.

    Raises:
        SettingsError: The address is not a loopback address, and no host name is allowed for it.
        OSError: The address is not available; the message says why and what to do.
    """
    if not _is_loopback(settings.host) and not settings.allowed_hosts:
        raise SettingsError(
            f"serving on {settings.host} opens this server to others: say by which names they may address it, "
            "with --allowed-host NAME"
        )
    listener = _listen(settings)
    address = f"[{settings.host}]" if listener.family == socket.AF_INET6 else settings.host
    shutdown = Shutdown()
    config = uvicorn.Config(
        create_app(settings, shutdown=shutdown),
        http=limited_to(_CONNECTIONS_PER_REQUEST * settings.max_requests),
        ws="none",
        log_config=None,  # its loggers write through `redaction`
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        # Nothing here depends on a caller's address, and such headers can be forged.
        proxy_headers=False,
        lifespan="on",
        timeout_keep_alive=int(NEXT_HEAD_SECONDS),
        timeout_graceful_shutdown=math.ceil(ANSWER_SECONDS),
    )
    server = HttpServer(config)
    say(f"mogplex-mcp serves MCP at http://{address}:{listener.getsockname()[1]}{MCP_PATH}; Ctrl-C ends.")
    with contextlib.closing(listener):
        async with shutdown.instead_of_cancelling():
            with shutdown.within(AT_ONCE):
                await server.serve(sockets=[listener])
            if server.started:
                await server.shutdown(sockets=[listener])


class HttpServer(uvicorn.Server):
    """A uvicorn server that leaves signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            advice = "another program uses that port. Choose another one with --port; 0 picks a free one"
        else:
            advice = f"{error.strerror or error}. Give an address of this machine with --host"
        raise OSError(f"cannot serve on {settings.host} port {settings.port}: {advice}.") from None
    # Connections inherit it. Without it (Nagle), the second part of a response waits 40 ms for the first one's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
