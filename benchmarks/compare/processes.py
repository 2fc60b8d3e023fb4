"""The processes of a comparison: the upstream, and contenders in front of it."""

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from benchmarks.compare.client import (
    ANSWER_SECONDS,
    Client,
    ContenderError,
    HttpClient,
    StdioClient,
    reason,
)
from benchmarks.compare.contenders import Contender, Transport
from benchmarks.compare.environments import CACHE, ROOT
from benchmarks.compare.traffic import TOKENS, Traffic

STARTING_SECONDS: Final = 30.0
_ENDING_SECONDS: Final = 5.0
_ENDING_SECONDS_UNDER: Final = 60.0
_LAST_WORDS: Final = 600
_PROGRAMS: Final = ROOT / "benchmarks" / "contenders"


class UpstreamProcess:
    """The simulated Mogplex in a process of its own; an async context manager.

    Attributes:
        origin: Its address, without a path.
    """

    origin = ""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}

    def token_of(self, contender: Contender) -> str:
        """Return the token that identifies the requests of a contender."""
        return self._tokens.setdefault(contender.name, TOKENS[len(self._tokens)])

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
        """Set the latency of responses."""
        await self._order({"latency": seconds})

    async def traffic(self, contender: Contender) -> Traffic:
        """Return the traffic of a contender so far."""
        return Traffic(**(await self._order({}))[self.token_of(contender)])

    async def _order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        if self._process.stdin is None:
            raise ContenderError("the upstream takes no orders")
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await self._read()

    async def _read(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise ContenderError("the upstream has no stdout")
        async with asyncio.timeout(ANSWER_SECONDS):
            line = await self._process.stdout.readline()
        if not line:
            raise ContenderError("the upstream has ended")
        said: dict[str, Any] = json.loads(line)
        return said


@dataclass(frozen=True)
class Route:
    """Another way to the upstream.

    Attributes:
        origin: Its address there, without a path.
        certificate: What to trust there.
    """

    origin: str
    certificate: Path


@dataclass
class Running:
    """A running contender.

    Attributes:
        client: Asks it.
        pid: Its process; None for an endpoint that was there already.
    """

    contender: Contender
    client: Client
    pid: int | None

    async def call(self, *, alone: bool = False) -> bytes:
        """Make the measured call.

        Args:
            alone: Whether nothing else is under way meanwhile.
        """
        return await self.client.request("tools/call", self.contender.call, alone=alone)


@contextlib.asynccontextmanager
async def running(
    contender: Contender,
    upstream: UpstreamProcess,
    *,
    modern: bool = False,
    loaded: bool = False,
    under: Sequence[str] = (),
    answer_seconds: float = ANSWER_SECONDS,
    route: Route | None = None,
) -> AsyncIterator[Running]:
    """Run a contender without any request yet; killed at the end if it does not exit.

    Args:
        contender: Which one.
        upstream: What it asks.
        modern: Whether its client speaks the 2026 protocol.
        loaded: Whether it is asked more than a minute's budget allows.
        under: The program that it runs under, such as valgrind.
        answer_seconds: How long each answer may take.
        route: How it reaches the upstream, if not directly.

    Raises:
        ContenderError: It can't be started, or the block failed; with its stderr.
    """
    names = _names(contender, upstream, route)
    environment = _environment(contender, names, route)
    command = [*under, *(word.format_map(names) for word in (loaded and contender.loaded) or contender.command)]
    address = f"http://127.0.0.1:{names['port']}{contender.path}" if contender.command else names["hosted"]
    with tempfile.TemporaryFile() as said:
        process: asyncio.subprocess.Process | None = None
        client: Client | None = None
        try:
            if contender.transport is Transport.STDIO:
                (theirs_in, stdin), (stdout, theirs_out) = os.pipe(), os.pipe()
                try:
                    client = StdioClient(stdin, stdout, modern=modern, answer_seconds=answer_seconds)
                    process = await _started(command, environment, (theirs_in, theirs_out, said))
                finally:
                    os.close(theirs_in)
                    os.close(theirs_out)
            else:
                if contender.command:
                    nothing = asyncio.subprocess.DEVNULL
                    process = await _started(command, environment, (nothing, nothing, said))
                    await _until_listening(address, process)
                client = HttpClient(address, names["token"], modern=modern, answer_seconds=answer_seconds)
            yield Running(contender, client, None if process is None else process.pid)
        except Exception as error:
            said.seek(0)
            words = said.read().decode(errors="replace").strip()[-_LAST_WORDS:]
            raise ContenderError(f"{reason(error)} {words}".strip()) from error
        finally:
            if client is not None:
                await client.aclose()
            if process is not None:
                seconds = _ENDING_SECONDS_UNDER if under else _ENDING_SECONDS
                await _end(process, seconds, by_stdin=contender.transport is Transport.STDIO)


def launch(contender: Contender, upstream: UpstreamProcess) -> tuple[list[str], dict[str, str]]:
    """Return the command line of a contender, and its environment variables."""
    names = _names(contender, upstream)
    return [word.format_map(names) for word in contender.command], _environment(contender, names)


async def _started(
    command: Sequence[str], environment: Mapping[str, str], streams: tuple[int, int, IO[bytes]]
) -> asyncio.subprocess.Process:
    """A contender's process, with these as stdin, stdout and stderr."""
    stdin, stdout, stderr = streams
    return await asyncio.create_subprocess_exec(*command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)


def _environment(contender: Contender, names: Mapping[str, str], route: Route | None = None) -> dict[str, str]:
    variables = {name: value.format_map(names) for name, value in contender.variables.items()}
    if route is not None:
        variables["SSL_CERT_FILE"] = str(route.certificate)
    return _clean_environment() | variables | {"HOME": str(_home(contender)), "PYTHONHASHSEED": "0"}


def _names(contender: Contender, upstream: UpstreamProcess, route: Route | None = None) -> dict[str, str]:
    environment = contender.environment
    origin = route.origin if route is not None else upstream.origin
    api = f"{origin}/api/v1/mogplex"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        "bin": str(environment.binaries) if environment else "",
        "folder": str(environment.folder) if environment else "",
        "programs": str(_PROGRAMS),
        "origin": origin,
        "api": api,
        "hosted": f"{api}/mcp",
        "token": upstream.token_of(contender),
        "port": str(port),
    }


def _home(contender: Contender) -> Path:
    """Return the home directory of a contender, which persists between starts."""
    home = CACHE / "homes" / contender.name
    home.mkdir(parents=True, exist_ok=True)
    return home


def _clean_environment() -> dict[str, str]:
    """Return the environment without the user's settings."""
    foreign = ("MOGPLEX", "XDG", "FASTMCP", "PYTHON", "OTEL")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(foreign)}


async def _until_listening(address: str, process: asyncio.subprocess.Process) -> None:
    host, _, port = address.split("/")[2].partition(":")
    async with asyncio.timeout(STARTING_SECONDS):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
    raise ContenderError("the process ended before it listened")


async def _end(process: asyncio.subprocess.Process, seconds: float = _ENDING_SECONDS, *, by_stdin: bool = True) -> None:
    """Close stdin, which ends a stdio server; then less kindly, each time after so many seconds."""
    if process.stdin is not None:
        process.stdin.close()
    ways: tuple[Callable[[], None], ...] = (process.terminate, process.kill)
    for end in ((lambda: None), *ways) if by_stdin else ways:
        with contextlib.suppress(ProcessLookupError):
            end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await process.wait()
                return
