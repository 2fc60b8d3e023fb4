"""The cursor of `tail_run`: which events of a run a caller has seen, as an opaque text that it sends back.

Events arrive in any order, and late ones are inserted before others, so a position can't be a number or a time: the
cursor is the set of digests of the events that were returned. It grants nothing; every call is authorized anew.

Layout: version, length of the call that returned it, digest of the run's id, digest of each event's id, checksum of the
preceding bytes. The length, in tenths of a second, shows what a client that sends the cursor has waited for. The
checksum detects a cursor that a model copied incompletely or incorrectly.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

VERSION: Final = 2
SEVERAL_VERSION: Final = 3
KINDS: Final = {VERSION: "one run", SEVERAL_VERSION: "several runs"}
"""By version, what such a cursor is about."""
# Two of 200 events have the same digest once in a hundred million runs.
_EVENT_BYTES: Final = 5
_RUN_BYTES: Final = 4
_CHECKSUM_BYTES: Final = 3
_WAITED_BYTES: Final = 2
_TENTHS: Final = 10
_MOST_TENTHS: Final = 2 ** (8 * _WAITED_BYTES) - 1


class CursorError(ValueError):
    """A text that isn't a cursor of this run; the message says why."""


@dataclass(frozen=True)
class Cursor:
    """The events of one run that a caller has seen.

    Attributes:
        run_id: The run.
        digests: The digest of the id of each event.
        waited: The length of the call that returned the cursor, in seconds.
    """

    run_id: str
    digests: frozenset[bytes] = frozenset()
    waited: float = 0.0

    @classmethod
    def parse(cls, text: str, run_id: str) -> "Cursor":
        """Parse a cursor; an empty text means that no event was seen yet.

        Raises:
            CursorError: The text was truncated, belongs to another run or version, or isn't a cursor.
        """
        if not text:
            return cls(run_id)
        waited, rest = _unpacked(text)
        run, events = rest[:_RUN_BYTES], rest[_RUN_BYTES:]
        if run != run_digest(run_id):
            raise CursorError("it belongs to another run")
        digests = frozenset(events[at : at + _EVENT_BYTES] for at in range(0, len(events), _EVENT_BYTES))
        return cls(run_id, digests, waited)

    def has_seen(self, event_id: str) -> bool:
        """Return whether the event was seen."""
        return digest_of(event_id.encode(), _EVENT_BYTES) in self.digests

    def with_events(self, event_ids: Iterable[str]) -> "Cursor":
        """Return a cursor that has seen these events too."""
        digests = self.digests | {digest_of(event_id.encode(), _EVENT_BYTES) for event_id in event_ids}
        return replace(self, digests=digests)

    def after(self, waited: float) -> "Cursor":
        """Return the cursor as that of a call that took `waited` seconds."""
        return replace(self, waited=waited)

    def __str__(self) -> str:
        return pack(VERSION, self.waited, run_digest(self.run_id) + b"".join(sorted(self.digests)))


def run_digest(run_id: str) -> bytes:
    """Return what stands for a run in its cursors."""
    return digest_of(run_id.encode(), _RUN_BYTES)


def waited_for(text: str) -> tuple[bytes, float]:
    """Return the digest of a cursor's run, and the length of the call that returned the cursor in seconds.

    Raises:
        CursorError: The text isn't a whole cursor of this version.
    """
    waited, rest = _unpacked(text)
    return rest[:_RUN_BYTES], waited


def pack(version: int, waited: float, rest: bytes) -> str:
    """Return a cursor as text.

    Args:
        version: The version of its layout.
        waited: The length of the call that returns it, in seconds.
        rest: What follows the two.
    """
    tenths = min(_MOST_TENTHS, int(waited * _TENTHS)).to_bytes(_WAITED_BYTES, "big")
    body = bytes([version]) + tenths + rest
    return base64.urlsafe_b64encode(body + digest_of(body, _CHECKSUM_BYTES)).rstrip(b"=").decode()


def unpack(text: str, version: int) -> tuple[float, bytes]:
    """Return the length of the call that returned a cursor, in seconds, and what follows in it.

    Raises:
        CursorError: The text was truncated, is of another version, or isn't a cursor.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CursorError("it isn't a cursor of this server") from error
    if not data or data[0] not in KINDS:
        raise CursorError("it isn't a cursor of this version of the server")
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if len(body) < 1 + _WAITED_BYTES or checksum != digest_of(body, _CHECKSUM_BYTES):
        raise CursorError("a part of it is missing or was changed")
    kind = KINDS[body[0]]
    if body[0] != version:
        raise CursorError(f"it is that of {kind}")
    return int.from_bytes(body[1 : 1 + _WAITED_BYTES], "big") / _TENTHS, body[1 + _WAITED_BYTES :]


def _unpacked(text: str) -> tuple[float, bytes]:
    waited, rest = unpack(text, VERSION)
    events = len(rest) - _RUN_BYTES
    if events < 0 or events % _EVENT_BYTES:
        raise CursorError("a part of it is missing or was changed")
    return waited, rest


def digest_of(data: bytes, size: int) -> bytes:
    """Return a digest of so many bytes."""
    return hashlib.blake2b(data, digest_size=size).digest()
