"""Parts of the load test: processes, their memory, and minimal JSON-RPC callers that detect lost responses.

A thousand full MCP clients would load the machine more than the server that is measured.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

ROOT: Final = Path(__file__).parents[1]
_KIBIBYTE: Final = 1_024
_LAST_WORDS_SECONDS: Final = 15.0


class LostError(Exception):
    """A response was lost or wrong; the message says how."""


@contextlib.contextmanager
def running(
    home: Path, *arguments: str, said: IO[bytes], more: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a Python program with pipes for stdin and stdout, without the user's settings; killed at the end.

    Args:
        home: Its home directory.
        arguments: Of the interpreter.
        said: Receives its stderr.
        more: Further variables of its environment.
    """
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("MOGPLEX", "XDG"))}
    process = subprocess.Popen(  # noqa: S603 - our own programs, on this interpreter
        [sys.executable, *arguments],
        cwd=ROOT,
        env=kept | {"HOME": str(home)} | dict(more or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            # Unwritten data has no reader any more.
            with contextlib.suppress(BrokenPipeError):
                pipe(stream).close()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a stream that was opened as a pipe.

    Raises:
        LostError: It isn't a pipe.
    """
    if stream is None:
        raise LostError("a process has no pipe")
    return stream


def read_object(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """Read the next line of a process, a JSON object.

    Raises:
        LostError: It has ended, or says something else.
    """
    line = pipe(process.stdout).readline()
    try:
        value = json.loads(line)
    except ValueError as error:
        raise LostError(f"instead of an answer a process said {line[:200]!r}") from error
    if not isinstance(value, dict):
        raise LostError(f"instead of an answer a process said {line[:200]!r}")
    return value


def last_object(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """Read the last JSON object of a process, after closing its stdin.

    Raises:
        LostError: It says nothing.
        subprocess.TimeoutExpired: It does not end.
    """
    last, _ = process.communicate(timeout=_LAST_WORDS_SECONDS)
    if not last:
        raise LostError("a process exited without its report")
    words: dict[str, Any] = json.loads(last)
    return words


def resident(pid: int) -> int:
    """Return the resident memory of a process, in bytes.

    Raises:
        ProcessLookupError: It has ended.
    """
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next((line for line in status.read_text().splitlines() if line.startswith("VmRSS")), None)
        if line is None:
            raise ProcessLookupError(f"process {pid} has ended")
        return int(line.split()[1]) * _KIBIBYTE
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True, text=True)  # noqa: S603, S607 - where there is no /proc
    return int(said.stdout) * _KIBIBYTE


@dataclass
class Memory:
    """The memory of a process over time.

    Attributes:
        pid: The process.
        start: What it held before the first call.
        samples: What it held since it was warm, in order.
        times: When, in seconds since the start.
    """

    pid: int
    start: int = 0
    samples: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.start = resident(self.pid)

    def sample(self) -> None:
        """Take a sample."""
        self.samples.append(resident(self.pid))
        self.times.append(time.monotonic() - self._began)

    @property
    def growth(self) -> float:
        """Return by how much the highest sample exceeds the first, as a fraction."""
        return max(self.samples) / self.samples[0] - 1


async def call_over_http(address: str, token: str, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Make one `tools/call` over its own connection, and return the structured content.

    Raises:
        LostError: There was no response, or an error.
    """
    where = urlsplit(address)
    message = _message(1, "tools/call", {"name": tool, "arguments": arguments, "_meta": {"progressToken": 1}})
    head = (
        f"POST {where.path} HTTP/1.0\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(message)}\r\n\r\n"
    )
    try:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            writer.write(head.encode() + message)
            # HTTP/1.0: the body is not cut into chunks, and ends with the connection.
            answer = await reader.read(-1)
        finally:
            writer.close()
    except OSError as error:
        raise LostError(f"the connection broke: {error}") from error
    status, _, rest = answer.partition(b"\r\n")
    messages = [json.loads(line[6:]) for line in rest.splitlines() if line.startswith(b"data: {")]
    if not messages:
        raise LostError(f"no answer but {status[:80]!r}")
    return facts_of(messages[-1])


def facts_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the structured content of a successful result.

    Raises:
        LostError: It is an error.
    """
    result = message.get("result")
    if not isinstance(result, dict) or result.get("isError") or "structuredContent" not in result:
        raise LostError(f"no success but {json.dumps(message)[:300]}")
    facts: dict[str, Any] = result["structuredContent"]
    return facts


class StdioCaller:
    """One client on the pipes of a server, one call after the other."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._count = 0
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "soak", "version": "1"}}
        self.ask("initialize", hello)
        self._write(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode())

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return its result.

        Raises:
            LostError: Something else came.
        """
        self._count += 1
        self._write(_message(self._count, method, params))
        answer = read_object(self._process)
        if answer.get("id") != self._count:
            raise LostError(f"call {self._count} was answered by {json.dumps(answer)[:300]}")
        return answer

    def _write(self, message: bytes) -> None:
        stdin = pipe(self._process.stdin)
        stdin.write(message + b"\n")
        stdin.flush()


def _message(number: int, method: str, params: Mapping[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
