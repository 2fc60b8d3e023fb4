"""The processes of a comparison: the upstream, and contenders in front of it."""

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from benchmarks.compare.client import LARGEST_ANSWER, Client, ContenderError, HttpClient, StdioClient
from benchmarks.compare.contenders import CONTENDERS, Contender, Transport
from benchmarks.compare.environments import CACHE, ROOT
from benchmarks.compare.traffic import TOKENS, Traffic

STARTING_SECONDS: Final = 30.0
_ENDING_SECONDS: Final = 5.0
_LAST_WORDS: Final = 600
_PROGRAMS: Final = ROOT / "benchmarks" / "contenders"


class UpstreamProcess:
    """The simulated Mogplex in a process of its own; an async context manager.

    Attributes:
        origin: Its address, without a path.
    """

    origin = ""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.compare.upstream",
            cwd=ROOT,
            env=os.environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self.origin = (await self._read())["address"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _end(self._process)

    async def set_latency(self, seconds: float) -> None:
        """Answer each request so much later."""
        await self._order({"latency": seconds})

    async def traffic(self, contender: Contender) -> Traffic:
        """What a contender has asked so far."""
        return Traffic(**(await self._order({}))[token_of(contender)])

    async def _order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        if self._process.stdin is None:
            raise ContenderError("the upstream takes no orders")
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await self._read()

    async def _read(self) -> dict[str, Any]:
        if self._process.stdout is None or not (line := await self._process.stdout.readline()):
            raise ContenderError("the upstream did not start")
        said: dict[str, Any] = json.loads(line)
        return said


@dataclass
class Running:
    """A contender that runs.

    Attributes:
        client: Asks it.
        pid: Its process; None for an endpoint that was there already.
    """

    contender: Contender
    client: Client
    pid: int | None

    async def call(self) -> bytes:
        """The call that is measured."""
        return await self.client.request("tools/call", self.contender.call)


@contextlib.asynccontextmanager
async def running(
    contender: Contender,
    upstream: UpstreamProcess,
    *,
    modern: bool = False,
    loaded: bool = False,
    under: Sequence[str] = (),
    starting_seconds: float = STARTING_SECONDS,
) -> AsyncIterator[Running]:
    """A contender that has been started and not been asked anything yet; killed at the end if it does not end.

    Args:
        contender: Which one.
        upstream: What it asks.
        modern: Whether its client speaks the 2026 protocol.
        loaded: Whether it is asked more than a minute's budget allows.
        under: The program that it runs under, such as valgrind.
        starting_seconds: How long it may take until it listens, over HTTP.

    Raises:
        ContenderError: It does not answer; with what it said on stderr.
    """
    names = _names(contender, upstream)
    command = [*under, *(word.format_map(names) for word in (loaded and contender.loaded) or contender.command)]
    address = f"http://127.0.0.1:{names['port']}{contender.path}" if contender.command else names["hosted"]
    with tempfile.TemporaryFile() as said:
        process = None
        if contender.command:
            variables = {name: value.format_map(names) for name, value in contender.variables.items()}
            process = await asyncio.create_subprocess_exec(
                *command,
                env=_clean_environment() | variables | {"HOME": str(_home(contender)), "PYTHONHASHSEED": "0"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
                limit=LARGEST_ANSWER,
            )
        client: Client | None = None
        try:
            if process is not None and contender.transport is Transport.STDIO:
                client = StdioClient(process, modern=modern)
            else:
                await _until_listening(address, starting_seconds)
                client = HttpClient(address, names["token"], modern=modern)
            yield Running(contender, client, None if process is None else process.pid)
        except (ContenderError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            said.seek(0)
            words = said.read().decode(errors="replace").strip()[-_LAST_WORDS:]
            raise ContenderError(f"{str(error) or type(error).__name__} {words}".strip()) from error
        finally:
            if client is not None:
                await client.aclose()
            if process is not None:
                await _end(process)


def token_of(contender: Contender) -> str:
    """The token by which a contender's requests are told from the others'."""
    return TOKENS[[one.name for one in CONTENDERS].index(contender.name)]


def _names(contender: Contender, upstream: UpstreamProcess) -> dict[str, str]:
    environment = contender.environment
    api = f"{upstream.origin}/api/v1/mogplex"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        "bin": str(environment.binaries) if environment else "",
        "folder": str(environment.folder) if environment else "",
        "programs": str(_PROGRAMS),
        "origin": upstream.origin,
        "api": api,
        "hosted": f"{api}/mcp",
        "token": token_of(contender),
        "port": str(port),
    }


def _home(contender: Contender) -> Path:
    """The home directory of a contender, which it finds again at its next start, as a user's."""
    home = CACHE / "homes" / contender.name
    home.mkdir(parents=True, exist_ok=True)
    return home


def _clean_environment() -> dict[str, str]:
    """The environment without any setting of whoever runs this."""
    foreign = ("MOGPLEX", "XDG", "FASTMCP", "PYTHON", "OTEL")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(foreign)}


async def _until_listening(address: str, seconds: float) -> None:
    host, _, port = address.split("/")[2].partition(":")
    async with asyncio.timeout(seconds):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close stdin, which ends a stdio server; then less kindly."""
    if process.stdin is not None:
        process.stdin.close()
    for end in (None, process.terminate, process.kill):
        if end is not None:
            with contextlib.suppress(ProcessLookupError):
                end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_SECONDS):
                await process.wait()
                return
