"""Cache of the responses to requests that clients send at every start.

`early` sends cached responses while the server is still loading. Here those requests are replayed to the server, so
that it is in the same state as if it had answered itself, and its own responses are compared with the cached ones.
"""

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mcp_types
from mcp.shared.message import SessionMessage

from mogplex_mcp.startup.early import LONGEST_LINE, Conversation, Listener

CACHEABLE_METHODS: Final = frozenset(
    {"initialize", "server/discover", "ping", "tools/list", "prompts/list", "resources/templates/list"}
)
"""Their results depend only on the code, the user's choices and the earlier messages of the client."""

MOST_LINES: Final = 12
MOST_FILES: Final = 64

QUIET_SECONDS: Final = 2.0
"""How long a client has to be silent before requests are replayed whose only purpose is the comparison."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Answered:
    """A response that a client got before the server was loaded."""

    conversation: Conversation
    request: mcp_types.RequestId
    response: bytes


class Discovery:
    """The beginning of a client's conversation.

    Args:
        listener: What it received and answered before the server was loaded; None if there was none.

    Attributes:
        unread: Further bytes that were read from stdin.
        unsent: Bytes that have to be written to stdout before anything else.
    """

    def __init__(self, listener: Listener | None) -> None:
        self.unread = listener.unread if listener else b""
        self.unsent = listener.unsent if listener else b""
        self._answered = listener.answered if listener else []
        self._conversation = listener.conversation if listener else None
        self._early: dict[mcp_types.RequestId, _Answered] = {}
        self._deferred: list[SessionMessage] = []
        self._requested: dict[mcp_types.RequestId, Conversation] = {}
        self._lines = 0
        if listener and not listener.answered and listener.conversation.known_answer() is None:
            # The next start under these circumstances knows that it serves a client on stdin.
            _cache(listener.conversation, b"")

    def replay(self, parse: Callable[[bytes], SessionMessage | None]) -> Iterator[SessionMessage]:
        """Return the messages that were answered early and change the server's state.

        Args:
            parse: Parses a line.
        """
        for conversation, line, response in self._answered:
            message = parse(line)
            if message is None:
                continue
            if not isinstance(message.message, mcp_types.JSONRPCRequest):
                yield message
                continue
            request, is_first = message.message, not self._early
            # Not the id of the client, which it may use again.
            number = f"{__name__}/{len(self._early)}"
            self._early[number] = _Answered(conversation, request.id, response)
            again = SessionMessage(request.model_copy(update={"id": number}))
            # The first request decides the protocol era of the connection.
            if is_first or request.method == "initialize":
                yield again
            else:
                self._deferred.append(again)

    @property
    def has_deferred(self) -> bool:
        """Whether there are messages to replay when the client is silent."""
        return bool(self._deferred)

    def deferred(self) -> list[SessionMessage]:
        """Return the messages whose only purpose is the comparison, once."""
        deferred, self._deferred = self._deferred, []
        return deferred

    def received(self, line: bytes | bytearray, message: SessionMessage | None) -> None:
        """Track a line of the client, as long as it sends nothing but cacheable requests."""
        if self._conversation is None or self._lines == MOST_LINES or len(line) > LONGEST_LINE:
            self._conversation = None
            return
        self._lines += 1
        self._conversation = self._conversation.then(bytes(line))
        match message and message.message:
            case mcp_types.JSONRPCRequest(id=number, method=method) if (
                method in CACHEABLE_METHODS and number not in self._requested
            ):
                self._requested[number] = self._conversation
            case mcp_types.JSONRPCNotification(method="notifications/initialized"):
                _cache(self._conversation, b"")
            case _:
                self._conversation = None

    def sent(self, message: mcp_types.JSONRPCMessage, line: bytes) -> None:
        """Cache a response of the server, if it belongs to a cacheable request."""
        if not self._requested or not isinstance(message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError):
            return
        conversation = self._requested.pop(message.id, None) if message.id is not None else None
        if conversation and isinstance(message, mcp_types.JSONRPCResponse):
            _cache(conversation, line)

    def is_answered(self, message: mcp_types.JSONRPCMessage) -> bool:
        """Return whether the client got this response early. If it got another one, remove that from the cache."""
        if not self._early or not isinstance(message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError):
            return False
        early = self._early.pop(message.id, None) if message.id is not None else None
        if early is None:
            return False
        if as_line(message.model_copy(update={"id": early.request})) != early.response:
            logger.info("A response that was cached by an earlier start was out of date")
            _forget(early.conversation)
        return True


def without_late_probe(
    lines: list[bytearray], parse: Callable[[bytes | bytearray], SessionMessage | None]
) -> list[bytearray]:
    """Return the first lines of a client, with `initialize` before a probe that has timed out.

    A client of both eras probes with `server/discover` and, after a second without a response, sends `initialize`. To
    answer the probe first would select the 2026 protocol, in which `initialize` is refused (-32022).

    Args:
        lines: The lines that were received at the first read.
        parse: Parses a line.
    """
    methods = [getattr(one.message, "method", "") if (one := parse(line)) else "" for line in lines[:2]]
    return [lines[1], lines[0], *lines[2:]] if methods == ["server/discover", "initialize"] else lines


def as_line(message: mcp_types.JSONRPCMessage) -> bytes:
    """Serialize a message as a line."""
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"


def _cache(conversation: Conversation, response: bytes) -> None:
    """Cache the response to the last line of a conversation; a failure only makes the next start slower."""
    path = Path(conversation.path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not conversation.is_private():
            return
        # Another process may write the same file at the same time.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(response)
        Path(file.name).replace(path)
        for old in sorted(path.parent.iterdir(), key=lambda one: one.stat().st_mtime)[:-MOST_FILES]:
            old.unlink(missing_ok=True)
    except OSError as error:
        logger.debug("A response could not be cached for the next start (%s)", error.strerror)


def _forget(conversation: Conversation) -> None:
    with contextlib.suppress(OSError):
        Path(conversation.path).unlink(missing_ok=True)
