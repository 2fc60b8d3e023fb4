"""The cursor of `tail_run`: which events of a run a caller has seen, as an opaque text that it sends back.

Events arrive in any order, and late ones are inserted before others, so a position can't be a number or a time: the
cursor is the set of digests of the events that were returned. It grants nothing; every call is authorized anew.

Layout: version, digest of the run's id, digest of each event's id, checksum of the preceding bytes. The checksum
detects a cursor that a model copied incompletely or incorrectly.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
# Two of 200 events have the same digest once in a hundred million runs.
_EVENT_BYTES: Final = 5
_RUN_BYTES: Final = 4
_CHECKSUM_BYTES: Final = 3
_MIN_BYTES: Final = 1 + _RUN_BYTES + _CHECKSUM_BYTES


class CursorError(ValueError):
    """A text that isn't a cursor of this run; the message says why."""


@dataclass(frozen=True)
class Cursor:
    """The events of one run that a caller has seen.

    Attributes:
        run_id: The run.
        digests: The digest of the id of each event.
    """

    run_id: str
    digests: frozenset[bytes] = frozenset()

    @classmethod
    def parse(cls, text: str, run_id: str) -> "Cursor":
        """Parse a cursor; an empty text means that no event was seen yet.

        Raises:
            CursorError: The text was truncated, belongs to another run or version, or isn't a cursor.
        """
        if not text:
            return cls(run_id)
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise CursorError("it isn't a cursor of this server") from error
        if not data or data[0] != VERSION:
            raise CursorError("it isn't a cursor of this version of the server")
        body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
        run, events = body[1 : 1 + _RUN_BYTES], body[1 + _RUN_BYTES :]
        if len(data) < _MIN_BYTES or len(events) % _EVENT_BYTES or checksum != _digest(body, _CHECKSUM_BYTES):
            raise CursorError("a part of it is missing or was changed")
        if run != _digest(run_id.encode(), _RUN_BYTES):
            raise CursorError("it belongs to another run")
        return cls(run_id, frozenset(events[at : at + _EVENT_BYTES] for at in range(0, len(events), _EVENT_BYTES)))

    def has_seen(self, event_id: str) -> bool:
        """Return whether the event was seen."""
        return _digest(event_id.encode(), _EVENT_BYTES) in self.digests

    def with_events(self, event_ids: Iterable[str]) -> "Cursor":
        """Return a cursor that has seen these events too."""
        return Cursor(self.run_id, self.digests | {_digest(event_id.encode(), _EVENT_BYTES) for event_id in event_ids})

    def __str__(self) -> str:
        body = bytes([VERSION]) + _digest(self.run_id.encode(), _RUN_BYTES) + b"".join(sorted(self.digests))
        return base64.urlsafe_b64encode(body + _digest(body, _CHECKSUM_BYTES)).rstrip(b"=").decode()


def _digest(data: bytes, size: int) -> bytes:
    return hashlib.blake2b(data, digest_size=size).digest()
