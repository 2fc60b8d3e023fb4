"""The cursor of `tail_run` for several runs: what was reported to a caller of each.

Of one run, a cursor knows every event (`cursor`). Of several, it knows how many there were: events are only added, so
more of them are news. That keeps the cursor of ten runs shorter than an answer may be long.

Layout: version, length of the call that returned it, then for each run the digest of its id, its verdict, the number of
its events and that of its milestones; checksum.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mogplex_mcp.runs.cursor import SEVERAL_VERSION, CursorError, digest_of, pack, run_digest, unpack

_RUN_BYTES: Final = 4
_ROW_BYTES: Final = _RUN_BYTES + 3
_MOST: Final = 255


@dataclass(frozen=True)
class Reported:
    """What was reported to a caller of a run.

    Attributes:
        verdict: How it had ended or was lost, see `several.Verdict`; 0 while it went on.
        events: How many events it had; at most 255, and 200 can be read.
        milestones: How many of them were milestones.
    """

    verdict: int = 0
    events: int = 0
    milestones: int = 0


@dataclass(frozen=True)
class SeveralCursor:
    """What was reported to a caller of several runs.

    Attributes:
        runs: What was reported, by the digest of the run's id.
        waited: The length of the call that returned the cursor, in seconds.
    """

    runs: Mapping[bytes, Reported] = field(default_factory=dict)
    waited: float = 0.0

    @classmethod
    def parse(cls, text: str, run_ids: Iterable[str]) -> "SeveralCursor":
        """Parse a cursor, which may have more or fewer runs than these; an empty text is one without any.

        Raises:
            CursorError: The text was truncated, belongs to other runs or another version, or isn't a cursor.
        """
        if not text:
            return cls()
        cursor = _parsed(text)
        if cursor.runs.keys().isdisjoint(map(run_digest, run_ids)):
            raise CursorError("it belongs to other runs")
        return cursor

    @classmethod
    def of(cls, reported: Mapping[str, Reported]) -> "SeveralCursor":
        """Return the cursor of a caller to whom this was reported, by the id of the run."""
        return cls({run_digest(run_id): one for run_id, one in reported.items()})

    def reported(self, run_id: str) -> Reported:
        """Return what was reported to the caller of a run."""
        return self.runs.get(run_digest(run_id), Reported())

    @property
    def digest(self) -> bytes:
        """What stands for these runs together."""
        return digest_of(b"".join(sorted(self.runs)), _RUN_BYTES)

    def after(self, waited: float) -> "SeveralCursor":
        """Return the cursor as that of a call that took `waited` seconds."""
        return replace(self, waited=waited)

    def __str__(self) -> str:
        rows = (run + bytes(min(_MOST, count) for count in _counts(reported)) for run, reported in self.runs.items())
        return pack(SEVERAL_VERSION, self.waited, b"".join(rows))


def waited_for(text: str) -> tuple[bytes, float]:
    """Return the digest of a cursor's runs, and the length of the call that returned the cursor in seconds.

    Raises:
        CursorError: The text isn't a whole cursor of several runs.
    """
    cursor = _parsed(text)
    return cursor.digest, cursor.waited


def _parsed(text: str) -> SeveralCursor:
    waited, rest = unpack(text, SEVERAL_VERSION)
    if len(rest) % _ROW_BYTES:
        raise CursorError("a part of it is missing or was changed")
    rows = (rest[at : at + _ROW_BYTES] for at in range(0, len(rest), _ROW_BYTES))
    return SeveralCursor({row[:_RUN_BYTES]: Reported(*row[_RUN_BYTES:]) for row in rows}, waited)


def _counts(reported: Reported) -> tuple[int, ...]:
    return reported.verdict, reported.events, reported.milestones
