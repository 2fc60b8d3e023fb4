"""The requests of the last minute and the pauses, in the user's state file, shared by several processes."""

from collections.abc import Callable, Sequence
from typing import Final

from mogplex_mcp.api.budget import Spent
from mogplex_mcp.storage.state_file import StateFile

# Counts a request if there is room for it and no pause.
_COUNT: Final = """
INSERT INTO requests SELECT :tenant, :now, :units, 0
WHERE :units + (
    SELECT coalesce(sum(units), 0) FROM requests WHERE tenant = :tenant AND at > :oldest AND at <= :newest
) <= :limit
AND NOT EXISTS (SELECT 1 FROM pauses WHERE tenant = :tenant AND until > :now AND until <= :longest_pause)
"""


class SqliteRequestCounts:
    """The `RequestCounts` of one token in the state file.

    Args:
        state: The user's state file.
        token: The token.
    """

    def __init__(self, state: StateFile, token: str) -> None:
        self._state = state
        self._token = token

    async def count_within(self, request: Spent, *, limit: int, window: float, longest_pause: float) -> bool:
        """See `RequestCounts.count_within`."""
        values: dict[str, str | float] = {
            "tenant": self._state.tenant(self._token),
            "now": request.at,
            "units": request.units,
            "oldest": request.at - window,
            "newest": request.at + window,
            "limit": limit,
            "longest_pause": request.at + longest_pause,
        }
        return self._state.change(_COUNT, values) == 1

    async def count(self, request: Spent, *, window: float, wait: Callable[[Sequence[Spent], float], float]) -> float:
        """See `RequestCounts.count`."""
        tenant = self._state.tenant(self._token)
        bounds = request.at - window, request.at + window
        with self._state.transaction() as rows:
            until = rows.execute("SELECT until FROM pauses WHERE tenant = ?", (tenant,)).fetchone()
            question = "SELECT at, units, watching FROM requests WHERE tenant = ? AND at > ? AND at <= ?"
            spent = [Spent(*row) for row in rows.execute(question, (tenant, *bounds))]
            seconds = wait(spent, until[0] if until else 0.0)
            if seconds <= 0:
                rows.execute("INSERT INTO requests VALUES (?, ?, ?, ?)", (tenant, *request))
        return seconds

    async def forget(self, *, oldest: float, newest: float) -> None:
        """See `RequestCounts.forget`."""
        with self._state.transaction() as rows:
            rows.execute("DELETE FROM requests WHERE at <= ? OR at > ?", (oldest, newest))

    async def pause(self, until: float) -> None:
        """See `RequestCounts.pause`."""
        tenant = self._state.tenant(self._token)
        with self._state.transaction() as rows:
            rows.execute(
                "INSERT INTO pauses VALUES (?, ?) ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
                (tenant, until),
            )

    async def usage(self, since: float) -> tuple[int, float]:
        """See `RequestCounts.usage`."""
        tenant = self._state.tenant(self._token)
        with self._state.reading() as rows:
            (units,) = rows.execute(
                "SELECT coalesce(sum(units), 0) FROM requests WHERE tenant = ? AND at > ?", (tenant, since)
            ).fetchone()
            until = rows.execute("SELECT until FROM pauses WHERE tenant = ?", (tenant,)).fetchone()
        return units, until[0] if until else 0.0
