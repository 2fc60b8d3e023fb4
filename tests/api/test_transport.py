import os
import ssl
import subprocess
import sys

import pytest

from mogplex_mcp import __version__
from mogplex_mcp.api import transport
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.exchange import build_request
from mogplex_mcp.api.transport import create_transport
from tests.transports.processes import unmeasured

from .support import BASE_URL, TOKEN

pytestmark = pytest.mark.anyio


def test_a_request_says_who_it_is_and_how_long_it_waits() -> None:
    request = build_request("GET", "https://mogplex.test/")
    assert request.headers["User-Agent"] == f"mogplex-mcp/{__version__}"
    assert request.extensions["timeout"] == {"connect": 5.0, "read": 20.0, "write": 20.0, "pool": 20.0}


async def test_certificates_are_checked_and_read_once() -> None:
    context = transport._tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert transport._tls_context() is context


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/api/v1/mogplex/repos",
        "https://mogplex.test.evil.test/repos",
        "https://mogplex.test:8443/repos",
        "http://mogplex.test/repos",
        "https://mogplex.test@evil.test/repos",
    ],
)
async def test_a_request_to_any_other_origin_is_never_sent(url: str) -> None:
    request = build_request("GET", url, headers={"Authorization": f"Bearer {TOKEN.value}"})
    async with create_transport(BASE_URL) as pooled:
        with pytest.raises(ValueError, match="another origin"):
            await pooled.handle_async_request(request)


@pytest.mark.parametrize(
    "proxy",
    [
        "nonsense://eve:hunter2@x",
        "http://[eve:hunter2",
        "http://",
        "http://eve:hunter2@",
        "http://eve:hunter2@x:99999",
        "http://eve:hunter2@x:nine",
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(MogplexError, match=r"ALL_PROXY.*http://host:port") as caught:
        create_transport(BASE_URL)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://eve:hunter2@127.0.0.1:1")
    with pytest.raises(MogplexError, match=r"ALL_PROXY.*install mogplex-mcp\[socks\]") as caught:
        create_transport(BASE_URL)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert "hunter2" not in str(caught.value)


def test_importing_the_api_loads_neither_an_http_library_nor_a_database() -> None:
    program = (
        "import sys\n"
        "import mogplex_mcp.api.client, mogplex_mcp.api.transport, mogplex_mcp.api.hosted, mogplex_mcp.api.base_url\n"
        "assert not {'httpx2', 'httpcore2', 'h11', 'sqlite3', 'truststore', 'mcp'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=unmeasured(os.environ))


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
def test_the_http_library_logs_no_requests_at_any_level(level: str) -> None:
    program = (
        "import logging\n"
        "from mogplex_mcp.core.redaction import Redactor, install\n"
        f"install({level!r}, Redactor())\n"
        "assert not logging.getLogger('httpcore2.http11').isEnabledFor(logging.DEBUG)\n"
        "assert logging.getLogger('httpcore2.http11').isEnabledFor(logging.WARNING)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
