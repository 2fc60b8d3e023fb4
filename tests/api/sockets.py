"""What tests share that go over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.http import MogplexHttp
from mogplex_mcp.api.transport import create_transport
from tests.certificates import self_signed

from .support import TOKEN, CountingBudget, raw_answer, read_request

OK = raw_answer(b'{"ok":true,"data":{"a":1}}')


class Connect:
    """Makes what asks the Mogplex at a base URL."""

    def __init__(self) -> None:
        self._transports = contextlib.AsyncExitStack()

    def __call__(self, base_url: str) -> MogplexHttp:
        transport = create_transport(base_url)
        self._transports.push_async_callback(transport.aclose)
        return MogplexHttp(transport, base_url, TOKEN, CountingBudget(), sleep=_no_sleep)

    async def aclose(self) -> None:
        await self._transports.aclose()


async def _no_sleep(seconds: float) -> None:
    assert seconds >= 0


async def failure(http: MogplexHttp, method: str = "POST", timeout: float = 25) -> MogplexError:  # noqa: ASYNC109 - handed on
    with pytest.raises(MogplexError) as caught:
        await http.request(method, "/runs", timeout=timeout)
    assert TOKEN.value not in str(caught.value)
    return caught.value


class TlsServer:
    """A Mogplex that speaks TLS, with a self-signed certificate for localhost and mogplex.test.

    Attributes:
        certificate: The file to trust.
        context: Its TLS context, for other servers.
        connections: How many there were.
    """

    def __init__(self, folder: Path) -> None:
        self.context = self_signed(folder)
        self.certificate = folder / "server.pem"
        self.connections = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its base URL."""
        server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0, ssl=self.context)
        async with server:
            yield f"https://localhost:{server.sockets[0].getsockname()[1]}/api/v1/mogplex"

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await read_request(reader)
                writer.write(OK)
        writer.close()
