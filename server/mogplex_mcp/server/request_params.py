"""Parameters of requests in other forms than the specification's: understood where their meaning is plain, else named.

Some clients send the `arguments` of a call as JSON text. The SDK would refuse that, and every other wrong parameter, as
"Invalid request parameters", from which neither a model nor a person learns what to change.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, ErrorData, PaginatedRequestParams
from pydantic import ValidationError

from mogplex_mcp.toolkit.size_limits import MOST_ARGUMENTS
from mogplex_mcp.toolkit.unknown_arguments import parsed, quoted

_NAMED: Final = {"tools/call": "tool", "prompts/get": "prompt"}
_LONGEST_NAME: Final = 200
_KINDS: Final[Mapping[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}
"""By type of error of pydantic, what is expected."""
# The SDK's answer to a request before `initialize`.
_NOT_INITIALIZED: Final = ErrorData(code=INVALID_PARAMS, message="Invalid request parameters", data="")


async def normalize_params(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Convert the parameters of `tools/call` and `prompts/get` before they are validated (a middleware).

    Raises:
        MCPError: `INVALID_PARAMS`; the message says what came and what is expected.
    """
    if kind := _NAMED.get(ctx.method):
        ctx = replace(ctx, params=_normalized(ctx, kind))
    try:
        return await call_next(ctx)
    except ValidationError as error:
        raise _wrong(ctx.method, error) from None
    except MCPError as error:
        if error.error != _NOT_INITIALIZED:
            raise
        first = f"{ctx.method} came before `initialize`: send that first, and wait for its response."
        raise MCPError(INVALID_PARAMS, first) from None


def _normalized(ctx: ServerRequestContext[Any, Any], kind: str) -> dict[str, Any]:
    params = dict(ctx.params or {})
    name = params.get("name")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise _invalid(f"{ctx.method} needs `name`, the name of a {kind}", name)
    arguments = _object(params.get("arguments"), ctx.method)
    params["arguments"] = _texts(arguments) if kind == "prompt" else arguments
    return params


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


def _wrong(method: str, error: ValidationError) -> MCPError:
    """Return the error that names the first wrong parameter."""
    first = error.errors(include_url=False)[0]
    # The path goes through "params" and the names of the alternatives that pydantic tried.
    names = [str(one) for one in first["loc"] if one not in ("params", "str", "int") and not str(one)[:1].isupper()]
    needs = f"{method} needs `{'.'.join(names) or 'params'}`"
    if first["type"] == "missing":
        return MCPError(INVALID_PARAMS, f"{needs}, which is missing.")
    kind = _KINDS.get(first["type"])
    return _invalid(f"{needs} as {kind}" if kind else f"{needs} in another form", first["input"])


def _invalid(expected: str, given: Any) -> MCPError:
    kinds: dict[type, str] = {str: "text", dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
    what = kinds.get(type(given), "a number")
    shown = f" ({quoted(given)})" if isinstance(given, (str, int, float)) else ""
    return MCPError(INVALID_PARAMS, f"{expected}; {what} came{shown}.")
