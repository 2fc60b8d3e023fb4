"""The last look at each run in the database. A lease on its row says which replica reads the next one."""

from typing import Any, Final

from mogplex_mcp.storage.looks import Look
from mogplex_mcp.storage.postgres.connection import Connection
from mogplex_mcp.storage.postgres.database import PostgresDatabase

KEPT_SECONDS: Final = 3_600.0
"""How long a look is kept after the last replica stopped to follow the run."""

LONGEST_LEASE_SECONDS: Final = 60.0
"""A lease that ends later was taken before the clock was set back."""

# Another replica's lease may end at this moment; 0 would mean that the lease is the caller's.
_SHORTEST_SECONDS: Final = 0.001

_CLAIM: Final = """
INSERT INTO looks (tenant, run_id, number, answer, at, leased_until)
VALUES (%(tenant)s, %(run)s, 0, '', %(now)s, %(end)s)
ON CONFLICT (tenant, run_id) DO UPDATE SET leased_until = excluded.leased_until
WHERE (looks.leased_until <= %(now)s OR looks.leased_until > %(longest)s) AND looks.number <= %(seen)s
RETURNING number
"""
_PUBLISH: Final = """
INSERT INTO looks (tenant, run_id, number, answer, at, leased_until)
VALUES (%(tenant)s, %(run)s, 1, %(answer)s, %(now)s, 0)
ON CONFLICT (tenant, run_id) DO UPDATE
SET number = looks.number + 1, answer = excluded.answer, at = excluded.at, leased_until = 0
RETURNING number
"""
_LATEST: Final = "SELECT number, answer, at, leased_until FROM looks WHERE tenant = %(tenant)s AND run_id = %(run)s"


class PostgresLooks:
    """The `SharedLooks` of one token in the database."""

    def __init__(self, database: PostgresDatabase, token: str) -> None:
        self._database = database
        self._token = token

    async def claim(self, run_id: str, *, seen: int, lease_seconds: float) -> Look | float:
        """See `SharedLooks.claim`."""
        values = await self._values(run_id)
        values |= {"seen": seen, "end": values["now"] + lease_seconds, "longest": values["now"] + LONGEST_LEASE_SECONDS}

        async def claim(rows: Connection) -> Look | float:
            if await (await rows.execute(_CLAIM, values)).fetchone():
                return 0.0
            row = await (await rows.execute(_LATEST, values)).fetchone()
            if row is None:
                return lease_seconds  # swept away at this moment
            number, answer, at, leased_until = row
            if number > seen:
                return Look(number, answer, max(0.0, values["now"] - at))
            seconds: float = leased_until - values["now"]
            return max(seconds, _SHORTEST_SECONDS)

        return await self._database.run(claim, durable=False)

    async def publish(self, run_id: str, answer: str) -> int:
        """See `SharedLooks.publish`."""
        values = await self._values(run_id)
        values["answer"] = answer

        async def publish(rows: Connection) -> int:
            await rows.execute("DELETE FROM looks WHERE at < %s", (values["now"] - KEPT_SECONDS,))
            row = await (await rows.execute(_PUBLISH, values)).fetchone()
            return int(row[0]) if row else 0

        return await self._database.run(publish, durable=False)

    async def _values(self, run_id: str) -> dict[str, Any]:
        return {"tenant": await self._database.tenant(self._token), "run": run_id, "now": self._database.now()}
