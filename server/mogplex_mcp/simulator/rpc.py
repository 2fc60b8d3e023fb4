"""The hosted JSON-RPC endpoint (`POST /mcp`): stateless, plain JSON answers (section 1 and 2)."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from . import authentication
from .context import State
from .dispatch import perform
from .formats import new_id
from .hosted_tool import HostedTool
from .hosted_tools import HOSTED_TOOLS
from .json_schema import first_error
from .messages import BASE_PATH, ApiError, Request, Response, json_response
from .routing import find
from .world import ApiToken

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
_AUTH_ERRORS = {
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


async def handle(state: State, request: Request) -> Response:
    """Handle a request to the endpoint: check the origin, the JSON, the token and the rate limit, in this order."""
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
        token = authentication.authenticate(state, request)
        authentication.spend(state, token, request)
    except ApiError as error:
        return _auth_error(error, identifier)
    handler = _MessageHandler(state, request, token)
    if not isinstance(message, list):
        answered = await handler.respond(message)
        return _http(202) if answered is None else _http(200, answered)
    if not message:
        return _http(200, _error(None, _INVALID_REQUEST, "Invalid Request"))
    answers = [answered for item in message if (answered := await handler.respond(item)) is not None]
    return _http(200, answers) if answers else _http(202)


class _InvalidParamsError(Exception):
    """The parameters of `tools/call` are wrong; the message says how."""


class _MessageHandler:
    """Respond to the JSON-RPC messages of one HTTP request."""

    def __init__(self, state: State, request: Request, token: ApiToken) -> None:
        self._state = state
        self._request = request
        self._token = token
        # Without its route, a tool isn't there either.
        self._tools = {
            name: tool for name, tool in HOSTED_TOOLS.items() if find(BASE_PATH + tool.path, state.world) is not None
        }

    async def respond(self, message: Any) -> dict[str, Any] | None:
        """Return the response to one message; None for a notification, which is not executed, not even `tools/call`."""
        identifier, method = (message.get("id"), message.get("method")) if isinstance(message, dict) else (None, None)
        if not isinstance(method, str) or message.get("jsonrpc") != "2.0":
            return _error(identifier, _INVALID_REQUEST, "Invalid Request")
        if "id" not in message:
            return None
        try:
            result = await self._result(method, message.get("params"))
        except _InvalidParamsError as wrong:
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
                return {"tools": [tool.definition() for tool in self._tools.values()]}
            case "tools/call":
                return await self._call_tool(*_checked(parameters, self._tools))
            case _:
                return None

    async def _call_tool(self, tool: HostedTool, given: dict[str, Any]) -> dict[str, Any]:
        """Call the REST route behind a tool, which costs one unit like any other request."""
        request = self._request_behind(tool, given)
        found = find(request.raw_path, self._state.world)
        if found is None:
            raise LookupError(f"no route behind {tool.name}")
        try:
            response = await perform(self._state, request, self._token, found.methods[tool.method], found.parameters)
        except ApiError as error:
            return _failed(error)
        finally:
            self._request.units += request.units
        data = json.loads(response.body)["data"]
        data = {tool.nested: data} if tool.nested else data
        return _tool_result(tool.line(given, data), data, failed=False)

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
            queue_hang=self._request.queue_hang,
        )


def _checked(parameters: Any, tools: Mapping[str, HostedTool]) -> tuple[HostedTool, dict[str, Any]]:
    """Find the tool of a call and check its arguments.

    Raises:
        _InvalidParamsError: there is no such tool, or it does not take these arguments.
    """
    name = parameters.get("name") if isinstance(parameters, dict) else None
    if not isinstance(name, str) or not name:
        raise _InvalidParamsError("tools/call requires params.name")
    given = parameters.get("arguments")
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise _InvalidParamsError("tools/call params.arguments must be an object")
    tool = tools.get(name)
    if tool is None:
        raise _InvalidParamsError(f"Unknown tool: {name}")
    found = first_error(given, tool.schema, root="arguments")
    if found is not None:
        raise _InvalidParamsError(found)
    return tool, given


def _auth_error(error: ApiError, identifier: Any) -> Response:
    """Make the JSON-RPC error for an unknown token or an exceeded rate limit."""
    status = error.response.status
    code, message, data = _AUTH_ERRORS[status]
    response = _http(status, _error(identifier, code, message, data))
    response.headers += [header for header in error.response.headers if header[0] != "content-type"]
    return response


def _failed(error: ApiError) -> dict[str, Any]:
    status = error.response.status
    suggestion = _SUGGESTIONS.get(status, _SUGGESTION)
    detail = {"code": error.code, "status": status, "message": str(error), "suggestion": suggestion}
    return _tool_result(f"{error}. {suggestion}", {"error": detail}, failed=True)


def _tool_result(text: str, data: dict[str, Any], *, failed: bool) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "structuredContent": data, "isError": failed}


def _error(identifier: Any, code: int, message: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    wrong = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": identifier, "error": wrong}


def _http(status: int, body: Any = None) -> Response:
    response = Response(status) if body is None else json_response(status, body)
    return response.with_header("mcp-protocol-version", _VERSION).with_header("cache-control", "no-store")
