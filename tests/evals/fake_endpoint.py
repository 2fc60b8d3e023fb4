"""An endpoint of a model on a real socket: it follows a script, and refuses what the real ones would refuse."""

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evals.conversation import ToolCall, ToolResult
from evals.scripted import Script

KEY = "sk-made-up-0123456789"
MODEL = "made-up-model"
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmF0dXJl"}

Json = dict[str, Any]
Response = tuple[int, Mapping[str, str], bytes]


@dataclass
class FakeEndpoint:
    """What the endpoint responds, and what it was sent.

    Attributes:
        respond: Returns the response to a request: path, headers, body.
        requests: Bodies, in their order.
    """

    respond: Callable[[str, Mapping[str, str], Json], Response]
    requests: list[Json] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def serving(endpoint: FakeEndpoint) -> Iterator[str]:
    """Serve an endpoint on a free port; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            endpoint.requests.append(body)
            try:
                status, headers, content = endpoint.respond(self.path, dict(self.headers), body)
            except AssertionError as refused:
                status, headers, content = 400, {}, json.dumps({"error": {"message": f"refused: {refused}"}}).encode()
            self.send_response(status)
            for name, value in (("Content-Length", str(len(content))), *headers.items()):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def json_response(data: object, status: int = 200, **headers: str) -> Response:
    """A response with JSON."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(data).encode()


class Speaker:
    """Follows a script: takes the results of a request, gives the next calls or the answer."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._count = 0

    def next(self, results: list[ToolResult]) -> tuple[ToolCall | None, str]:
        """Return the next call with its id, or no call and the answer."""
        try:
            call = self._script.send(results[0]) if results else next(self._script)
        except StopIteration as end:
            return None, str(end.value)
        self._count += 1
        return ToolCall(call.name, call.arguments, f"call_{self._count}"), ""


def chat_completions(script: Script) -> FakeEndpoint:
    """An endpoint that speaks OpenAI's chat completions."""
    speaker = Speaker(script)

    def respond(path: str, headers: Mapping[str, str], body: Json) -> Response:
        assert path == "/v1/chat/completions", path
        assert headers["Authorization"] == f"Bearer {KEY}", "the key"
        assert body["model"] == MODEL, "the model"
        for tool in body["tools"]:
            assert tool["type"] == "function", tool
            _check_tool(tool["function"]["name"], tool["function"]["parameters"])
        system, user, *turns = body["messages"]
        assert system["role"] == "system", "the first message"
        assert user == {"role": "user", "content": user["content"]}, "the second message"
        results: list[ToolResult] = []
        expected: list[str] = []
        for message in turns:
            if message["role"] == "assistant":
                assert not expected, "calls without results"
                expected, results = [one["id"] for one in message["tool_calls"]], []
            else:
                assert message["role"] == "tool", message["role"]
                assert message["tool_call_id"] == expected.pop(0), "a result without its call"
                results.append(ToolResult(message["tool_call_id"], message["content"]))
        assert not expected, "calls without results"
        call, answer = speaker.next(results)
        message = {"role": "assistant", "content": answer or None, "refusal": None, "annotations": []}
        if call is not None:
            function = {"name": call.name, "arguments": json.dumps(call.arguments)}
            message["tool_calls"] = [{"id": call.id, "type": "function", "function": function}]
        usage = {"prompt_tokens": 1_000, "completion_tokens": 10, "total_tokens": 1_010}
        return json_response({"choices": [{"index": 0, "message": message}], "usage": usage})

    return FakeEndpoint(respond)


def messages(script: Script) -> FakeEndpoint:
    """An endpoint that speaks Anthropic's messages, with blocks of thinking."""
    speaker = Speaker(script)

    def respond(path: str, headers: Mapping[str, str], body: Json) -> Response:
        assert path == "/v1/messages", path
        assert headers["x-api-key"] == KEY, "the key"
        assert headers["anthropic-version"] == "2023-06-01", "the version"
        assert body["model"] == MODEL, "the model"
        assert body["max_tokens"] > 0, "max_tokens"
        assert isinstance(body["system"], str), "system"
        for tool in body["tools"]:
            assert tool.keys() == {"name", "description", "input_schema"}, tool
            _check_tool(tool["name"], tool["input_schema"])
        roles = [message["role"] for message in body["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"], roles
        results: list[ToolResult] = []
        for said, following in zip(body["messages"][1::2], body["messages"][2::2], strict=True):
            assert said["content"][0] == THINKING, "thinking that was changed"
            wanted = [block["id"] for block in said["content"] if block["type"] == "tool_use"]
            assert [block["tool_use_id"] for block in following["content"]] == wanted, "results without their calls"
            results = [
                ToolResult(block["tool_use_id"], block["content"], block["is_error"]) for block in following["content"]
            ]
        call, answer = speaker.next(results)
        content: list[Json] = [THINKING]
        if call is None:
            content.append({"type": "text", "text": answer})
        else:
            content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})
        usage = {"input_tokens": 200, "cache_read_input_tokens": 700, "cache_creation_input_tokens": 100}
        return json_response({"role": "assistant", "content": content, "usage": usage | {"output_tokens": 10}})

    return FakeEndpoint(respond)


def _check_tool(name: str, schema: Json) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name), name
    assert schema["type"] == "object", name
