"""The confirmations that users gave, each of which counts once on all replicas."""

from typing import Final

from mogplex_mcp.storage.postgres.connection import Connection
from mogplex_mcp.storage.postgres.database import PostgresDatabase

_ADD: Final = "INSERT INTO used_confirmations VALUES (%s, %s) ON CONFLICT (state) DO NOTHING RETURNING 1"
_HAS: Final = "SELECT 1 FROM used_confirmations WHERE state = %s AND until >= %s"


class PostgresUsedConfirmations:
    """The `UsedConfirmations` in the database."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def add(self, state: str, *, valid_seconds: float) -> bool:
        """See `UsedConfirmations.add`."""
        now = self._database.now()

        async def add(rows: Connection) -> bool:
            await rows.execute("DELETE FROM used_confirmations WHERE until < %s", (now,))
            return await (await rows.execute(_ADD, (state, now + valid_seconds))).fetchone() is not None

        return await self._database.run(add)

    async def has(self, state: str) -> bool:
        """See `UsedConfirmations.has`."""
        now = self._database.now()

        async def has(rows: Connection) -> bool:
            return await (await rows.execute(_HAS, (state, now))).fetchone() is not None

        return await self._database.run(has)
