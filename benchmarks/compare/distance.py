"""Calls over a network with TLS and a round trip of 40 ms, each some seconds after the last one, as agents make them.

A relay on this machine delays all bytes, so that a connection that is not kept costs what it does far away.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.certificates import self_signed

from benchmarks.compare.contenders import Contender
from benchmarks.compare.effort import Effort
from benchmarks.compare.processes import STARTING_SECONDS, Route, UpstreamProcess, running

ROUND_TRIP_MS: Final = 40
PAUSE_SECONDS: Final = 6.0
"""Between two calls: a second more than HTTP libraries keep a connection by default."""

_MS: Final = 1_000
_READ_BYTES: Final = 65_536


@contextlib.asynccontextmanager
async def far_away(upstream: UpstreamProcess, folder: Path) -> AsyncIterator[Route]:
    """Serve an upstream over TLS, a round trip away.

    Args:
        upstream: The upstream.
        folder: Where its certificate is written.
    """
    context = self_signed(folder)
    port = urlsplit(upstream.origin).port or 0
    one_way = ROUND_TRIP_MS / _MS / 2
    async with await asyncio.start_server(functools.partial(_relay, port, 0.0), "127.0.0.1", 0, ssl=context) as near:
        relay = functools.partial(_relay, _port(near), one_way)
        async with await asyncio.start_server(relay, "127.0.0.1", 0) as far:
            yield Route(f"https://localhost:{_port(far)}", folder / "server.pem")


async def measure_distance(
    contender: Contender, upstream: UpstreamProcess, route: Route, effort: Effort
) -> list[float]:
    """Return the milliseconds of each call that is made after a pause.

    Raises:
        ContenderError: It does not answer.
    """
    times = []
    async with running(contender, upstream, route=route) as server:
        async with asyncio.timeout(STARTING_SECONDS):
            await server.client.open()
            await server.client.request("tools/list", {})
            await server.call()
        for _ in range(effort.pauses):
            await asyncio.sleep(PAUSE_SECONDS)
            sent = time.perf_counter()
            # Not alone: the relay needs the event loop.
            await server.call()
            times.append((time.perf_counter() - sent) * _MS)
    return times


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


async def _relay(port: int, one_way: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Relay a connection to a port; its bytes take so many seconds in each direction."""
    # TCP's own handshake is a round trip that the relay has answered at once.
    await asyncio.sleep(2 * one_way)
    with contextlib.suppress(OSError):
        from_there, to_there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_forward(reader, to_there, one_way), _forward(from_there, writer, one_way))


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    later = functools.partial(asyncio.get_running_loop().call_later, seconds)
    with contextlib.suppress(OSError):
        while data := await reader.read(_READ_BYTES):
            later(writer.write, data)
    later(writer.close)
