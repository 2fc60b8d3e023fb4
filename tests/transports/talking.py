"""Conversations with real `mogplex-mcp` processes, message by message."""

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.transports.processes import lines, process

if TYPE_CHECKING:
    import subprocess

QUICKLY = 5.0
# For what also has to start first.
PATIENTLY = 60.0
SILENT_SECONDS = 90.0
"""How long a process may say nothing, on a machine that is busy with other tests."""
START = {"repo": "acme/web", "prompt": "Fix the flaky test."}


def request(number: int, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n"


INITIALIZE = request(
    1, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "test", "version": "1"}
)


def tool(number: int, name: str, **arguments: Any) -> str:
    return request(number, "tools/call", name=name, arguments=arguments)


def address_of(server: "subprocess.Popen[str]") -> str:
    """Where a server says that it is, after whatever else it says."""
    said = next(line for line in lines(server.stderr) if "serves MCP at" in line)
    return said.partition("serves MCP at ")[2].partition(";")[0]


@contextlib.contextmanager
def talking(home: Path, *arguments: str, **more: str) -> Iterator["Talk"]:
    with process(home, *arguments, more=more) as running:
        talk = Talk(running)
        talk.say(INITIALIZE)
        talk.hear(1)
        yield talk


class Talk:
    """A conversation with a process."""

    def __init__(self, running: "subprocess.Popen[str]") -> None:
        self.running = running
        self._heard: dict[int, dict[str, Any]] = {}

    def say(self, text: str) -> None:
        lines(self.running.stdin).write(text)
        lines(self.running.stdin).flush()

    def hear(self, number: int) -> dict[str, Any]:
        """The answer to a request; 0 for a notification."""
        while number not in self._heard:
            message = self.hear_next()
            self._heard[0 if "method" in message else message["id"]] = message
        return self._heard[number]

    def hear_next(self) -> dict[str, Any]:
        """The next message, whatever it is; the process is killed if there is none for long."""
        watchdog = threading.Timer(SILENT_SECONDS, self.running.kill)
        watchdog.start()
        line = lines(self.running.stdout).readline()
        watchdog.cancel()
        assert line, f"nothing more was said, and on stderr: {lines(self.running.stderr).read()}"
        message: dict[str, Any] = json.loads(line)
        return message

    @property
    def memory(self) -> int:
        """What it holds, in megabytes."""
        status = Path(f"/proc/{self.running.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024
