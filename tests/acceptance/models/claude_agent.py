"""A scripted model for the Claude Agent SDK: an endpoint of this process that streams messages as Anthropic's does."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from story import Call, next_step


def text_of(content):
    return content if isinstance(content, str) else " ".join(block.get("text", "") for block in content)


def events(request):
    """The events of a streamed message (https://docs.claude.com/en/api/messages-streaming)."""
    blocks = [block for message in request["messages"] for block in message["content"] if isinstance(block, dict)]
    answers = [text_of(block["content"]) for block in blocks if block["type"] == "tool_result"]
    step = next_step({tool["name"] for tool in request.get("tools", [])}, answers)
    if isinstance(step, Call):
        block = {"type": "tool_use", "id": f"toolu_{len(answers)}", "name": step.tool, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(step.arguments)}
    else:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": step}
    message = {"id": f"msg_{len(answers)}", "type": "message", "role": "assistant", "model": request["model"]}
    usage = {"input_tokens": 1, "output_tokens": 1}
    yield {"type": "message_start", "message": message | {"content": [], "stop_reason": None, "usage": usage}}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    reason = "tool_use" if isinstance(step, Call) else "end_turn"
    yield {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}
    yield {"type": "message_stop"}


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events(request))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
        except RuntimeError as error:
            # Claude Code tries again what fails otherwise.
            body = json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": str(error)}})
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
for name in [name for name in os.environ if name.startswith(("ANTHROPIC", "CLAUDE"))]:
    del os.environ[name]  # an account of the person who runs the tests
os.environ |= {
    "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}",
    "ANTHROPIC_API_KEY": "none",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",  # no telemetry, reports of errors, updates
}

MODEL = "claude-scripted"
