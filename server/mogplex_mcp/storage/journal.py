"""What was started from here, and under which key: the list of runs that Mogplex itself does not have.

An entry is written, and flushed to the disk, before the request that starts a run leaves; whatever happens afterwards,
the key is there for the next try. Prompts are not kept: a hash tells repeated starts, a first line tells people.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

TERMINAL_STATUSES: Final = frozenset({"success", "failed", "cancelled"})


class Fate(enum.StrEnum):
    """What is known of a start."""

    SENDING = "sending"
    """The request may be on its way, or its outcome was never learnt."""
    REPEATED = "repeated"
    """The same, and more than one try was made: that one of them was refused says nothing of the others."""
    STARTED = "started"
    """Mogplex gave the run an id."""
    REFUSED = "refused"
    """Mogplex said that nothing was started."""
    GONE = "gone"
    """Mogplex does not know the run any more."""
    SEEN = "seen"
    """The run was started elsewhere and looked at from here."""


@dataclass(frozen=True)
class Entry:
    """One run of the journal. Times are seconds since the epoch; unknown text is empty.

    Attributes:
        key: The idempotency key under which it was started.
        fate: What is known of the start.
        fingerprint: A hash of everything that was asked for; the same for the same start.
        forced: Whether it was started on purpose beside the same run.
        run_id: What Mogplex calls it, once that is known.
        repo_id: The repository's id.
        repo: The repository's name.
        base_branch: The branch that was sent, explicitly.
        prompt_line: The beginning of the prompt, unless the user does not want it kept.
        status: As last seen.
        pull_request: Its address, as last seen.
        created_at: When it was begun.
        checked_at: When it was last seen.
    """

    key: str
    fate: Fate
    fingerprint: str = ""
    forced: bool = False
    run_id: str = ""
    repo_id: str = ""
    repo: str = ""
    base_branch: str = ""
    prompt_line: str = ""
    status: str = ""
    pull_request: str = ""
    created_at: float = 0.0
    checked_at: float = 0.0

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows if this start made a run."""
        return self.fate in (Fate.SENDING, Fate.REPEATED)

    @property
    def is_open(self) -> bool:
        """Whether the run may still be going on."""
        return self.fate not in (Fate.REFUSED, Fate.GONE) and self.status not in TERMINAL_STATUSES


class Journal(Protocol):
    """The runs of one token. Every method may raise `StateError`."""

    def begin(self, wanted: Entry, *, within_seconds: float) -> tuple[Entry, bool]:
        """Write down a start before it is sent, unless the same one is under way.

        Args:
            wanted: The start: its key, its fingerprint and what is known of the repository. A forced one is the same
                only as a forced one whose fate is unknown.
            within_seconds: How far back an open run of the same fingerprint counts as the same start; 0 for never.
                An entry of the same key always does, unless Mogplex refused it.

        Returns:
            The entry to go on with, and whether it is an earlier one. Of several processes that ask at the same time
            with one fingerprint, one gets its own entry back and the others get that one. It is on the disk then.
        """

    def settle(self, key: str, *, run_id: str, status: str, fate: Fate = Fate.STARTED) -> None:
        """Write down which run a start made."""

    def refuse(self, key: str) -> None:
        """Write down that nothing was started, unless somebody else tries under the same key."""

    def see(self, run_id: str, *, repo_id: str, status: str, pull_request: str, created_at: float) -> None:
        """Write down what a run was just seen to be, also one that was started elsewhere."""

    def find(self, run_id: str) -> Entry | None:
        """The entry of a run, if there is one."""

    def latest(self, *, unknown_within_seconds: float) -> Entry | None:
        """The newest run, or the newest start whose fate is unknown if it is not older than that."""

    def entries(self, *, repo_id: str = "", since: float = 0.0, limit: int = 2_000) -> Sequence[Entry]:
        """The newest entries first, without starts that were refused and runs that are gone."""
