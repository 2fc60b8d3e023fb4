"""What a server offers and to whom: all that handlers beside those of tools need to know of a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mcp.server.context import ServerRequestContext

from mogplex_mcp.bridge import Bridge
from mogplex_mcp.runs.journal import Entry
from mogplex_mcp.runs.sqlite_journal import SqliteJournal
from mogplex_mcp.settings import Settings
from mogplex_mcp.state import StateError
from mogplex_mcp.token_source import FoundToken
from mogplex_mcp.tools.call import Call
from mogplex_mcp.tools.toolset import Tool

Context = ServerRequestContext[Bridge]


@dataclass(frozen=True)
class Offer:
    """Tells what a request may use, and whose it is.

    Attributes:
        settings: What the user chose.
        tools: The tools that a request may use, by name.
        whose: The token that counts for a request.
        open_call: Makes what a tool is given, connections to Mogplex included.
        now: Seconds since the epoch.
    """

    settings: Settings
    tools: Callable[[Context], Mapping[str, Tool]]
    whose: Callable[[Context], FoundToken]
    open_call: Callable[[Context], Call]
    now: Callable[[], float]

    def known_runs(self, context: Context, most: int) -> list[Entry]:
        """The newest runs of the caller's journal; none where it cannot be read.

        Clients ask for lists as soon as they have started: this does without the connections to Mogplex, which take
        long to make.
        """
        token = self.whose(context).token
        if token is None:
            return []
        journal = SqliteJournal(context.lifespan_context.state, token.value, now=self.now)
        try:
            return [entry for entry in journal.entries(limit=most) if entry.run_id]
        except StateError:
            # What is wrong with the journal, check_connection tells; a list has no place for it.
            return []
