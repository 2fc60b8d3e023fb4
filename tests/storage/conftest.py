import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from tests.postgres_server import server, url
from tests.storage.backends import OpenLedger, postgres, sqlite

__all__ = ["database", "server", "url"]


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(Secret(url))
    # Old rows are dropped in the background: a test that looks at them from this thread would wait for itself.
    opened._swept_at = math.inf
    yield opened
    await opened.aclose()


@pytest.fixture(params=["sqlite", "postgres"])
async def open_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenLedger]:
    """Each store that keeps the ledger."""
    store = sqlite(tmp_path) if request.param == "sqlite" else postgres(request.getfixturevalue("server"))
    async with store as opened:
        yield opened
