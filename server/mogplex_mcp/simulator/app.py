"""The simulator: its data, its clock, its injected faults, and the ASGI application that serves them."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import anyio
import httpx2

from . import fault_effects, service
from .context import State
from .demo import demo_world
from .faults import FaultKind, Faults
from .limits import RateLimit, StartQuotas
from .messages import BASE_PATH, Request, Response
from .routing import resolve_dots
from .scripts import RunScript, script_of
from .transport import SimulatorTransport
from .wire import WIRE, Wire
from .world import World

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(slots=True)
class SeenRequest:
    """A request that reached the simulator.

    Attributes:
        path: as sent, with its query.
        token: what followed `Bearer `, or None.
        at: when it arrived, epoch seconds.
        status: of the response; None until it is sent, and if the connection ended without one.
        units: rate-limit units that it cost.
    """

    method: str
    path: str
    token: str | None
    at: float
    status: int | None = None
    units: int = 0


class Simulator:
    """A Mogplex API inside this process.

    Args:
        world: the data that it serves; None for `demo_world()`.
        now: the clock, epoch seconds. Runs progress by it alone, so a fake clock skips half an hour in no time.
        sleep: waits for seconds, for booting sandboxes and slow faults.
        run_seconds: how long a scripted run takes from its start to its end.

    Attributes:
        world: the data that it serves; may be changed at any time.
        faults: the injected faults.
        requests: all requests so far.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        run_seconds: float = 600.0,
    ) -> None:
        self.world = demo_world(now()) if world is None else world
        self.faults = Faults()
        self.requests: list[SeenRequest] = []
        self.state = State(self.world, now, sleep, run_seconds, RateLimit(now), StartQuotas(now), faults=self.faults)

    @property
    def app(self) -> ASGIApp:
        """Return the ASGI application. Connection faults need `transport()` or `serve()`; here they raise."""
        return self._serve

    def transport(self) -> httpx2.AsyncBaseTransport:
        """Return a transport for `httpx2.AsyncClient` that calls this simulator without a socket."""
        return SimulatorTransport(self._serve, self.state.sleep, self.state.now)

    def plan(self, script: RunScript | str) -> None:
        """Queue a script for the next run that is started.

        Raises:
            KeyError: there is no script of this name.
        """
        self.state.planned.append(script_of(script))

    def plan_job_run(self, ending: str) -> None:
        """Queue how the next run of an automation ends: `success`, `failed`, or `pending` if no worker ever comes."""
        self.state.planned_job_endings.append(ending)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the simulator speaks HTTP, not {scope['type']}")
        wire: Wire = scope.get("extensions", {}).get(WIRE) or Wire(self.state.sleep)
        request = await _request(scope, receive, wire)
        seen = SeenRequest(request.method, _target(request), _token(request), self.state.now())
        self.requests.append(seen)
        fault = self.faults.take(request.method, request.raw_path.removeprefix(BASE_PATH) or "/")
        response = None if fault is None else await fault_effects.replace_response(fault, request, wire)
        if response is None:
            if fault is not None and fault.kind is FaultKind.QUEUE_FAILURE:
                request.queue_failure = fault.seconds
            if fault is not None and fault.kind is FaultKind.QUEUE_HANG:
                request.queue_hang = fault.seconds
            response = await service.handle(self.state, request)
        seen.units = request.units
        if request.method == "HEAD":
            response = Response(response.status, b"", response.headers)
        if fault is None or not await fault_effects.alter_response(fault, response, wire, send):
            await fault_effects.send_response(response, send)
        seen.status = response.status


async def _request(scope: Scope, receive: Receive, wire: Wire) -> Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            break
    raw_query = scope.get("query_string", b"").decode("latin-1")
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw_query, keep_blank_values=True, errors="replace"):
        query.setdefault(name, value)  # of a repeated parameter the first one counts
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        raw_path=resolve_dots(raw_path.decode("latin-1")),
        query=query,
        headers={name.decode("latin-1").lower(): value.decode("latin-1").strip() for name, value in scope["headers"]},
        body=body,
        wait=wire.wait,
        raw_query=raw_query,
    )


def _target(request: Request) -> str:
    return request.raw_path + (f"?{request.raw_query}" if request.raw_query else "")


def _token(request: Request) -> str | None:
    header = request.headers.get("authorization", "")
    return header.removeprefix("Bearer ") if header.startswith("Bearer ") else None
