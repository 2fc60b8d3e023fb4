"""Reads MCP messages from a file descriptor, without a thread and without a task of its own."""

import logging
import os
from collections import deque
from typing import Final

import anyio
import anyio.lowlevel
import mcp_types
from anyio.abc import ObjectReceiveStream
from mcp.shared.message import SessionMessage

from mogplex_mcp.startup.discovery import QUIET_SECONDS, Discovery, without_late_probe

LARGEST_MESSAGE: Final = 16 * 1024 * 1024
_READ_BYTES: Final = 65_536

logger = logging.getLogger(__name__)


class MessageReader(ObjectReceiveStream[SessionMessage | Exception]):
    """Messages from a client, one per line.

    Args:
        descriptor: The file descriptor to read.
        discovery: The beginning of the conversation.
    """

    def __init__(self, descriptor: int, discovery: Discovery) -> None:
        self._descriptor = descriptor
        self._discovery = discovery
        self._messages = deque(discovery.replay(_parse))
        self._unread = discovery.unread
        self._pending = bytearray()
        self._is_first = True
        self._is_too_long = False
        self._is_at_end = False

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message.

        Raises:
            EndOfStream: The client has closed its side.
        """
        # Once the shutdown has begun, no further message is received, even if it has been read already.
        await anyio.lowlevel.checkpoint_if_cancelled()
        while not self._messages:
            if self._is_at_end:
                raise anyio.EndOfStream
            if self._unread:
                self._take(self._unread)
                self._unread = b""
            elif self._discovery.has_deferred and await self._is_quiet():
                self._messages += self._discovery.deferred()
            else:
                await anyio.wait_readable(self._descriptor)
                self._take(os.read(self._descriptor, _READ_BYTES))
        return self._messages.popleft()

    async def aclose(self) -> None:
        """Do nothing: the descriptor belongs to the caller."""

    async def _is_quiet(self) -> bool:
        with anyio.move_on_after(QUIET_SECONDS):
            await anyio.wait_readable(self._descriptor)
            return False
        return True

    def _take(self, chunk: bytes) -> None:
        """Process a chunk that was read; an empty one is the end of the file."""
        self._is_at_end = not chunk
        # The last line may lack its newline.
        self._pending += chunk or b"\n"
        if b"\n" in chunk or not chunk:
            first, *lines, self._pending = self._pending.split(b"\n")
            whole = lines if self._is_too_long else [first, *lines]
            for line in without_late_probe(whole, _parse) if self._is_first else whole:
                message = _parse(line) if line.strip() else None
                self._discovery.received(line, message)
                if message is not None:
                    self._messages.append(message)
            self._is_too_long, self._is_first = False, False
        if len(self._pending) > LARGEST_MESSAGE:
            # Discard everything up to the end of the line.
            self._is_too_long = True
            logger.warning("A message of over 16 MiB was discarded")
        if self._is_too_long:
            self._pending.clear()


def _parse(line: bytes | bytearray) -> SessionMessage | None:
    """Return the message in a line; None if it isn't one. The SDK would discard it too, at forty times the cost."""
    try:
        # Invalid UTF-8 is invalid JSON too, but the rest of the line may hold the id of the request.
        text = line.decode("utf-8", "replace")
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(text, by_name=False))
    except (ValueError, RecursionError) as error:
        logger.debug("A line that is not a message was discarded (%s)", type(error).__name__)
        return None
