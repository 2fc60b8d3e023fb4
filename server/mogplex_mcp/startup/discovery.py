"""What clients ask at every start, kept with the server's answers so that the next start has them at once.

`early` gives such answers while the server is still being loaded. The server hears here what was said meanwhile, to be
in the same state as if it had answered itself, and its own answers are compared with what the client was told.
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

QUESTIONS: Final = frozenset(
    {"initialize", "server/discover", "ping", "tools/list", "prompts/list", "resources/templates/list"}
)
"""The answers depend on nothing but the code, the user's choices and what the client has said before."""

MOST_LINES: Final = 12
MOST_FILES: Final = 64

QUIET_SECONDS: Final = 2.0
"""How long a client has to be silent before the server hears what it hears for the sake of comparing alone."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Told:
    """An answer that a client has got already."""

    conversation: Conversation
    request: mcp_types.RequestId
    answer: bytes


class Discovery:
    """The beginning of a client's conversation.

    Args:
        listener: What was heard and answered before the server was there; None if nobody listened.

    Attributes:
        unread: What else was read from stdin.
        unsent: What has still to be written to stdout, before anything else.
    """

    def __init__(self, listener: Listener | None) -> None:
        self.unread = listener.unread if listener else b""
        self.unsent = listener.unsent if listener else b""
        self._answered = listener.answered if listener else []
        self._conversation = listener.conversation if listener else None
        self._told: dict[mcp_types.RequestId, _Told] = {}
        self._put_off: list[SessionMessage] = []
        self._asked: dict[mcp_types.RequestId, Conversation] = {}
        self._lines = 0
        if listener and not listener.answered and listener.conversation.known_answer() is None:
            # From now on it is known that whoever is started under these circumstances serves a client on stdin.
            _keep(listener.conversation, b"")

    def missed(self, read: Callable[[bytes], SessionMessage | None]) -> Iterator[SessionMessage]:
        """What the server has to hear of that which was answered for it: all that changes its state.

        Args:
            read: Makes a message of a line.
        """
        for conversation, line, answer in self._answered:
            message = read(line)
            if message is None:
                continue
            if not isinstance(message.message, mcp_types.JSONRPCRequest):
                yield message
                continue
            request, is_first = message.message, not self._told
            # Not an id of the client's: that it may use again.
            number = f"{__name__}/{len(self._told)}"
            self._told[number] = _Told(conversation, request.id, answer)
            again = SessionMessage(request.model_copy(update={"id": number}))
            # The first request decides in which era of the protocol the server speaks.
            if is_first or request.method == "initialize":
                yield again
            else:
                self._put_off.append(again)

    @property
    def has_rest(self) -> bool:
        """Whether there is something that the server should hear in a quiet moment."""
        return bool(self._put_off)

    def rest(self) -> list[SessionMessage]:
        """What the server hears for the sake of comparing alone."""
        rest, self._put_off = self._put_off, []
        return rest

    def asked(self, line: bytes | bytearray, message: SessionMessage | None) -> None:
        """Note a line of the client, as long as it says nothing but what clients say at every start."""
        if self._conversation is None or self._lines == MOST_LINES or len(line) > LONGEST_LINE:
            self._conversation = None
            return
        self._lines += 1
        self._conversation = self._conversation.then(bytes(line))
        match message and message.message:
            case mcp_types.JSONRPCRequest(id=number, method=method) if (
                method in QUESTIONS and number not in self._asked
            ):
                self._asked[number] = self._conversation
            case mcp_types.JSONRPCNotification(method="notifications/initialized"):
                _keep(self._conversation, b"")
            case _:
                self._conversation = None

    def answered(self, message: mcp_types.JSONRPCMessage, line: bytes) -> None:
        """Keep an answer of the server, if it is one to what clients ask at every start."""
        if not self._asked or not isinstance(message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError):
            return
        conversation = self._asked.pop(message.id, None) if message.id is not None else None
        if conversation and isinstance(message, mcp_types.JSONRPCResponse):
            _keep(conversation, line)

    def is_told(self, message: mcp_types.JSONRPCMessage) -> bool:
        """Whether the client has got this answer already. If what it got was something else, nobody gets that again."""
        if not self._told or not isinstance(message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError):
            return False
        told = self._told.pop(message.id, None) if message.id is not None else None
        if told is None:
            return False
        if as_line(message.model_copy(update={"id": told.request})) != told.answer:
            logger.info("An answer that was kept from an earlier start was out of date")
            _forget(told.conversation)
        return True


def without_late_probe(
    lines: list[bytearray], read: Callable[[bytes | bytearray], SessionMessage | None]
) -> list[bytearray]:
    """The first lines of a client, `initialize` before a probe that it no longer waits for.

    A client that speaks both eras probes with `server/discover` and, after a second of silence, sends `initialize`. To
    answer the probe first would fix the era of 2026, in which `initialize` is refused (-32022).

    Args:
        lines: What the client had said when it was first heard.
        read: Makes a message of a line.
    """
    methods = [getattr(said.message, "method", "") if (said := read(line)) else "" for line in lines[:2]]
    return [lines[1], lines[0], *lines[2:]] if methods == ["server/discover", "initialize"] else lines


def as_line(message: mcp_types.JSONRPCMessage) -> bytes:
    """A message as it goes over the wire."""
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"


def _keep(conversation: Conversation, answer: bytes) -> None:
    """Keep what was answered to the last line of a conversation; where that cannot be done the next start is slower."""
    path = Path(conversation.path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not conversation.is_private():
            return
        # Another process may keep the same at the same time.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(answer)
        Path(file.name).replace(path)
        for old in sorted(path.parent.iterdir(), key=lambda one: one.stat().st_mtime)[:-MOST_FILES]:
            old.unlink(missing_ok=True)
    except OSError as error:
        logger.debug("An answer could not be kept for the next start (%s)", error.strerror)


def _forget(conversation: Conversation) -> None:
    with contextlib.suppress(OSError):
        Path(conversation.path).unlink(missing_ok=True)
