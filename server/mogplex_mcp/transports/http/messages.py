"""Checks of JSON-RPC messages before MCP sees them.

They bound what a message may cost, answer what is no message, and know what HTTP has a status for: a protocol version
that contradicts the header, and a scope that the token lacks.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from mcp.server.streamable_http import check_accept_headers
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    HEADER_MISMATCH,
    INVALID_REQUEST,
    PARSE_ERROR,
    PROTOCOL_VERSION_META_KEY,
    UNSUPPORTED_PROTOCOL_VERSION,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, KNOWN_PROTOCOL_VERSIONS
from pydantic_core import from_json
from starlette.requests import Request
from starlette.types import Scope

from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.server.request_scope import CALLER
from mogplex_mcp.transports.http.observation import note_message
from mogplex_mcp.transports.http.protected_resource import ProtectedResource
from mogplex_mcp.transports.http.refusals import REFUSED, Refusal

MOST_PARTS: Final = 20_000
"""Brackets, commas, colons, strings and what is between them. Reading that many takes some milliseconds."""

MOST_LEVELS: Final = 64
"""Levels of nesting. A graph of an automation has less than ten."""

_VERSION_HEADER: Final = b"mcp-protocol-version"
_ENVELOPE: Final = (PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY)
_WITHOUT_ENVELOPE: Final = ("", *HANDSHAKE_PROTOCOL_VERSIONS)
_LONGEST_VERSION: Final = 40
# Something matches at every position, a string without its end too: searching further on would take quadratic time.
_PART: Final = re.compile(rb'[^]["{},:]++|[][{},:]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


class MessageCheck:
    """Checks the message of a request.

    Args:
        known: What Mogplex has shown of tokens.
        writing_tools: The tools that need the scope `write`.
        resource: How clients get a token.
    """

    def __init__(self, known: KnownTokens, writing_tools: Collection[str], resource: ProtectedResource) -> None:
        self._known = known
        self._writing_tools = writing_tools
        self._resource = resource

    def __call__(self, scope: Scope, body: bytes) -> Refusal | None:
        """Return why a message is refused; None if it isn't."""
        if not all(check_accept_headers(Request(scope))):
            # The SDK responds to some of these without a word.
            problem = "The response may be of either type: send 'Accept: application/json, text/event-stream'."
            return Refusal(406, "not_acceptable", problem)
        if not body.strip():
            return _malformed("The body is empty: send one JSON-RPC message.", PARSE_ERROR)
        if problem := _costly(body):
            return _malformed(problem)
        try:
            message = from_json(body, allow_inf_nan=False)
        except ValueError:
            return _malformed("The body isn't valid JSON in UTF-8.", PARSE_ERROR)
        if refusal := _malformed_message(message):
            return refusal
        note_message(scope, message)
        return _other_version(scope, message) or self._missing_scope(scope, message)

    def _missing_scope(self, scope: Scope, message: Mapping[str, Any]) -> Refusal | None:
        params, caller = message.get("params") or {}, scope[CALLER]
        if (
            message.get("method") != "tools/call"
            or not isinstance(params.get("name"), str)
            or params["name"] not in self._writing_tools
            or caller is None
            or not self._known.lacks_write(caller.token)
        ):
            return None
        return Refusal(
            403,
            "insufficient_scope",
            "This tool needs the scope write, which the token in your client's Authorization header does not have. "
            "Nothing was sent. Put a token with the scopes read and write there.",
            self._resource.challenge(scope, "insufficient_scope", "This tool needs the scope write"),
            REFUSED,
            _id(message),
            {"scope": "read write"},
        )


def _costly(body: bytes) -> str:
    """Return why a message would cost too much to read; "" if it wouldn't. Strings of any length cost little."""
    level = 0
    for count, part in enumerate(_PART.finditer(body)):
        kind = body[part.start()]
        if kind in b"[{":
            level += 1
        elif kind in b"]}":
            level -= 1
        if level > MOST_LEVELS:
            return f"The message is nested deeper than {MOST_LEVELS} levels."
        if count >= MOST_PARTS:
            return f"The message has more than {MOST_PARTS} values and names. Send less at a time."
    return ""


def _malformed(message: str, code: int = INVALID_REQUEST, request_id: str | int | None = None) -> Refusal:
    return Refusal(400, "malformed", message, {}, code, request_id)


def _malformed_message(message: Any) -> Refusal | None:
    """Return why a JSON value isn't a JSON-RPC message."""
    if not isinstance(message, dict):
        one = "Send each JSON-RPC message in a request of its own, not as a batch."
        return _malformed(one if isinstance(message, list) else "The body must be one JSON-RPC message, an object.")
    problem = ""
    is_response = "method" not in message and ("result" in message or "error" in message)
    if "id" in message and _id(message) is None and not is_response:
        problem = "The id of a request must be a string or an integer."
    elif message.get("jsonrpc") != "2.0":
        problem = 'A JSON-RPC message has "jsonrpc": "2.0".'
    elif not is_response and not isinstance(message.get("method"), str):
        problem = "A JSON-RPC message has a method, a string."
    elif not isinstance(message.get("params"), dict | None):
        problem = "The params of a message must be a JSON object."
    return _malformed(problem, request_id=_id(message)) if problem else None


def _other_version(scope: Scope, message: Mapping[str, Any]) -> Refusal | None:
    """Return a refusal if the version in the header isn't the one in the message, or isn't served.

    The SDK chooses by the header alone, and would skip the checks of the 2026 protocol for a message of that protocol
    under an older header.
    """
    headers = {value.decode("latin-1").strip() for name, value in scope["headers"] if name == _VERSION_HEADER}
    header = min(headers, default="")
    meta = (message.get("params") or {}).get("_meta")
    envelope = {key: meta[key] for key in _ENVELOPE if key in meta} if isinstance(meta, dict) else {}
    differs = envelope and (header in _WITHOUT_ENVELOPE or envelope.get(PROTOCOL_VERSION_META_KEY, header) != header)
    if differs or len(headers) > 1:
        said = (
            "The MCP-Protocol-Version header does not match the protocol version in the message's _meta: send one "
            "header, with the version that is in _meta."
        )
        return Refusal(400, "header_mismatch", said, {}, HEADER_MISMATCH, _id(message))
    if headers and header not in KNOWN_PROTOCOL_VERSIONS:
        served = list(reversed(KNOWN_PROTOCOL_VERSIONS))
        said = f"Unsupported protocol version: this server serves {', '.join(served)}."
        data = {"supported": served, "requested": header[:_LONGEST_VERSION]}
        return Refusal(400, "unsupported_version", said, {}, UNSUPPORTED_PROTOCOL_VERSION, _id(message), data)
    return None


def _id(message: Mapping[str, Any]) -> str | int | None:
    """Return the id of a message, if it is one that JSON-RPC allows."""
    given = message.get("id")
    return given if isinstance(given, str | int) and not isinstance(given, bool) else None
