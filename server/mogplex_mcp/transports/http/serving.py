"""The HTTP server: MCP at /mcp, health at /healthz and /readyz, a page for people at /."""

import contextlib
import errno
import ipaddress
import math
import socket
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import anyio
import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.core.http_server import HttpServer
from mogplex_mcp.core.metrics import NO_METRICS
from mogplex_mcp.core.readiness import Readiness
from mogplex_mcp.core.shutdown import ANSWER_SECONDS, AT_ONCE, Shutdown
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.credentials.verification import TokenVerification
from mogplex_mcp.server.app import create_server, tool_names, writing_tools
from mogplex_mcp.transports.http.addressing import AddressCheck
from mogplex_mcp.transports.http.authentication import AcceptanceCheck, CallerCheck
from mogplex_mcp.transports.http.bodies import LARGEST_BODY, BodyCheck
from mogplex_mcp.transports.http.concurrency import ConcurrencyLimit
from mogplex_mcp.transports.http.connections import NEXT_HEAD_SECONDS, limited_to
from mogplex_mcp.transports.http.messages import MessageCheck
from mogplex_mcp.transports.http.observation import Observation, log_access
from mogplex_mcp.transports.http.protected_resource import ProtectedResource
from mogplex_mcp.transports.http.refusals import MCP_PATH, METRICS_PATH
from mogplex_mcp.transports.http.site import Site

if TYPE_CHECKING:
    from mogplex_mcp.transports.http.metrics import PrometheusRecorder  # needs an extra

_BACKLOG: Final = 1_024
# Callers keep idle connections for their next request, in addition to those that wait for a response.
_CONNECTIONS_PER_REQUEST: Final = 2
_CONNECTIONS_FOR_METRICS: Final = 32


def create_app(
    settings: Settings,
    *,
    shutdown: Shutdown | None = None,
    readiness: Readiness | None = None,
    recorder: "PrometheusRecorder | None" = None,
    **parts: Any,
) -> ASGIApp:
    """Return the ASGI app: stateless, with responses as event streams so that progress and disconnects work.

    A request passes the checks of address, path, caller, concurrency, body and message, in this order, before it
    reaches MCP; with `--oauth`, Mogplex is asked about access tokens before the body is read.

    Args:
        settings: The user's choices.
        shutdown: The graceful shutdown of this process.
        readiness: The readiness of this process.
        recorder: Records what is measured; None without metrics.
        parts: More arguments of `create_server`.
    """
    shutdown, known, resource = shutdown or Shutdown(), KnownTokens(), ProtectedResource(settings)
    readiness, verification = readiness or Readiness(shutdown), TokenVerification(known)
    server = create_server(
        settings,
        multi_tenant=True,
        shutdown=shutdown,
        known=known,
        readiness=readiness,
        verification=verification,
        recorder=recorder or NO_METRICS,
        **parts,
    )
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=MCP_PATH,
        stateless_http=True,
        max_request_body_size=LARGEST_BODY,
        # `AddressCheck` is stricter, and covers every path.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    app = BodyCheck(app, MessageCheck(known, writing_tools(settings), resource))
    app = ConcurrencyLimit(
        AcceptanceCheck(app, known, resource, verification) if resource.has_sign_in else app,
        most=settings.max_requests,
        most_of_one=settings.max_requests_per_caller,
        is_verified=known.is_accepted,
    )
    app = Site(CallerCheck(app, settings, known, resource), settings, shutdown, readiness, resource)
    app = AddressCheck(app, settings.allowed_hosts)
    observers = [*([log_access] if settings.access_log else []), *([recorder.responded] if recorder else [])]
    return Observation(app, observers, tool_names(settings)) if observers else app


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
    shutdown = Shutdown(settings.drain_seconds)
    readiness = Readiness(shutdown)
    recorder = _recorder(settings, readiness)
    app = create_app(settings, shutdown=shutdown, readiness=readiness, recorder=recorder)
    listener = _listen(settings.host, settings.port, "")
    server = _server(app, settings, most=_CONNECTIONS_PER_REQUEST * settings.max_requests, has_lifespan=True)
    with contextlib.closing(listener):
        say(f"mogplex-mcp serves MCP at http://{_address(settings.host, listener)}{MCP_PATH}; Ctrl-C ends.")
        async with shutdown.instead_of_cancelling(), _serving_metrics(settings, recorder):
            with shutdown.within(AT_ONCE):
                await server.serve(sockets=[listener])
            if server.started:
                await server.shutdown(sockets=[listener])


def _server(app: ASGIApp, settings: Settings, *, most: int, has_lifespan: bool) -> HttpServer:
    """Return a server for an app, with at most so many connections."""
    config = uvicorn.Config(
        app,
        http=limited_to(most),
        ws="none",
        log_config=None,  # its loggers write through `redaction`
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        # Nothing here depends on a caller's address, and such headers can be forged.
        proxy_headers=False,
        lifespan="on" if has_lifespan else "off",
        timeout_keep_alive=int(NEXT_HEAD_SECONDS),
        timeout_graceful_shutdown=math.ceil(ANSWER_SECONDS),
    )
    return HttpServer(config)


def _recorder(settings: Settings, readiness: Readiness) -> "PrometheusRecorder | None":
    """Return the recorder of metrics, if metrics are asked for.

    Raises:
        SettingsError: The library is missing.
    """
    if settings.metrics_port is None:
        return None
    try:
        from mogplex_mcp.transports.http.metrics import PrometheusRecorder  # noqa: PLC0415 - needs an extra
    except ImportError:
        raise SettingsError(
            "--metrics-port needs the Prometheus client: install it with uv tool install 'mogplex-mcp[metrics]'"
        ) from None
    return PrometheusRecorder(readiness)


@contextlib.asynccontextmanager
async def _serving_metrics(settings: Settings, recorder: "PrometheusRecorder | None") -> AsyncIterator[None]:
    """Serve metrics while the block runs."""
    if recorder is None:
        yield
        return
    listener = _listen(settings.metrics_host, settings.metrics_port or 0, "metrics-")
    # On a loopback address, pages in a browser must not get at them by DNS rebinding.
    app: ASGIApp = AddressCheck(recorder, ()) if _is_loopback(settings.metrics_host) else recorder
    server = _server(app, settings, most=_CONNECTIONS_FOR_METRICS, has_lifespan=False)
    with contextlib.closing(listener):
        say(f"mogplex-mcp serves metrics at http://{_address(settings.metrics_host, listener)}{METRICS_PATH}.")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            yield
            tasks.cancel_scope.cancel()


def _address(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"[{host}]:{port}" if listener.family == socket.AF_INET6 else f"{host}:{port}"


def _listen(host: str, port: int, prefix: str) -> socket.socket:
    """Return a listening socket.

    Args:
        host: The address.
        port: The port; 0 for a free one.
        prefix: What the flags for both begin with.

    Raises:
        OSError: The address is not available; the message says why and what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            advice = f"another program uses that port. Choose another one with --{prefix}port; 0 picks a free one"
        else:
            advice = f"{error.strerror or error}. Give an address of this machine with --{prefix}host"
        raise OSError(f"cannot serve on {host} port {port}: {advice}.") from None
    # Connections inherit it. Without it (Nagle), the second part of a response waits 40 ms for the first one's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
