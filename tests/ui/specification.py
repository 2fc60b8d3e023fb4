"""The messages of MCP Apps, as the schemas of ext-apps describe them."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from jsonschema import Draft202012Validator

from tests.ui.building import modules

SENT: Final = {
    "ui/initialize": "McpUiInitializeRequest",
    "ui/open-link": "McpUiOpenLinkRequest",
    "ui/update-model-context": "McpUiUpdateModelContextRequest",
    "ui/notifications/initialized": "McpUiInitializedNotification",
    "ui/notifications/size-changed": "McpUiSizeChangedNotification",
}
"""By method of a message of the card, the name of its schema."""

# The same messages as in MCP itself.
_OF_MCP: Final[Mapping[str, Any]] = {
    "tools/call": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    },
    "notifications/cancelled": {
        "type": "object",
        "properties": {"requestId": {"type": "number"}, "reason": {"type": "string"}},
        "required": ["requestId"],
        "additionalProperties": False,
    },
}


@cache
def schema(name: str) -> Any:
    """The validator of a type of ext-apps."""
    path = modules() / "@modelcontextprotocol" / "ext-apps" / "dist" / "src" / "generated" / "schema.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    return Draft202012Validator(whole["$defs"][name])


def invalid(messages: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wrong with messages of a card."""
    return [problem for message in messages for problem in _problems(message)]


def _problems(message: Mapping[str, Any]) -> list[str]:
    envelope = {"jsonrpc", "id", "method", "params"} if "method" in message else {"jsonrpc", "id", "result"}
    if message.get("jsonrpc") != "2.0" or not set(message) <= envelope:
        return [f"not JSON-RPC: {message}"]
    method = message.get("method", "")
    if not method:
        return []
    if method in _OF_MCP:
        checked, value = Draft202012Validator(_OF_MCP[method]), message["params"]
    elif method in SENT:
        checked, value = schema(SENT[method]), {"method": method, "params": message["params"]}
    else:
        return [f"unknown method: {method}"]
    return [f"{method}: {error.message}" for error in checked.iter_errors(value)]
