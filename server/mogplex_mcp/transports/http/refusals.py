"""Answers to requests that do not get as far as MCP: a status, and a body that says why and what to do."""

import json

from starlette.types import Send


async def refuse(send: Send, status: int, error: str, message: str, **headers: str) -> None:
    """Answer a request that goes no further.

    Args:
        send: Of the request.
        status: The HTTP status.
        error: One word for programs.
        message: What is wrong and what to do, for people. It never repeats what the request said.
        headers: More headers, with `_` for `-`.
    """
    body = json.dumps({"error": error, "message": message}, ensure_ascii=False).encode()
    shown = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    lines = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in shown.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
