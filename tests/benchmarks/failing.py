"""A contender that fails: `python failing.py HOW [PORT]`, over stdio, or over HTTP on a port."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

HOW = sys.argv[1]
WARM_CALLS = 50
TURNS = {"tires": 0, "tires-later": 15}
TOOLS: dict[str, Any] = {"tools": []}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}


def answer(message: dict[str, Any], calls: int) -> dict[str, Any]:
    """The answer to a request, or the way in which it fails."""
    known = {"initialize": HELLO, "tools/list": TOOLS}
    result = known.get(message["method"], {"content": [{"type": "text", "text": ""}]})
    if message["method"] == "tools/call":
        if HOW == "refuses":
            return {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32603, "message": "out of order"}}
        if calls > WARM_CALLS + TURNS.get(HOW, calls):
            sys.exit("worn out")
        if HOW == "talks-nonsense":
            result = {"content": 7}
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


class Handler(BaseHTTPRequestHandler):
    """Fails at calls: refuses them, or hangs up in its answer."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer."""
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(answer(message, 0)).encode() if "id" in message else b""
        is_call = message["method"] == "tools/call"
        self.send_response(429 if HOW == "too-many" and is_call else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:10] if HOW == "hangs-up" and is_call else body)
        self.close_connection = HOW == "hangs-up" and is_call

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve_stdio() -> None:
    """Serve until stdin is closed."""
    calls = 0
    for line in sys.stdin:
        message = json.loads(line)
        calls += message["method"] == "tools/call"
        if "id" in message:
            sys.stdout.write(json.dumps(answer(message, calls)) + "\n")
            sys.stdout.flush()


if HOW == "ends-at-once":
    sys.exit("no licence")
if sys.argv[2:]:
    HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
else:
    serve_stdio()
