import math
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from tests.postgres_server import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def url(server: PostgresServer) -> str:
    """The address of an empty database."""
    return server.create_database(uuid.uuid4().hex)


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(Secret(url))
    # Old rows are dropped in the background: a test that looks at them from this thread would wait for itself.
    opened._swept_at = math.inf
    yield opened
    await opened.aclose()
