"""Starts of real `mogplex-mcp` processes, told apart by who answered: the server, or what is kept of its answers."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.transports.processes import PROGRAM, environment

PATIENTLY = 60.0

INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
WITHOUT = {"MOGPLEX_MCP_EARLY_ANSWERS": "false"}


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


def answers(home: Path, said: bytes, *arguments: str, **more: str) -> list[bytes]:
    """All answers to what is said at once, before stdin is closed; in any order, so they are sorted."""
    ended = subprocess.run(
        [*PROGRAM, *arguments],
        input=said,
        capture_output=True,
        env=environment(home, more),
        timeout=PATIENTLY,
        check=True,
    )
    assert ended.stderr == b""
    return sorted(ended.stdout.splitlines())


def kept(home: Path) -> Path:
    """The folder of answers that are kept."""
    return home / ".cache" / "mogplex-mcp" / "answers"


def falsify(home: Path, true: str, false: str) -> list[Path]:
    """Change words in the answers that are kept, so that it shows whether they are given; the files that have them."""
    changed = []
    for file in kept(home).iterdir():
        text = file.read_text(encoding="utf-8")
        if true in text:
            file.write_text(text.replace(true, false), encoding="utf-8")
            changed.append(file)
    return changed


def texts(lines: Iterable[bytes]) -> str:
    return b"\n".join(lines).decode()
