"""Which events of a run somebody has seen, as a short text that a model can hand back.

Events come in any order and late ones land in the middle, so a position cannot be a number or a time: the cursor holds
a fingerprint of the id of each event that was shown. It says nothing else; every call is authorised anew.

Its bytes: the version, a digest of the run's id, a digest of each event's id, and a digest of all of that, so that a
text that a model copied in part or wrongly is known for what it is.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
# Two of 200 events have the same digest once in a hundred million runs.
_MARK_BYTES: Final = 5
_RUN_BYTES: Final = 4
_CHECK_BYTES: Final = 3
_SHORTEST: Final = 1 + _RUN_BYTES + _CHECK_BYTES


class CursorError(ValueError):
    """The text is no cursor of this run; the message says what it is instead."""


@dataclass(frozen=True)
class Cursor:
    """The events of one run that have been shown."""

    run_id: str
    marks: frozenset[bytes] = frozenset()

    @classmethod
    def parse(cls, text: str, run_id: str) -> "Cursor":
        """Read a cursor; empty text means that nothing was shown yet.

        Raises:
            CursorError: It was cut, is of another run or another version, or never was a cursor.
        """
        if not text:
            return cls(run_id)
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise CursorError("it isn't a cursor of this server") from error
        if not data or data[0] != VERSION:
            raise CursorError("it isn't a cursor of this version of the server")
        body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        run, marks = body[1 : 1 + _RUN_BYTES], body[1 + _RUN_BYTES :]
        if len(data) < _SHORTEST or len(marks) % _MARK_BYTES or check != _digest(body, _CHECK_BYTES):
            raise CursorError("a part of it is missing or was changed")
        if run != _digest(run_id.encode(), _RUN_BYTES):
            raise CursorError("it belongs to another run")
        return cls(run_id, frozenset(marks[at : at + _MARK_BYTES] for at in range(0, len(marks), _MARK_BYTES)))

    def has_seen(self, event_id: str) -> bool:
        """Whether the event was shown."""
        return _digest(event_id.encode(), _MARK_BYTES) in self.marks

    def with_events(self, event_ids: Iterable[str]) -> "Cursor":
        """This cursor after these events were shown too."""
        return Cursor(self.run_id, self.marks | {_digest(event_id.encode(), _MARK_BYTES) for event_id in event_ids})

    def __str__(self) -> str:
        body = bytes([VERSION]) + _digest(self.run_id.encode(), _RUN_BYTES) + b"".join(sorted(self.marks))
        return base64.urlsafe_b64encode(body + _digest(body, _CHECK_BYTES)).rstrip(b"=").decode()


def _digest(data: bytes, size: int) -> bytes:
    return hashlib.blake2b(data, digest_size=size).digest()
