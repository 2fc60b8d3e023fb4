"""Where a process keeps its state: in the state file of a person, or in the database that replicas share."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from mogplex_mcp.api.budget import RequestCounts
from mogplex_mcp.storage.expiring_names import ExpiringNames, MemoryExpiringNames
from mogplex_mcp.storage.ledger import Ledger
from mogplex_mcp.storage.looks import SharedLooks
from mogplex_mcp.storage.request_counts import SqliteRequestCounts
from mogplex_mcp.storage.sqlite_ledger import SqliteLedger
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.wait_limits import SqliteWaitLimits, WaitLimits


class Store(Protocol):
    """The state of a process."""

    @property
    def wait_limits(self) -> WaitLimits:
        """The learnt wait limits of clients."""

    @property
    def used_confirmations(self) -> ExpiringNames:
        """The confirmations that were used."""

    @property
    def cancelled_tasks(self) -> ExpiringNames:
        """The tasks that were cancelled: on all replicas, or in this process where there is no database."""

    def now(self) -> float:
        """Return the seconds since the epoch, by the clock of all processes that share the state."""

    def ledger(self, identity: str, *, former: str = "") -> Ledger:
        """Return the ledger of an identity.

        Args:
            identity: Whose starts they are.
            former: The identity under which earlier releases kept them.
        """

    def request_counts(self, identity: str) -> RequestCounts:
        """Return the request counts of an identity."""

    def looks(self, identity: str) -> SharedLooks | None:
        """Return the looks at runs that replicas share; None where this process is the only one."""

    def tenant(self, identity: str) -> str:
        """Return the name under which rows of an identity are kept.

        Raises:
            StateError: It cannot be known at the moment.
        """

    async def sealing_key(self) -> bytes | None:
        """Return the key that seals what clients keep for us; None where each process has its own.

        Raises:
            StateError: It cannot be read.
        """

    async def lasting_key(self) -> bytes:
        """Return the key that seals what clients keep longer than a process lives, such as the ids of tasks.

        Raises:
            StateError: It cannot be read.
        """

    async def check(self) -> None:
        """Return if the state can be used.

        Raises:
            StateError: It cannot.
        """

    def warnings(self) -> Sequence[str]:
        """Return what the user should know of the state."""

    async def aclose(self) -> None:
        """Close files and connections."""


class SqliteStore:
    """The `Store` in a state file."""

    def __init__(self, state: StateFile, now: Callable[[], float] = time.time) -> None:
        self.state = state
        self.wait_limits = SqliteWaitLimits(state)
        self.used_confirmations = MemoryExpiringNames()
        # Apart: any number of tasks can be cancelled, and must not push out a confirmation.
        self.cancelled_tasks = MemoryExpiringNames()
        self._now = now

    def now(self) -> float:
        """See `Store.now`."""
        return self._now()

    def ledger(self, identity: str, *, former: str = "") -> Ledger:
        """See `Store.ledger`."""
        return SqliteLedger(self.state, identity, token=former, now=self._now)

    def request_counts(self, identity: str) -> RequestCounts:
        """See `Store.request_counts`."""
        return SqliteRequestCounts(self.state, identity)

    def looks(self, identity: str) -> SharedLooks | None:
        """See `Store.looks`."""
        del identity
        return None

    def tenant(self, identity: str) -> str:
        """See `Store.tenant`."""
        return self.state.tenant(identity)

    async def sealing_key(self) -> bytes | None:
        """See `Store.sealing_key`."""
        return None

    async def lasting_key(self) -> bytes:
        """See `Store.lasting_key`."""
        # Made of the secret of the file, which never leaves it.
        return self.state.tenant("the key that seals the ids of tasks").encode()

    async def check(self) -> None:
        """See `Store.check`."""
        with self.state.reading():
            pass

    def warnings(self) -> Sequence[str]:
        """See `Store.warnings`."""
        return [self.state.warning] if self.state.warning else []

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        self.state.close()
