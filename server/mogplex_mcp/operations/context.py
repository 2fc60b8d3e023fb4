"""The context of an operation: tenant, settings, deadline, consent, shutdown."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import anyio

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.operations.confirmation import Consent
from mogplex_mcp.operations.task_poll import TaskPoll
from mogplex_mcp.tenants.tenant import Tenant

# A terminal has no call timeout, but each call is bounded all the same; following a run makes one call after another.
_LONGEST_SECONDS: Final = 600.0
# A result has to be on its way before the caller gives up.
_RESULT_SECONDS: Final = 0.5


@dataclass(frozen=True)
class OperationContext:
    """The context of one call of an operation.

    Attributes:
        tenant: The tenant of the caller.
        settings: The settings of the server.
        arrived: When the call arrived, on the clock of the event loop.
        clock: Seconds since the epoch, by the clock of the journal: this machine's, or that of a shared database.
        consent: The user's consent to what the call changes.
        shutdown: The graceful shutdown of this process, which leaves a call some seconds.
        session: The session of the caller, within which "the latest run" is meant; empty for that of this process,
            None if it is not known.
        task_poll: Set if the call is one poll of a task; None for a call that waits.
    """

    tenant: Tenant
    settings: Settings
    arrived: float
    clock: Callable[[], float] = time.time
    consent: Consent = field(default_factory=Consent)
    shutdown: Shutdown = field(default_factory=Shutdown)
    session: str | None = ""
    task_poll: TaskPoll | None = None

    @property
    def now(self) -> datetime:
        """The current time at Mogplex, in UTC: what it dates is measured against this."""
        return datetime.fromtimestamp(self.tenant.clock.now(), UTC)

    def on_journal_clock(self, moment: datetime | None) -> float:
        """Return a moment at Mogplex in seconds since the epoch on the clock of the journal, now if it is not known."""
        return self.clock() - ((self.now - moment).total_seconds() if moment else 0.0)

    @property
    def wait_cap(self) -> float:
        """The longest that the call may take, in seconds."""
        return self.settings.max_wait or _LONGEST_SECONDS

    @property
    def deadline(self) -> float:
        """When the call has to return, on the clock of the event loop."""
        return self.arrived + self.wait_cap

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, at least one, so that a request is always tried."""
        return max(1.0, self.deadline - anyio.current_time())

    @property
    def request_seconds(self) -> float:
        """Seconds that a request may take whose response is the result of the call, at least one."""
        return max(1.0, self.remaining - _RESULT_SECONDS)
