"""The learnt wait limits in the database, with a copy in this process, which a timer can ask without waiting."""

from collections.abc import Callable
from typing import Final

import anyio

from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.postgres.connection import Connection
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.storage.wait_limits import WaitLimit

COPIED_SECONDS: Final = 30.0
"""How old the copy may be."""

_LEARN: Final = """
INSERT INTO wait_limits VALUES (%s, %s, %s)
ON CONFLICT (client) DO UPDATE SET seconds = excluded.seconds, until = excluded.until
"""


class PostgresWaitLimits:
    """The `WaitLimits` in the database. What is learnt here counts here at once, and elsewhere after `share`."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._copy: dict[str, WaitLimit] = {}
        self._learnt: dict[str, WaitLimit] = {}
        self._forget_before = 0.0
        self._copied_at = -COPIED_SECONDS

    def limits(self, now: float) -> dict[str, WaitLimit]:
        """See `WaitLimits.limits`."""
        return {client: limit for client, limit in sorted(self._copy.items()) if limit.until > now}

    def limit(self, client: str, now: float) -> WaitLimit | None:
        """See `WaitLimits.limit`."""
        known = self._copy.get(client)
        return known if known is not None and known.until > now else None

    def learn(self, client: str, decide: Callable[[WaitLimit | None], WaitLimit], *, forget_before: float) -> None:
        """See `WaitLimits.learn`."""
        self._copy[client] = self._learnt[client] = decide(self._copy.get(client))
        self._forget_before = forget_before

    async def share(self) -> None:
        """See `WaitLimits.share`."""
        is_fresh = anyio.current_time() - self._copied_at < COPIED_SECONDS
        if is_fresh and not self._learnt:
            return
        learnt, self._learnt = self._learnt, {}
        self._copied_at = anyio.current_time()

        async def share(rows: Connection) -> dict[str, WaitLimit]:
            await rows.execute("DELETE FROM wait_limits WHERE until < %s", (self._forget_before,))
            for client, limit in learnt.items():
                await rows.execute(_LEARN, (client, *limit))
            found = await rows.execute("SELECT client, seconds, until FROM wait_limits")
            return {client: WaitLimit(seconds, until) async for client, seconds, until in found}

        try:
            self._copy = await self._database.run(share) | self._learnt
        except StateError:
            self._learnt = learnt | self._learnt
