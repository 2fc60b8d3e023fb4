"""The call of a tool: an operation's context, and what the MCP client at the other end is known to allow."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.tenants.call_timeouts import LearntCaps, listed_cap


@dataclass(frozen=True, kw_only=True)
class Call(OperationContext):
    """One call of a tool.

    Attributes:
        client: The client's name, as it gave it.
        version: Its version.
        learnt_as: The name under which the call timeout of the client is learnt.
        token_from: Where the caller's token came from, see `tool_error`.
        learnt: The call timeouts that clients turned out to have.
        offered: The names of the tools that this server offers.
        warnings: What the user should know of the state file.
    """

    client: str
    version: str
    learnt_as: str
    learnt: LearntCaps
    token_from: str = ""
    offered: frozenset[str] = field(default_factory=frozenset)
    warnings: Callable[[], list[str]] = list

    @property
    def wait_cap(self) -> float:
        """The call timeout of the client, in seconds, as far as it is known."""
        if self.settings.max_wait is not None:
            return self.settings.max_wait
        return min(self.learnt.cap(self.learnt_as) or listed_cap(self.client), listed_cap(self.client))
