"""The store of replicas: everything is in the database."""

import time
from collections.abc import Callable, Sequence

from mogplex_mcp.api.budget import RequestCounts
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.ledger import Ledger
from mogplex_mcp.storage.looks import SharedLooks
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.storage.postgres.expiring_names import PostgresExpiringNames
from mogplex_mcp.storage.postgres.ledger import PostgresLedger
from mogplex_mcp.storage.postgres.looks import PostgresLooks
from mogplex_mcp.storage.postgres.request_counts import PostgresRequestCounts
from mogplex_mcp.storage.postgres.wait_limits import PostgresWaitLimits


class PostgresStore:
    """The `Store` in a PostgreSQL database.

    Args:
        url: The address of the database.
        base_url: The address of Mogplex; those of several addresses may share a database.
        clock: Seconds since the epoch, by this machine.
    """

    def __init__(self, url: Secret, base_url: str, clock: Callable[[], float] = time.time) -> None:
        self._database = PostgresDatabase(url, clock=clock)
        self._base_url = base_url
        self.wait_limits = PostgresWaitLimits(self._database)
        self.used_confirmations = PostgresExpiringNames(self._database)
        self.cancelled_tasks = self.used_confirmations

    def now(self) -> float:
        """See `Store.now`."""
        return self._database.now()

    def ledger(self, identity: str, *, former: str = "") -> Ledger:
        """See `Store.ledger`.

        A database is no person's: several who share one are known by their tokens, as callers are.
        """
        return PostgresLedger(self._database, self._qualified(former or identity))

    def request_counts(self, identity: str) -> RequestCounts:
        """See `Store.request_counts`."""
        return PostgresRequestCounts(self._database, self._qualified(identity))

    def looks(self, identity: str) -> SharedLooks | None:
        """See `Store.looks`."""
        return PostgresLooks(self._database, self._qualified(identity))

    def tenant(self, identity: str) -> str:
        """See `Store.tenant`."""
        return self._database.known_tenant(self._qualified(identity))

    async def sealing_key(self) -> bytes | None:
        """See `Store.sealing_key`."""
        return await self._database.secret("sealing")

    async def lasting_key(self) -> bytes:
        """See `Store.lasting_key`."""
        return await self._database.secret("sealing")

    async def check(self) -> None:
        """See `Store.check`."""
        await self._database.check()

    def warnings(self) -> Sequence[str]:
        """See `Store.warnings`."""
        return [self._database.problem] if self._database.problem else []

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        await self._database.aclose()

    def _qualified(self, identity: str) -> str:
        return f"{identity} at {self._base_url}"
