"""Starts of real `mogplex-mcp` processes with built responses, which an editable install does not have."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.transports.processes import environment

PATIENTLY = 60.0
WITHOUT = ("--early-answers", "false")

INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'

_PROGRAM = """
import sys
from pathlib import Path
from mogplex_mcp.startup import built_answers, listener

folder = Path(sys.argv.pop(1))
listener.results = lambda settings: built_answers.results(settings, folder)
"""


def request(number: object, method: str, params: object = None) -> bytes:
    message = {"jsonrpc": "2.0", "id": number, "method": method}
    return json.dumps(message if params is None else message | {"params": params}).encode() + b"\n"


def initialize(number: object, version: str = "2025-06-18") -> bytes:
    client = {"name": "test", "version": "1"}
    return request(
        number, "initialize", {"protocolVersion": version, "capabilities": {"roots": {}}, "clientInfo": client}
    )


def modern(number: object, method: str) -> bytes:
    """A request of the 2026 protocol."""
    prefix = "io.modelcontextprotocol/"
    meta = {
        f"{prefix}protocolVersion": "2026-07-28",
        f"{prefix}clientCapabilities": {},
        f"{prefix}clientInfo": {"name": "test", "version": "1"},
    }
    return request(number, method, {"_meta": meta})


def command(built: Path, *arguments: str, then: str = "from mogplex_mcp.__main__ import main; main()") -> list[str]:
    """The command of a server whose built responses are in a folder."""
    return [sys.executable, "-c", f"{_PROGRAM}\n{then}", str(built), *arguments]


def answers(command: list[str], home: Path, said: bytes) -> list[bytes]:
    """All answers to what is said at once, before stdin is closed; in any order, so they are sorted."""
    ended = subprocess.run(
        command, input=said, capture_output=True, env=environment(home), timeout=PATIENTLY, check=True
    )
    assert ended.stderr == b""
    return sorted(ended.stdout.splitlines())


def falsified(built: Path, folder: Path) -> Path:
    """A copy with another title in it, so that it shows who answered."""
    shutil.copytree(built, folder, dirs_exist_ok=True)
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("Start, follow and manage", "Magplex"), encoding="utf-8")
    return folder
