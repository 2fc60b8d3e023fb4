import math
from collections.abc import AsyncIterator

import pytest

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from tests.postgres_server import server, url

__all__ = ["database", "server", "url"]


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(Secret(url))
    # Old rows are dropped in the background: a test that looks at them from this thread would wait for itself.
    opened._swept_at = math.inf
    yield opened
    await opened.aclose()
