"""The requests of the last minute and the pauses, shared by all replicas."""

from collections.abc import Callable, Sequence
from typing import Final

from mogplex_mcp.api.budget import Spent
from mogplex_mcp.storage.postgres.database import Connection, PostgresDatabase

_LOCK: Final = """
INSERT INTO tenants (tenant) VALUES (%s) ON CONFLICT (tenant) DO UPDATE SET tenant = excluded.tenant
RETURNING paused_until
"""
_COUNT: Final = """
INSERT INTO requests SELECT %s, %s, %s, %s WHERE %s + (
    SELECT coalesce(sum(units), 0) FROM requests WHERE tenant = %s AND at > %s AND at <= %s
) <= %s RETURNING 1
"""


class PostgresRequestCounts:
    """The `RequestCounts` of one token in the database. Each change locks the row of the tenant."""

    def __init__(self, database: PostgresDatabase, token: str) -> None:
        self._database = database
        self._token = token

    async def count_within(self, request: Spent, *, limit: int, window: float, longest_pause: float) -> bool:
        """See `RequestCounts.count_within`."""
        tenant = await self._database.tenant(self._token)
        values = (tenant, *request, request.units, tenant, request.at - window, request.at + window, limit)

        async def count(rows: Connection) -> bool:
            locked = await (await rows.execute(_LOCK, (tenant,))).fetchone()
            if locked and request.at < locked[0] <= request.at + longest_pause:
                return False
            return await (await rows.execute(_COUNT, values)).fetchone() is not None

        return await self._database.run(count)

    async def count(self, request: Spent, *, window: float, wait: Callable[[Sequence[Spent], float], float]) -> float:
        """See `RequestCounts.count`."""
        tenant = await self._database.tenant(self._token)

        async def count(rows: Connection) -> float:
            locked = await (await rows.execute(_LOCK, (tenant,))).fetchone()
            question = "SELECT at, units, watching FROM requests WHERE tenant = %s AND at > %s AND at <= %s"
            found = await rows.execute(question, (tenant, request.at - window, request.at + window))
            seconds = wait([Spent(*row) async for row in found], locked[0] if locked else 0.0)
            if seconds <= 0:
                await rows.execute("INSERT INTO requests VALUES (%s, %s, %s, %s)", (tenant, *request))
            return seconds

        return await self._database.run(count)

    async def forget(self, *, oldest: float, newest: float) -> None:
        """See `RequestCounts.forget`."""

        async def forget(rows: Connection) -> None:
            await rows.execute("DELETE FROM requests WHERE at <= %s OR at > %s", (oldest, newest))

        await self._database.run(forget)

    async def pause(self, until: float) -> None:
        """See `RequestCounts.pause`."""
        tenant = await self._database.tenant(self._token)

        async def pause(rows: Connection) -> None:
            await rows.execute(_LOCK, (tenant,))
            longer = "UPDATE tenants SET paused_until = %s WHERE tenant = %s AND paused_until < %s"
            await rows.execute(longer, (until, tenant, until))

        await self._database.run(pause)

    async def usage(self, since: float) -> tuple[int, float]:
        """See `RequestCounts.usage`."""
        tenant = await self._database.tenant(self._token)

        async def usage(rows: Connection) -> tuple[int, float]:
            question = "SELECT coalesce(sum(units), 0) FROM requests WHERE tenant = %s AND at > %s"
            spent = await (await rows.execute(question, (tenant, since))).fetchone()
            paused = "SELECT paused_until FROM tenants WHERE tenant = %s"
            until = await (await rows.execute(paused, (tenant,))).fetchone()
            return int(spent[0]) if spent else 0, float(until[0]) if until else 0.0

        return await self._database.run(usage, reads=True)
