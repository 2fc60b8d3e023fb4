"""The ledger of starts: what was asked of Mogplex, and under which idempotency key.

Runs and triggers of automations are entries of one ledger, under one set of rules. An entry is written, and flushed to
the disk, before the request that starts something leaves; whatever happens afterwards, the next try sends the same key.
Keys follow from the request (`derive_key`), so a ledger that is lost, or that another machine has, changes none of
them: it only knows which generation is the newest, and what became of it.
The journal, the list of runs that Mogplex itself does not have, is read from the same entries. Prompts are not kept: a
hash identifies repeated starts, a first line tells people which run it is.
"""

import enum
import hashlib
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from mogplex_mcp.core.redaction import without_keys

SAME_START_SECONDS: Final = 600.0
"""How long the same arguments are the same start."""

BRANCH_CLAIM_SECONDS: Final = 60.0
"""How long a start of unknown outcome keeps others off its branch: a request takes half of it at most."""

KEPT_SECONDS: Final = 90 * 86_400
"""How long an entry is kept."""

KEPT_ENTRIES: Final = 2_000
"""How many entries of a kind are kept for an identity."""

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
        day: The UTC day that its key is derived from, in days since the epoch.
        generation: How many starts of the same request had a key of that day before; -1 for none yet.
        number: Counts the starts of the same request in this ledger, so that the newest one is known by any clock.
        working_branch: The branch that the run works on, if the request named one.
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
    day: int = 0
    generation: int = 0
    number: int = 0
    working_branch: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether it is not known if this start made a run."""
        return self.state in (StartState.SENDING, StartState.RETRIED)

    @property
    def is_open(self) -> bool:
        """Whether the run may still be going on."""
        return self.state not in (StartState.REFUSED, StartState.GONE) and self.status not in TERMINAL_STATUSES


class BranchInUseError(Exception):
    """Another start may work on the branch that a start needs for itself; nothing was recorded.

    Attributes:
        entry: The other start.
        seconds: How long it keeps the branch if its outcome is never learnt; 0 if its run is known.
    """

    def __init__(self, entry: Entry, seconds: float) -> None:
        super().__init__(f"another start works on the branch {entry.working_branch}")
        self.entry = entry
        self.seconds = seconds


class Ledger(Protocol):
    """The starts of one identity. Every method may raise `StateError`."""

    async def begin(
        self, wanted: Entry, *, chain: str = "", after: int = -1, known_runs: Collection[str] | None = None
    ) -> tuple[Entry, bool]:
        """Record a start before it is sent, or find the one that it repeats, as `decide` says.

        The look and the record are one transaction: of several processes that begin the same start at the same time,
        one gets its own entry back and the others get that one. The entry is on the disk then, and an earlier one in
        state `SENDING` has become `RETRIED`.

        Args:
            wanted: The start: its kind, fingerprint, day and what is known of the repository; its key, if the caller
                chose it.
            chain: What the keys of this request are derived from; empty if the caller chose the key.
            after: The number of an entry that is known not to be the same start.
            known_runs: Set for a start that needs its branch for itself: the runs that keep nothing off it, since the
                caller has looked at them. None for a start to which others on its branch don't matter.

        Returns:
            The entry to go on with, and whether it is an earlier one.

        Raises:
            BranchInUseError: Another start may work on the branch, as `check_branch` says.
        """

    async def settle(
        self,
        entry: Entry,
        *,
        run_id: str,
        status: str,
        state: StartState = StartState.STARTED,
        created_at: float | None = None,
    ) -> None:
        """Record which run a start made, also when the entry has vanished from the ledger in the meantime.

        Args:
            entry: The start.
            run_id: The run.
            status: Its status.
            state: What is known of the start.
            created_at: When it was begun, if that was long before the entry was.
        """

    async def refuse(self, entry: Entry) -> None:
        """Record that nothing was started, unless more than one request was sent under this key."""

    async def see_run(self, run_id: str, *, repo_id: str, status: str, pull_request: str, created_at: float) -> None:
        """Record what a run was just seen to be, also one that was started elsewhere."""

    async def find_run(self, run_id: str) -> Entry | None:
        """Return the entry of a run, if there is one."""

    async def runs(self, *, repo_id: str = "", since: float = 0.0, limit: int = KEPT_ENTRIES) -> Sequence[Entry]:
        """Return the runs, newest first, without starts that were refused and runs that are gone."""


def entry_of(row: Sequence[Any]) -> Entry:
    """Return the entry whose fields are in a row, in their order."""
    entry = Entry(*row)
    return replace(entry, state=StartState(entry.state), kind=StartKind(entry.kind), forced=bool(entry.forced))


def as_stored(value: Any) -> Any:
    """Return a value as it is kept: a branch or a status that holds a secret must not be stored."""
    return without_keys(value) if isinstance(value, str) else value


def derive_key(chain: str, day: int, generation: int) -> str:
    """Return the idempotency key of a request: the same on every machine, with any ledger or none.

    Args:
        chain: A hash of the request and of what keeps it apart from those of others.
        day: Days since the epoch. It keeps the walk to the newest generation short where no ledger knows it.
        generation: Counts the starts of the request on that day, from 0.
    """
    digest = hashlib.sha256(f"{chain}/{day}/{generation}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16]))


def decide(
    wanted: Entry, same_key: Entry | None, newest: Entry | None, *, chain: str, after: int, now: float
) -> tuple[Entry, bool]:
    """Return the entry that a start goes on with, and whether it is an earlier one. All stores follow these rules.

    The newest start of the same request is the same one, unless it is known to be another: its run is gone, its number
    isn't above `after`, or another start is forced. A forced start is the same as a forced one of unknown outcome, so
    that repeating it is safe. Anything else begins the next generation. A refused start counts as if it had never been:
    the next one has its key again, whatever another request under that key may have done.

    Args:
        wanted: The start.
        same_key: The entry of its key, if the caller chose the key.
        newest: The entry of the same fingerprint with the highest number, refused ones left out.
        chain: As in `Ledger.begin`.
        after: As in `Ledger.begin`.
        now: Seconds since the epoch, by the clock of the ledger.
    """
    if not chain and same_key is not None and same_key.state is not StartState.REFUSED:
        return same_key, True
    if chain and newest is not None and newest.number > after and _is_same(wanted, newest, now):
        return newest, True
    begun = replace(wanted, created_at=now, checked_at=now, generation=-1)
    if newest is not None:
        # The day of a clock that was set back since is not gone back to: its newest generation would be forgotten.
        begun = replace(begun, day=max(wanted.day, newest.day), number=newest.number + 1)
        if newest.day == begun.day:
            begun = replace(begun, generation=newest.generation)
    if not chain:
        return begun, False
    generation = begun.generation + 1
    return replace(begun, generation=generation, key=derive_key(chain, begun.day, generation)), False


def check_branch(
    begun: Entry, earlier: bool, others: Iterable[Entry], *, known_runs: Collection[str], now: float
) -> None:
    """Check that no other start may work on the branch of one that needs it for itself. All stores follow these rules.

    The look and the record of the start are one transaction, so that of several processes one gets the branch.

    Args:
        begun: What `decide` returned.
        earlier: The same.
        others: The entries on the branch.
        known_runs: As in `Ledger.begin`.
        now: Seconds since the epoch, by the clock of the ledger.

    Raises:
        BranchInUseError: A start of unknown outcome was sent, or sent again, a moment ago; or one has a run that the
            caller didn't know of when it looked.
    """
    if earlier and not begun.is_unknown:
        return  # nothing is sent
    for other in others:
        if other.key == begun.key or not other.is_open:
            continue
        if not other.is_unknown and other.run_id not in known_runs:
            raise BranchInUseError(other, 0.0)
        if other.is_unknown and 0 <= now - other.checked_at < BRANCH_CLAIM_SECONDS:
            raise BranchInUseError(other, BRANCH_CLAIM_SECONDS - (now - other.checked_at))


def sent_again(entry: Entry, now: float) -> Entry:
    """Return an earlier entry of unknown outcome whose request is sent once more."""
    return replace(entry, state=StartState.RETRIED, checked_at=now)


def settled(
    entry: Entry, *, run_id: str, status: str, state: StartState, created_at: float | None, now: float
) -> Entry:
    """Return an entry with the run that its start made (see `Ledger.settle`)."""
    began = entry.created_at if created_at is None else created_at
    return replace(entry, state=state, run_id=run_id, status=status, created_at=began, checked_at=now)


def seen(
    known: Entry | None, run_id: str, *, repo_id: str, status: str, pull_request: str, created_at: float, now: float
) -> Entry:
    """Return the entry of a run that was looked at (see `Ledger.see_run`). A known pull request stays known."""
    entry = known or Entry(f"seen:{run_id}", StartState.SEEN, run_id=run_id, created_at=created_at)
    return replace(
        entry,
        repo_id=repo_id or entry.repo_id,
        status=status,
        pull_request=pull_request or entry.pull_request,
        checked_at=now,
    )


def _is_same(wanted: Entry, newest: Entry, now: float) -> bool:
    if newest.state is StartState.GONE:
        return False
    if wanted.forced:
        return newest.forced and newest.is_unknown
    # A start of an earlier day whose outcome was never learnt made no run that counts now.
    return not newest.is_unknown or newest.day >= wanted.day or now - newest.created_at < SAME_START_SECONDS
