"""How long a client waits for an answer, as learnt from the calls it cancelled, in the user's state file."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from mogplex_mcp.storage.state_file import StateFile


class WaitLimit(NamedTuple):
    """The longest wait that was known to be safe, and until when that says anything (seconds since the epoch)."""

    seconds: float
    until: float


class WaitLimits(Protocol):
    """The learnt limits, by client. Every method may raise `StateError`.

    Not async, unlike the ledger: a timer of the event loop asks for the limit, and a timer cannot wait.
    """

    def limits(self, now: float) -> dict[str, WaitLimit]:
        """Return the limits that count now, by client."""

    def limit(self, client: str, now: float) -> WaitLimit | None:
        """Return the limit of a client that counts now."""

    def learn(self, client: str, decide: Callable[[WaitLimit | None], WaitLimit], *, forget_before: float) -> None:
        """Replace what is known of a client by what `decide` makes of it, also of what no longer counts.

        Args:
            client: The client.
            decide: Gets what is known, None for nothing.
            forget_before: What stopped to count before this time is dropped, for all clients.
        """

    async def share(self) -> None:
        """Exchange what was learnt with other machines, if there are any and the last time was a while ago.

        Does not fail: what cannot be exchanged now is kept for the next time.
        """


class SqliteWaitLimits:
    """The `WaitLimits` in the state file."""

    def __init__(self, state: StateFile) -> None:
        self._state = state

    def limits(self, now: float) -> dict[str, WaitLimit]:
        """See `WaitLimits.limits`."""
        with self._state.reading() as rows:
            found = rows.execute("SELECT client, seconds, until FROM wait_caps WHERE until > ? ORDER BY client", (now,))
            return {client: WaitLimit(seconds, until) for client, seconds, until in found}

    def limit(self, client: str, now: float) -> WaitLimit | None:
        """See `WaitLimits.limit`."""
        with self._state.reading() as rows:
            question = "SELECT seconds, until FROM wait_caps WHERE client = ? AND until > ?"
            row = rows.execute(question, (client, now)).fetchone()
        return WaitLimit(*row) if row else None

    def learn(self, client: str, decide: Callable[[WaitLimit | None], WaitLimit], *, forget_before: float) -> None:
        """See `WaitLimits.learn`."""
        with self._state.transaction() as rows:
            rows.execute("DELETE FROM wait_caps WHERE until < ?", (forget_before,))
            known = rows.execute("SELECT seconds, until FROM wait_caps WHERE client = ?", (client,)).fetchone()
            limit = decide(WaitLimit(*known) if known else None)
            rows.execute("INSERT OR REPLACE INTO wait_caps VALUES (?, ?, ?)", (client, *limit))

    async def share(self) -> None:
        """See `WaitLimits.share`: all processes read the one file."""
