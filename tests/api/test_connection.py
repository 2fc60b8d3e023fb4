import ssl
import subprocess
import sys

import pytest

from mogplex_mcp.api import connection
from mogplex_mcp.api.connection import create_http_client
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.wire import build_request

from .support import BASE_URL

pytestmark = pytest.mark.anyio


async def test_the_client_says_who_it_is_and_how_long_it_waits() -> None:
    async with create_http_client(version="9.8.7", base_url=BASE_URL) as client:
        request = build_request(client, "GET", "https://mogplex.test/", query=None, content=None, headers={})
    assert request.headers["User-Agent"] == "mogplex-mcp/9.8.7"
    assert request.read_seconds == 20.0


async def test_certificates_are_checked_and_read_once() -> None:
    context = connection._tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert connection._tls_context() is context


@pytest.mark.parametrize(
    "proxy", ["socks5://eve:hunter2@127.0.0.1:1", "nonsense://eve:hunter2@x", "http://[eve:hunter2"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(MogplexError, match="ALL_PROXY") as caught:
        create_http_client(version="1", base_url=BASE_URL)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert "hunter2" not in str(caught.value)


def test_importing_the_api_loads_neither_a_parser_of_http_nor_a_database() -> None:
    program = (
        "import sys\n"
        "import mogplex_mcp.api.client, mogplex_mcp.api.connection, mogplex_mcp.api.hosted, mogplex_mcp.api.base_url\n"
        "assert not {'httpx2', 'httptools', 'sqlite3', 'truststore', 'mcp'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
