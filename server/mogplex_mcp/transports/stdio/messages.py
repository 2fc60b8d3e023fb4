"""Turns the lines of a client into MCP messages, and lines that are no message into JSON-RPC errors.

The SDK drops what it cannot parse, and takes a request with an unusable id for a notification. Its client would wait
for the response until its own timeout, so the error names the id wherever the line has one (JSON-RPC 2.0, section 5.1).
"""

import json
import logging
from dataclasses import dataclass
from typing import Final

import mcp_types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from mogplex_mcp.transports.stdio.members import NO_ID, Members, Scan, scan, scan_ends

LARGEST_MESSAGE: Final = 16 * 1024 * 1024
BOM: Final = b"\xef\xbb\xbf"

_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rejection:
    """The error response to a line that is no message.

    Attributes:
        code: -32700 (not JSON) or -32600 (not a message).
        reason: What is wrong with the line.
        request: The id of the request as JSON; `null` if the line has none.
    """

    code: int
    reason: str
    request: bytes = NO_ID

    @property
    def has_id(self) -> bool:
        """Return whether a client can tell which request this is about."""
        return self.request != NO_ID

    @property
    def line(self) -> bytes:
        """Return the response as a line."""
        error = json.dumps({"code": self.code, "message": self.reason}, separators=(",", ":")).encode()
        return b'{"jsonrpc":"2.0","id":' + self.request + b',"error":' + error + b"}\n"


def read_line(line: bytes | bytearray) -> SessionMessage | list[Rejection]:
    """Return the message in a line, given without a byte order mark; otherwise the errors to respond with.

    There is none for an empty line, and none for an unusable notification or response: those get no answer.
    """
    try:
        message = mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except (ValueError, RecursionError) as error:
        logger.debug("A line that is not a message was refused (%s)", type(error).__name__)
        return _rejections(line, error) if line.strip() else []
    # To the SDK, a request with an unusable id is a notification, and one that also has a result is a response.
    other = b'"id"' if isinstance(message, mcp_types.JSONRPCNotification) else b'"method"'
    if not isinstance(message, mcp_types.JSONRPCRequest) and (other in line or b"\\u" in line):
        found = scan(line).objects
        if found and found[0].values.keys() >= {"id", "method"}:
            return [_not_a_request(found[0])]
    return SessionMessage(message)


def too_long(head: bytes, tail: bytes) -> list[Rejection]:
    """Return the errors to respond with to a line of over 16 MiB, of which the first and last bytes are given."""
    logger.warning("A message of over 16 MiB was discarded")
    reason = "The message is longer than 16 MiB."
    found = scan_ends(head.removeprefix(BOM), tail)
    return [Rejection(mcp_types.INVALID_REQUEST, reason, one.id) for one in _answered(found)]


def _rejections(line: bytes | bytearray, error: Exception) -> list[Rejection]:
    """Return the errors to respond with to a line that is no message."""
    is_invalid_json, reason = _problem(line, error)
    # Without the zeros, the ASCII characters of UTF-16 remain.
    found = scan(line.removeprefix(_UTF_16[0]).removeprefix(_UTF_16[1]).replace(b"\0", b"") if b"\0" in line else line)
    if is_invalid_json:
        return [Rejection(mcp_types.PARSE_ERROR, reason, one.id) for one in _answered(found)]
    if line.lstrip().startswith(b"["):
        reason = "MCP has no batches: write each message on a line of its own."
        return [Rejection(mcp_types.INVALID_REQUEST, reason, one.id) for one in _answered(found)]
    return [_not_a_request(one) for one in _answered(found)]


def _answered(found: Scan) -> list[Members]:
    """Return what gets an error: each request, or the line as a whole if it is not a notification or response."""
    requests = [one for one in found.objects if not one.is_response and not (found.is_complete and one.is_notification)]
    with_id = [one for one in requests if one.id != NO_ID]
    # One error without an id says as much as many.
    return with_id or (requests[:1] if found.objects else [Members()])


def _not_a_request(found: Members) -> Rejection:
    reason = (
        'The line is not an MCP request: "jsonrpc" must be "2.0", "id" a string or an integer, "method" a string, and '
        '"params" an object if it is present.'
    )
    return Rejection(mcp_types.INVALID_REQUEST, reason, found.id)


def _problem(line: bytes | bytearray, error: Exception) -> tuple[bool, str]:
    """Return whether a line is invalid JSON, and why."""
    if line.startswith(_UTF_16) or b"\0" in line:
        return True, "The line contains NUL bytes or begins as UTF-16: MCP messages are JSON in UTF-8."
    try:
        line.decode()
    except UnicodeDecodeError:
        return True, "The line is not UTF-8."
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return first["type"] == "json_invalid", f"The line is not valid JSON: {first.get('ctx', {}).get('error')}."
    return True, "The line is nested too deeply."
