"""What an operation is given besides its arguments: the tenant, the time it may take, where progress goes."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import anyio

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.operations.confirmation import Consent
from mogplex_mcp.tenants.tenant import Tenant

Progress = Callable[[float, str], Awaitable[None]]
"""Report how far a call is, by a number that rises with each report and a text."""


# A person does not hang up, but a single call ends all the same; following a run makes one after another.
_LONGEST_SECONDS: Final = 600.0


async def unreported(_: float, __: str) -> None:
    """Drop progress that no one asked for."""


@dataclass(frozen=True)
class OperationContext:
    """The circumstances of one call of an operation.

    Attributes:
        tenant: The caller.
        settings: The user's choices.
        arrived: When the call came, on the clock of the event loop.
        progress: Reports how far the call is.
        clock: Seconds since the epoch.
        consent: Whether the user agrees with what the call is about to do.
        shutdown: The shutdown of this process, which leaves a call some seconds.
    """

    tenant: Tenant
    settings: Settings
    arrived: float
    progress: Progress = unreported
    clock: Callable[[], float] = time.time
    consent: Consent = field(default_factory=Consent)
    shutdown: Shutdown = field(default_factory=Shutdown)

    @property
    def now(self) -> datetime:
        """The time of day."""
        return datetime.fromtimestamp(self.clock(), UTC)

    @property
    def wait_cap(self) -> float:
        """The longest that the call may take, in seconds."""
        return self.settings.max_wait or _LONGEST_SECONDS

    @property
    def deadline(self) -> float:
        """When the result has to be there, on the clock of the event loop."""
        return self.arrived + self.wait_cap

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, never less than one: something is always tried."""
        return max(1.0, self.deadline - anyio.current_time())
