import asyncio
import sys
from pathlib import Path

import pytest

from mogplex_mcp.api.errors import ErrorCode

from .sockets import Connect, TlsServer, failure
from .support import serving

pytestmark = pytest.mark.anyio


async def test_a_server_that_does_not_speak_tls_is_a_tls_fault(connect: Connect) -> None:
    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serving(on_connection) as base_url:
        error = await failure(connect(base_url.replace("http:", "https:")))
    assert (error.code, error.may_have_happened) == (ErrorCode.TLS_FAILED, False)


async def test_a_certificate_that_is_not_trusted_is_a_tls_fault_that_says_what_to_do(
    connect: Connect, tmp_path: Path
) -> None:
    async with TlsServer(tmp_path).serving() as base_url:
        error = await failure(connect(base_url))
    assert (error.code, error.may_have_happened) == (ErrorCode.TLS_FAILED, False)
    assert "The certificate of localhost was not accepted: self-signed certificate" in error.message
    assert "trust store" in error.message


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="trust is not in a file there")
async def test_a_tls_connection_to_a_server_that_the_system_trusts_is_kept(
    connect: Connect, trusted: TlsServer
) -> None:
    async with trusted.serving() as base_url:
        http = connect(base_url)
        for _ in range(3):
            assert await http.request("GET", "/repos") == {"a": 1}
        await connect.aclose()
    assert trusted.connections == 1
