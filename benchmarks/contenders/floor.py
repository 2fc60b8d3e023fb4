"""The floor: a bare Python process, JSON-RPC and HTTP by hand, no SDK, no check of anything."""

import asyncio
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

URL = urlsplit(os.environ["BENCH_API"])
HEAD = f"Host: {URL.netloc}\r\nAuthorization: Bearer {os.environ['BENCH_TOKEN']}\r\n\r\n"
TOOL = {
    "name": "list_repos",
    "description": "List the repositories that Mogplex can work on.",
    "inputSchema": {"type": "object", "properties": {"limit": {"type": "integer"}}},
}
free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []


async def get(target: str) -> bytes:
    """The body of an answer."""
    reader, writer = free.pop() if free else await asyncio.open_connection(URL.hostname, URL.port)
    writer.write(f"GET {URL.path}{target} HTTP/1.1\r\n{HEAD}".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0])
    body = await reader.readexactly(length)
    free.append((reader, writer))
    return body


async def answer(message: dict[str, Any]) -> None:
    """Answer a request."""
    result: dict[str, Any] = {}
    if message["method"] == "initialize":
        info = {"name": "floor", "version": "1"}
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
    elif message["method"] == "tools/list":
        result = {"tools": [TOOL]}
    elif message["method"] == "tools/call":
        limit = message["params"].get("arguments", {}).get("limit", 100)
        body = await get(f"/repos?limit={limit}")
        result = {"content": [{"type": "text", "text": body.decode()}]}
    line = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode() + b"\n"
    while line:
        line = line[os.write(1, line) :]


async def serve() -> None:
    """Serve until stdin is closed."""
    reader, tasks = asyncio.StreamReader(), set[asyncio.Task[None]]()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        message = json.loads(line)
        if "id" in message:
            task = asyncio.create_task(answer(message))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


asyncio.run(serve())
