"""Parameters of requests in other forms than the specification's, understood where their meaning is plain.

Some clients send the `arguments` of a call as JSON text. The SDK would refuse that as "Invalid request parameters",
from which neither a model nor a person learns what to change.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, PaginatedRequestParams

from mogplex_mcp.toolkit.size_limits import MOST_ARGUMENTS
from mogplex_mcp.toolkit.unknown_arguments import parsed, quoted

_NAMED: Final = {"tools/call": "tool", "prompts/get": "prompt"}
_LONGEST_NAME: Final = 200


async def normalize_params(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Convert the parameters of `tools/call` and `prompts/get` before they are validated (a middleware).

    Raises:
        MCPError: `INVALID_PARAMS`; the message says what came and what is expected.
    """
    kind = _NAMED.get(ctx.method)
    if kind is None:
        return await call_next(ctx)
    params = dict(ctx.params or {})
    name = params.get("name")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise _invalid(f"{ctx.method} needs `name`, the name of a {kind}", name)
    arguments = _object(params.get("arguments"), ctx.method)
    params["arguments"] = _texts(arguments) if kind == "prompt" else arguments
    return await call_next(replace(ctx, params=params))


def check_cursor(params: PaginatedRequestParams | None) -> None:
    """Refuse a cursor: every list of this server is one page, so it has given out none.

    Raises:
        MCPError: `INVALID_PARAMS` (MCP specification, "Pagination").
    """
    if params is not None and params.cursor:
        raise MCPError(INVALID_PARAMS, "Invalid cursor: this list has one page. Ask for it without a cursor.")


def _object(given: Any, method: str) -> dict[str, Any]:
    """Return arguments as an object: of JSON text, of a list with one object, of nothing."""
    value = given
    for _ in range(2):  # some clients encode twice
        value = parsed("{}" if isinstance(value, str) and not value.strip() else value)
    if isinstance(value, list) and len(value) <= 1:
        value = value[0] if value else {}
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _invalid(f'{method} needs `arguments` as a JSON object, such as {{"limit": 5}}', given)
    return dict(value)


def _texts(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return the arguments of a prompt as text, which is their only type (MCP specification, "Prompts")."""
    if len(arguments) > MOST_ARGUMENTS:
        raise _invalid(f"a prompt takes at most {MOST_ARGUMENTS} arguments", len(arguments))
    texts = {}
    for name, value in arguments.items():
        if isinstance(value, (int, float)):
            texts[name] = json.dumps(value)
        elif isinstance(value, str):
            texts[name] = value
        elif value is not None:
            raise _invalid(f"the argument {quoted(name)} of a prompt must be text", value)
    return texts


def _invalid(expected: str, given: Any) -> MCPError:
    kinds: dict[type, str] = {str: "text", dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
    what = kinds.get(type(given), "a number")
    shown = f" ({quoted(given)})" if isinstance(given, (str, int, float)) else ""
    return MCPError(INVALID_PARAMS, f"{expected}; {what} came{shown}.")
