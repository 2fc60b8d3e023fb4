"""The requests of the last minute and the pauses, shared by all replicas."""

from collections.abc import Callable, Sequence
from typing import Final

from mogplex_mcp.api.budget import Spent
from mogplex_mcp.storage.postgres.connection import Connection
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.storage.postgres.schema import LOCK_TENANT

_COUNT: Final = """
INSERT INTO requests SELECT %(tenant)s, %(now)s, %(units)s, false
WHERE %(units)s + (
    SELECT coalesce(sum(units), 0) FROM requests WHERE tenant = %(tenant)s AND at > %(oldest)s AND at <= %(newest)s
) <= %(limit)s
AND NOT EXISTS (
    SELECT 1 FROM tenants WHERE tenant = %(tenant)s AND paused_until > %(now)s AND paused_until <= %(longest_pause)s
) RETURNING 1
"""


class PostgresRequestCounts:
    """The `RequestCounts` of one token in the database. Each change locks the row of the tenant."""

    def __init__(self, database: PostgresDatabase, token: str) -> None:
        self._database = database
        self._token = token

    async def count_within(self, request: Spent, *, limit: int, window: float, longest_pause: float) -> bool:
        """See `RequestCounts.count_within`."""
        tenant = await self._database.tenant(self._token)
        values: dict[str, str | float] = {
            "tenant": tenant,
            "now": request.at,
            "units": request.units,
            "oldest": request.at - window,
            "newest": request.at + window,
            "limit": limit,
            "longest_pause": request.at + longest_pause,
        }

        async def count(rows: Connection) -> bool:
            await rows.execute(LOCK_TENANT, (tenant,))
            return await (await rows.execute(_COUNT, values)).fetchone() is not None

        return await self._database.run(count, durable=False)

    async def count(self, request: Spent, *, window: float, wait: Callable[[Sequence[Spent], float], float]) -> float:
        """See `RequestCounts.count`."""
        tenant = await self._database.tenant(self._token)

        async def count(rows: Connection) -> float:
            locked = await rows.execute(LOCK_TENANT, (tenant,))
            question = "SELECT at, units, watching FROM requests WHERE tenant = %s AND at > %s AND at <= %s"
            found = await rows.execute(question, (tenant, request.at - window, request.at + window))
            (paused_until,) = await locked.fetchone() or (0.0,)
            seconds = wait([Spent(*row) async for row in found], paused_until)
            if seconds <= 0:
                await rows.execute("INSERT INTO requests VALUES (%s, %s, %s, %s)", (tenant, *request))
            return seconds

        return await self._database.run(count, durable=False)

    async def forget(self, *, oldest: float, newest: float) -> None:
        """See `RequestCounts.forget`."""

        async def forget(rows: Connection) -> None:
            await rows.execute("DELETE FROM requests WHERE at <= %s OR at > %s", (oldest, newest))

        await self._database.run(forget, durable=False)

    async def pause(self, until: float) -> None:
        """See `RequestCounts.pause`."""
        tenant = await self._database.tenant(self._token)

        async def pause(rows: Connection) -> None:
            await rows.execute(LOCK_TENANT, (tenant,))
            longer = "UPDATE tenants SET paused_until = %s WHERE tenant = %s AND paused_until < %s"
            await rows.execute(longer, (until, tenant, until))

        await self._database.run(pause, durable=False)

    async def usage(self, since: float) -> tuple[int, float]:
        """See `RequestCounts.usage`."""
        tenant = await self._database.tenant(self._token)

        async def usage(rows: Connection) -> tuple[int, float]:
            question = "SELECT coalesce(sum(units), 0) FROM requests WHERE tenant = %s AND at > %s"
            spent = await rows.execute(question, (tenant, since))
            paused = await rows.execute("SELECT paused_until FROM tenants WHERE tenant = %s", (tenant,))
            (units,), (until,) = await spent.fetchone() or (0,), await paused.fetchone() or (0.0,)
            return int(units), float(until)

        return await self._database.run(usage, reads=True)
