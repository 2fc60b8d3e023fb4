"""Secrets that can be recognised, where they may be found, and a Mogplex that says them back."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.trust import hostile
from tests.trust.hostile import CALLS

TOKEN = "mog_Kq7ZxW3vTn9LbRy2HsPd8GfJm4CeUa6V"
OTHER_TOKEN = "mog_Nf5YtXc8DwQj2ZkGh7VrSb4MpLa9EuT3"
CLIENT_KEY = "Orchard-Velvet-93-Quartz-Lagoon"
VALUE = "Saffron/Turnip+48=Glacier:Mosaic"
_SHORTEST_PIECE = 6


def pieces(secret: str) -> Iterator[str]:
    """All that would tell something of a secret."""
    body = secret.removeprefix("mog_")
    return (body[at : at + _SHORTEST_PIECE] for at in range(len(body) - _SHORTEST_PIECE + 1))


def assert_without(text: str | bytes, *secrets: str) -> None:
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    for secret in secrets:
        found = [piece for piece in pieces(secret) if piece in text]
        assert not found, text[max(0, text.index(found[0]) - 300) :][:600]


def files(folder: Path) -> list[bytes]:
    """What is in the state file and in those that SQLite puts beside it."""
    found = [file.read_bytes() for file in folder.glob("state*")]
    assert found
    return found


class Mirror:
    """A Mogplex on a port that says back, in every field, the token that it was shown, and records what it is sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                mirror.requests.append((self.requestline, dict(self.headers.items()), body))
                status, answer = mirror.answer(self.command, self.path, self.headers["authorization"] or "", body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - as the library calls them

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method: str, path: str, shown: str, body: bytes) -> tuple[int, Any]:
        token = shown.removeprefix("Bearer ")
        # Alone it has the shape of a word; in a sentence it stands where others' text stands.
        says = token if len(self.requests) % 2 else f"You said {shown}, that is {token}."
        path = path.removeprefix("/api/v1/mogplex").partition("?")[0]
        # Every fifth is refused, but for what has to be sent a value, whichever turn it has.
        if len(self.requests) % 5 == 4 and "/env-vars" not in path:
            return 403, {"ok": False, "error": {"code": says, "message": says}}
        if path == "/mcp":
            result = hostile.hosted(json.loads(body)["method"], lambda _: says)
            return 200, {"jsonrpc": "2.0", "id": 1, "result": result}
        return 200, {"ok": True, "data": hostile.data(method, path, lambda _: says)}

    def check(self, *tokens: str) -> None:
        """Tokens came in the header of that name, and nowhere else."""
        assert self.requests
        for line, headers, body in self.requests:
            assert headers.pop("Authorization") in [f"Bearer {token}" for token in tokens]
            assert_without(line + json.dumps(headers), *tokens, CLIENT_KEY, VALUE)
            assert_without(body, *tokens, CLIENT_KEY, *([] if "/env-vars" in line else [VALUE]))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


# A minute has 60 requests: what is left out here has its turn in memory.
SHORT_STORY = tuple(
    (
        tool,
        arguments
        | ({"value": VALUE} if tool == "set_env_var" else {})
        | ({"wait_seconds": 0} if tool == "tail_run" else {}),
    )
    for tool, arguments in CALLS
    if tool not in ("get_automation_run", "create_automation", "update_automation", "set_automation_model")
)
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def talkative(home: Path, url: str) -> dict[str, str]:
    """The environment of a server that says everything on stderr and may do everything."""
    return {
        "MOGPLEX_URL": url,
        "MOGPLEX_API_KEY": TOKEN,
        "MOGPLEX_MCP_CLIENT_KEY": CLIENT_KEY,
        "MOGPLEX_MCP_STATE_FILE": str(home / "state.sqlite3"),
        "MOGPLEX_MCP_LOG_LEVEL": "debug",
        "MOGPLEX_MCP_TOOLSETS": "all",
        "MOGPLEX_MCP_ALLOW_DESTRUCTIVE": "1",
        "MOGPLEX_MCP_MAX_WAIT": "2",
        "PYTHONASYNCIODEBUG": "1",
    }
