from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mogplex_mcp.api import transport

from .sockets import Connect, TlsServer


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    connect = Connect()
    yield connect
    await connect.aclose()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsServer]:
    """A server that the system trusts."""
    server = TlsServer(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    transport._tls_context.cache_clear()
    yield server
    transport._tls_context.cache_clear()
