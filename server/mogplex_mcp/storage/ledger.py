"""The ledger of starts: what was asked of Mogplex, and under which idempotency key.

Runs and triggers of automations are entries of one ledger, under one set of rules. An entry is written, and flushed to
the disk, before the request that starts something leaves; whatever happens afterwards, the next try finds the key.
The journal, the list of runs that Mogplex itself does not have, is read from the same entries. Prompts are not kept: a
hash identifies repeated starts, a first line tells people which run it is.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

TERMINAL_STATUSES: Final = frozenset({"success", "failed", "cancelled"})


class StartKind(enum.StrEnum):
    """What was started. Keys and fingerprints of different kinds are independent."""

    RUN = "run"
    """A run of a coding agent."""
    TRIGGER = "trigger"
    """A run of an automation."""


class StartState(enum.StrEnum):
    """What is known of a start."""

    SENDING = "sending"
    """One request may be on its way, or its outcome was never learnt."""
    RETRIED = "retried"
    """The same after more than one request: a refusal of one of them says nothing of the others."""
    STARTED = "started"
    """Mogplex gave the run an id."""
    REFUSED = "refused"
    """Mogplex said that nothing was started."""
    GONE = "gone"
    """Mogplex does not have the run any more."""
    SEEN = "seen"
    """The run was started elsewhere and looked at from here."""


@dataclass(frozen=True)
class Entry:
    """One start. Times are seconds since the epoch; unknown text is empty.

    Attributes:
        key: The idempotency key that was sent.
        state: What is known of the start.
        kind: What was started.
        fingerprint: A hash of everything that was asked for; the same for the same start.
        forced: Whether another start of the same fingerprint was wanted on purpose.
        run_id: The id that Mogplex gave, once it is known.
        repo_id: The repository's id.
        repo: The repository's name.
        base_branch: The branch that was sent, explicitly.
        prompt_line: The beginning of the prompt, unless the user does not want it kept.
        status: The run's status, as last seen.
        pull_request: Its URL, as last seen.
        created_at: When it was begun.
        checked_at: When it was last seen.
    """

    key: str
    state: StartState
    kind: StartKind = StartKind.RUN
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
        """Whether it is not known if this start made a run."""
        return self.state in (StartState.SENDING, StartState.RETRIED)

    @property
    def is_open(self) -> bool:
        """Whether the run may still be going on."""
        return self.state not in (StartState.REFUSED, StartState.GONE) and self.status not in TERMINAL_STATUSES


class Ledger(Protocol):
    """The starts of one identity. Every method may raise `StateError`."""

    async def begin(self, wanted: Entry, *, within_seconds: float) -> tuple[Entry, bool]:
        """Record a start before it is sent, unless the same one was begun before.

        Args:
            wanted: The start: its kind, its key, its fingerprint and what is known of the repository.
            within_seconds: How far back an entry of the same fingerprint counts as the same start, whether its run has
                ended or not; 0 for never. An entry of the same key always does. Refused starts and runs that are gone
                never do, and a forced start is the same only as a forced one whose outcome is unknown.

        Returns:
            The entry to go on with, and whether it is an earlier one. Of several processes that begin the same start at
            the same time, one gets its own entry back and the others get that one. The entry is on the disk then.
        """

    async def settle(self, entry: Entry, *, run_id: str, status: str, state: StartState = StartState.STARTED) -> None:
        """Record which run a start made."""

    async def refuse(self, entry: Entry) -> None:
        """Record that nothing was started, unless more than one request was sent under this key."""

    async def see_run(self, run_id: str, *, repo_id: str, status: str, pull_request: str, created_at: float) -> None:
        """Record what a run was just seen to be, also one that was started elsewhere."""

    async def find_run(self, run_id: str) -> Entry | None:
        """Return the entry of a run, if there is one."""

    async def latest_run(self, *, unknown_within_seconds: float) -> Entry | None:
        """Return the newest run, or the newest start of unknown outcome if it is not older than that."""

    async def runs(self, *, repo_id: str = "", since: float = 0.0, limit: int = 2_000) -> Sequence[Entry]:
        """Return the runs, newest first, without starts that were refused and runs that are gone."""
