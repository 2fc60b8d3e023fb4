"""The hosted JSON-RPC endpoint (`POST /mcp`): stateless, plain JSON answers (section 1 and 2)."""

import json
from typing import Any
from urllib.parse import quote

from . import gate
from .calls import State
from .checks import complaint
from .dispatch import perform
from .hosted_tool import HostedTool
from .hosted_tools import HOSTED_TOOLS
from .ids import new_id
from .messages import BASE_PATH, Refusal, Request, Response, json_response
from .routing import find
from .world import Token

_VERSION = "2025-11-25"
_INSTRUCTIONS = (
    "Use Mogplex tools to discover repos, agents, and models; manage env vars on a repo's linked Vercel project; "
    "build, publish, trigger, and inspect automations; create sandboxes and read their logs; or start and control "
    "one-off repo-bound agent runs."
)
_INITIALIZED = {
    "protocolVersion": _VERSION,
    "capabilities": {"tools": {"listChanged": False}},
    "serverInfo": {"name": "mogplex", "version": "0.1.0"},
    "instructions": _INSTRUCTIONS,
}
_SUGGESTIONS = {
    400: "Check the tool arguments and retry.",
    404: "List repos or runs again and pass an id owned by this token.",
    409: "Retry with a new idempotency key or reuse the original request.",
}
_SUGGESTION = "Retry later or inspect Mogplex API logs for this request."
_REFUSALS = {
    401: (
        -32001,
        "Unauthorized",
        {"code": "UNAUTHORIZED", "suggestion": "Sign in with OAuth or configure a Mogplex API token."},
    ),
    429: (
        -32002,
        "Rate limit exceeded",
        {"code": "RATE_LIMITED", "suggestion": "Retry after the rate-limit window resets."},
    ),
}
_METHODS = "POST, OPTIONS"

_INVALID_REQUEST = -32600
_METHOD_NOT_FOUND = -32601
_INVALID_PARAMS = -32602


async def answer(state: State, request: Request) -> Response:
    """Answer a request to the endpoint. Origin, then JSON, then the token, then the rate limit are looked at."""
    origin = request.headers.get("origin")
    foreign = origin is not None and origin != f"{state.world.canonical_scheme}://{state.world.canonical_host}"
    match request.method:
        case "POST" if not foreign:
            return await _post(state, request)
        case "POST":
            refused = {"code": -32003, "message": "Forbidden origin", "data": {"code": "FORBIDDEN_ORIGIN"}}
            return _http(403, {"jsonrpc": "2.0", "error": refused})
        case "OPTIONS" if foreign:
            return Response(403)
        case "OPTIONS":
            allowed = Response(204).with_header("allow", _METHODS)
            return allowed if origin is None else allowed.with_header("access-control-allow-origin", origin)
        case "GET" | "HEAD":
            return Response(405).with_header("allow", _METHODS)
        case _:
            return Response(405)


async def _post(state: State, request: Request) -> Response:
    try:
        message = request.json()
    except ValueError:
        return _http(400, _error(None, -32700, "Parse error: invalid JSON"))
    identifier = message.get("id") if isinstance(message, dict) else None
    try:
        token = gate.token_of(state, request)
        gate.spend(state, token, request)
    except Refusal as refusal:
        return _refused(refusal, identifier)
    desk = _Desk(state, request, token)
    if not isinstance(message, list):
        answered = await desk.answer(message)
        return _http(202) if answered is None else _http(200, answered)
    if not message:
        return _http(200, _error(None, _INVALID_REQUEST, "Invalid Request"))
    answers = [answered for item in message if (answered := await desk.answer(item)) is not None]
    return _http(200, answers) if answers else _http(202)


class _InvalidParams(Exception):  # noqa: N818 - an answer of the endpoint, not an error of this program
    """The parameters of `tools/call` are wrong; the message says how."""


