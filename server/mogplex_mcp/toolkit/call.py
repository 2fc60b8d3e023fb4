"""What a tool is given beside its arguments: whose call this is, how long it may take, where progress goes."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.tenants.call_timeouts import LearntCaps, listed_cap
from mogplex_mcp.tenants.tenant import Tenant
from mogplex_mcp.toolkit.confirmation import Consent

Progress = Callable[[float, str], Awaitable[None]]


@dataclass(frozen=True)
class Call:
    """One call of a tool.

    Attributes:
        tenant: Who calls.
        settings: What the user chose.
        client: The client's name, as it gave it.
        version: Its version.
        learnt_as: The name under which something is learnt about it.
        arrived: When the call came, on the clock of the event loop.
        learnt: What clients turned out to bear.
        progress: Tells the client how far the call is, by a number that rises and a text, if it asked for that.
        clock: Seconds since the epoch.
        offered: The names of the tools that this server offers.
        warnings: What the user should know of the state file.
        consent: Whether the user agrees with what the call is about to do.
        shutdown: The end of this process, which leaves a call some seconds.
    """

    tenant: Tenant
    settings: Settings
    client: str
    version: str
    learnt_as: str
    arrived: float
    learnt: LearntCaps
    progress: Progress
    offered: frozenset[str]
    warnings: Callable[[], list[str]]
    clock: Callable[[], float] = time.time
    consent: Consent = field(default_factory=Consent)
    shutdown: Shutdown = field(default_factory=Shutdown)

    @property
    def now(self) -> datetime:
        """The time of day."""
        return datetime.fromtimestamp(self.clock(), UTC)

    @property
    def wait_cap(self) -> float:
        """The longest that this client is known to wait for an answer, in seconds."""
        if self.settings.max_wait is not None:
            return self.settings.max_wait
        return min(self.learnt.cap(self.learnt_as) or listed_cap(self.client), listed_cap(self.client))

    @property
    def deadline(self) -> float:
        """When the answer has to be there, on the clock of the event loop."""
        return self.arrived + self.wait_cap

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, never less than one: something is always tried."""
        return max(1.0, self.deadline - anyio.current_time())
