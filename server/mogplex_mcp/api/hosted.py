"""Mogplex's own MCP endpoint, `POST /mcp` (JSON-RPC), for what has no REST route (mogplex-api.md, sections 1 and 2)."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import AliasPath, Field, StrictBool

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.http import JSON, MogplexHttp
from mogplex_mcp.api.lenient import Id, Json, Lenient, Record, Text, parse_list
from mogplex_mcp.api.responses import SUCCESSES, ApiResponse, read_envelope, service_error
from mogplex_mcp.api.unreadable import collect_unreadable, note_unreadable

T = TypeVar("T")

CALL_UNITS = 2
CALL_TIMEOUT = 60.0
LIST_TIMEOUT = 25.0
CACHE_SECONDS: Final = 300.0

# JSON-RPC errors mostly come with HTTP 200: this is the status of the same error on a REST route.
_STATUS_OF_RPC_ERROR = {
    -32700: 400,
    -32600: 400,
    -32602: 400,
    -32603: 500,
    -32001: 401,
    -32002: 429,
    -32003: 403,
}
_METHOD_NOT_FOUND = -32601
_UNKNOWN_TOOL = re.compile(r"\s*(unknown tool\b|no such tool\b|tool .{0,200}\bnot found\b)", re.IGNORECASE)
_LONGEST_START = 300
_NOT_SUPPORTED = 501
_ERROR_STATUSES = range(400, 600)


class HostedTool(Record):
    """A tool of the hosted endpoint; its texts are untrusted.

    Attributes:
        read_only: Its annotation `readOnlyHint`, if there is one.
        destructive: Its annotation `destructiveHint`, if there is one, whatever it is.
    """

    name: Id
    title: Text = ""
    description: Text = ""
    input_schema: Json = Field(default_factory=dict)
    read_only: Lenient[StrictBool] = Field(default=None, validation_alias=AliasPath("annotations", "readOnlyHint"))
    destructive: object = Field(default=None, validation_alias=AliasPath("annotations", "destructiveHint"))


@dataclass(frozen=True)
class HostedResult:
    """The result of a hosted tool.

    Attributes:
        text: Its text blocks, mostly a single line.
        structured: Its structured content; {} when there was none.
    """

    text: str
    structured: Mapping[str, Any]


class HostedEndpoint:
    """Client of the hosted tools. Stateless: no handshake, no session, and no Origin header, which would be refused."""

    def __init__(self, http: MogplexHttp) -> None:
        self._http = http

    async def list_tools(self) -> list[HostedTool]:
        """Return all hosted tools; costs one unit.

        Raises:
            MogplexError: As for any request.
        """
        return await self._ask(
            "tools/list",
            {},
            read=lambda response: parse_list(HostedTool, _read_result(response), "tools"),
            read_only=True,
            units=1,
            timeout=LIST_TIMEOUT,
        )

    async def call_tool(
        self,
        name: str,
        arguments: JSON,
        *,
        timeout: float = CALL_TIMEOUT,  # noqa: ASYNC109 - handed on
    ) -> HostedResult:
        """Call a tool; costs two units of the rate limit and is never retried.

        Args:
            name: The name of the tool.
            arguments: Arguments in camelCase; Mogplex refuses unknown ones.
            timeout: Seconds, for the whole call.

        Raises:
            MogplexError: The request failed, or the tool reported an error.
        """
        return await self._ask(
            "tools/call",
            {"name": name, "arguments": dict(arguments)},
            read=_read_tool_result,
            read_only=False,
            units=CALL_UNITS,
            timeout=timeout,
        )

    async def _ask(
        self,
        method: str,
        params: JSON,
        *,
        read: Callable[[ApiResponse], T],
        read_only: bool,
        units: int,
        timeout: float,  # noqa: ASYNC109 - handed on
    ) -> T:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return await self._http.exchange("/mcp", message, read=read, read_only=read_only, units=units, timeout=timeout)


class HostedToolCache:
    """The hosted tools by name, cached for five minutes since listing them costs a request.

    Attributes:
        endpoint: The client of the hosted tools.
    """

    def __init__(self, endpoint: HostedEndpoint, *, now: Callable[[], float] = time.time) -> None:
        self.endpoint = endpoint
        self._now = now
        self._tools: dict[str, HostedTool] = {}
        self._unreadable: Mapping[str, int] = {}
        self._listed_at: float | None = None

    async def listed(self, *, anew: bool = False) -> dict[str, HostedTool]:
        """Return all hosted tools by name.

        Args:
            anew: Whether to bypass the cache.

        Raises:
            MogplexError: As for any request.
        """
        if anew or self._listed_at is None or not 0 <= self._now() - self._listed_at < CACHE_SECONDS:
            with collect_unreadable() as self._unreadable:
                self._tools = {tool.name: tool for tool in await self.endpoint.list_tools()}
            self._listed_at = self._now()
        note_unreadable(self._unreadable)
        return self._tools


def _read_result(response: ApiResponse) -> dict[str, Any]:
    """Return the `result` of a JSON-RPC response."""
    message = response.json()
    if isinstance(message, dict) and message.get("ok") is False:
        read_envelope(response)  # raises: what stands before the endpoint speaks as the routes do
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        response.refuse("without a JSON-RPC message")
    error = message.get("error")
    if isinstance(error, dict):
        data = error.get("data")
        said = {"code": data.get("code") if isinstance(data, dict) else None, "message": error.get("message")}
        raise _error(said, _status_of(error.get("code"), response.status, said["message"]), response)
    result = message.get("result")
    if response.status not in SUCCESSES or not isinstance(result, dict):
        response.refuse("without a result")
    return result


def _read_tool_result(response: ApiResponse) -> HostedResult:
    """Return the result of a tool, or raise the error that it reports."""
    result = _read_result(response)
    structured = result.get("structuredContent")
    structured = structured if isinstance(structured, dict) else {}
    text = _text_of(result.get("content"))
    if result.get("isError") is True:
        error = structured.get("error")
        error = error if isinstance(error, dict) else {"message": text}
        status = error.get("status")
        if _names_unknown_tool(error.get("message")):
            status = _NOT_SUPPORTED
        raise _error(error, status if isinstance(status, int) and status in _ERROR_STATUSES else 500, response)
    return HostedResult(text=text, structured=structured)


def _error(said: dict[str, Any], status: int, response: ApiResponse) -> MogplexError:
    """Return the error for a `{"code", "message"}`, by the status of the same error on a REST route."""
    error = service_error(said, status, response.retry_after)
    if status == _NOT_SUPPORTED:
        # Mogplex did not respond with that.
        error.status = response.status
    return error


def _names_unknown_tool(message: object) -> bool:
    return isinstance(message, str) and _UNKNOWN_TOOL.match(message[:_LONGEST_START]) is not None


def _text_of(content: object) -> str:
    blocks = content if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _status_of(rpc_code: object, status: int, message: object) -> int:
    """Return the HTTP status that matches a JSON-RPC error."""
    if rpc_code == _METHOD_NOT_FOUND or _names_unknown_tool(message):
        return _NOT_SUPPORTED
    if status in _ERROR_STATUSES:
        return status
    return _STATUS_OF_RPC_ERROR.get(rpc_code, 500) if isinstance(rpc_code, int) else 500
