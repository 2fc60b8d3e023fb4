"""The confirmations that were used and the tasks that were cancelled, which count on all replicas."""

from typing import Final

from mogplex_mcp.storage.postgres.connection import Connection
from mogplex_mcp.storage.postgres.database import PostgresDatabase

# The table is called after its first use: a step of the schema never changes.
_ADD: Final = "INSERT INTO used_confirmations VALUES (%s, %s) ON CONFLICT (state) DO NOTHING RETURNING 1"
_HAS: Final = "SELECT 1 FROM used_confirmations WHERE state = %s AND until >= %s"


class PostgresExpiringNames:
    """The `ExpiringNames` in the database."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def add(self, name: str, *, valid_seconds: float) -> bool:
        """See `ExpiringNames.add`."""
        now = self._database.now()

        async def add(rows: Connection) -> bool:
            await rows.execute("DELETE FROM used_confirmations WHERE until < %s", (now,))
            return await (await rows.execute(_ADD, (name, now + valid_seconds))).fetchone() is not None

        return await self._database.run(add)

    async def has(self, name: str) -> bool:
        """See `ExpiringNames.has`."""
        now = self._database.now()

        async def has(rows: Connection) -> bool:
            return await (await rows.execute(_HAS, (name, now))).fetchone() is not None

        return await self._database.run(has)