class _Desk:
    """Answers the messages of one request."""

    def __init__(self, state: State, request: Request, token: Token) -> None:
        self._state = state
        self._request = request
        self._token = token

    async def answer(self, message: Any) -> dict[str, Any] | None:
        """Answer one message; None for a notification, whose method is not executed even if it is `tools/call`."""
        identifier, method = (message.get("id"), message.get("method")) if isinstance(message, dict) else (None, None)
        if not isinstance(method, str) or message.get("jsonrpc") != "2.0":
            return _error(identifier, _INVALID_REQUEST, "Invalid Request")
        if "id" not in message:
            return None
        try:
            result = await self._result(method, message.get("params"))
        except _InvalidParams as wrong:
            return _error(identifier, _INVALID_PARAMS, str(wrong))
        if result is None:
            return _error(identifier, _METHOD_NOT_FOUND, f"Method not found: {method}")
        return {"jsonrpc": "2.0", "id": identifier, "result": result}

    async def _result(self, method: str, parameters: Any) -> dict[str, Any] | None:
        match method:
            case "initialize":
                return _INITIALIZED
            case "ping":
                return {}
            case "tools/list":
                return {"tools": [tool.definition() for tool in HOSTED_TOOLS.values()]}
            case "tools/call":
                return await self._called(*_checked(parameters))
            case _:
                return None

    async def _called(self, tool: HostedTool, given: dict[str, Any]) -> dict[str, Any]:
        """Ask the REST route behind a tool, which costs a unit like any other request."""
        request = self._request_behind(tool, given)
        found = find(request.raw_path)
        if found is None:
            raise LookupError(f"no route behind {tool.name}")
        try:
            response = await perform(self._state, request, self._token, found.methods[tool.method], found.parameters)
        except Refusal as refusal:
            return _failed(refusal)
        finally:
            self._request.units += request.units
        data = json.loads(response.body)["data"]
        data = {tool.nested: data} if tool.nested else data
        return _said(tool.line(given, data), data, failed=False)

    def _request_behind(self, tool: HostedTool, given: dict[str, Any]) -> Request:
        rest = dict(given)
        in_path = [name for name in given if f"{{{name}}}" in tool.path]
        path = tool.path.format_map({name: quote(str(rest.pop(name)), safe="") for name in in_path})
        query = {inner: str(rest.pop(outer)) for outer, inner in tool.query.items() if outer in rest}
        key = str(rest.pop("idempotencyKey", "")) or new_id()
        return Request(
            method=tool.method,
            raw_path=BASE_PATH + path,
            query=query,
            headers=self._request.headers | {"idempotency-key": key},
            body=json.dumps(rest).encode(),
            wait=self._request.wait,
            queue_failure=self._request.queue_failure,
        )


def _checked(parameters: Any) -> tuple[HostedTool, dict[str, Any]]:
    """Find the tool of a call and check its arguments.

    Raises:
        _InvalidParams: there is no such tool, or it does not take these arguments.
    """
    name = parameters.get("name") if isinstance(parameters, dict) else None
    if not isinstance(name, str) or not name:
        raise _InvalidParams("tools/call requires params.name")
    given = parameters.get("arguments")
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise _InvalidParams("tools/call params.arguments must be an object")
    tool = HOSTED_TOOLS.get(name)
    if tool is None:
        raise _InvalidParams(f"Unknown tool: {name}")
    found = complaint(given, tool.schema, root="arguments")
    if found is not None:
        raise _InvalidParams(found)
    return tool, given


def _refused(refusal: Refusal, identifier: Any) -> Response:
    """Put the refusal of a request, its token's or the rate limit's, into words of JSON-RPC."""
    status = refusal.response.status
    code, message, data = _REFUSALS[status]
    response = _http(status, _error(identifier, code, message, data))
    response.headers += [header for header in refusal.response.headers if header[0] != "content-type"]
    return response


def _failed(refusal: Refusal) -> dict[str, Any]:
    status = refusal.response.status
    suggestion = _SUGGESTIONS.get(status, _SUGGESTION)
    detail = {"code": refusal.code, "status": status, "message": str(refusal), "suggestion": suggestion}
    return _said(f"{refusal}. {suggestion}", {"error": detail}, failed=True)


def _said(text: str, data: dict[str, Any], *, failed: bool) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "structuredContent": data, "isError": failed}


def _error(identifier: Any, code: int, message: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    wrong = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": identifier, "error": wrong}


def _http(status: int, body: Any = None) -> Response:
    response = Response(status) if body is None else json_response(status, body)
    return response.with_header("mcp-protocol-version", _VERSION)
