"""The call of a tool: an operation's context, and what the MCP client at the other end is known to allow."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.tenants.call_timeouts import LearntCaps, highest_cap, listed_cap

Progress = Callable[[str], Awaitable[None]]
"""Reports the progress of a call, in a sentence."""


async def _unreported(_: str) -> None:
    """Discard progress."""


@dataclass(frozen=True, kw_only=True)
class Call(OperationContext):
    """One call of a tool.

    Attributes:
        client: The client's name, as it gave it.
        version: Its version.
        learnt_as: The name under which the call timeout of the client is learnt.
        progress: Reports the progress of the call.
        token_from: Where the caller's token came from, see `tool_error`.
        learnt: The call timeouts that clients turned out to have.
        offered: The names of the tools that this server offers.
        shows_cards: Whether the client may show the result in a run card.
        warnings: What the user should know of the state file.
    """

    client: str
    version: str
    learnt_as: str
    learnt: LearntCaps
    progress: Progress = _unreported
    token_from: str = ""
    offered: frozenset[str] = field(default_factory=frozenset)
    shows_cards: bool = False
    warnings: Callable[[], list[str]] = list

    @property
    def wait_cap(self) -> float:
        """The call timeout of the client, in seconds, as far as it is known."""
        if self.settings.max_wait is not None:
            return self.settings.max_wait
        listed = listed_cap(self.client)
        return min(self.learnt.cap(self.learnt_as) or listed, highest_cap(listed))

    def responded(self, run: bytes) -> float:
        """Return how long this call about a run took, in seconds, and note that its response is about to be sent."""
        waited = anyio.current_time() - self.arrived
        self.learnt.responded(self.learnt_as, run, waited)
        return waited

    def confirmed(self, run: bytes, waited: float) -> None:
        """Learn from a response which has reached the client, to a call about a run that took `waited` seconds."""
        self.learnt.confirmed(self.learnt_as, run, waited, listed=listed_cap(self.client))
