import logging
import ssl
import subprocess
import sys

import anyio
import httpx2
import pytest

from mogplex_mcp.api import connection
from mogplex_mcp.api.connection import HttpClient, create_http_client
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.wire import build_request, receive

pytestmark = pytest.mark.anyio


async def test_pool_and_timeouts_are_chosen_on_purpose() -> None:
    async with create_http_client(version="9.8.7") as client:
        pools = [one._pool for one in client._pools]  # type: ignore[attr-defined] # httpx2 has no public way to look
        request = build_request(client, "GET", "https://mogplex.test/", query=None, content=None, headers={})
        assert request.extensions["timeout"] == {"connect": 5.0, "read": 20.0, "write": 20.0, "pool": 20.0}
        assert request.headers["user-agent"] == "mogplex-mcp/9.8.7"
        assert sum(pool._max_connections for pool in pools) == 256
        assert {(pool._max_keepalive_connections, pool._keepalive_expiry) for pool in pools} == {(16, 60.0)}


async def test_requests_at_the_same_time_are_divided_among_the_pools() -> None:
    used: list[int] = []
    go_on = anyio.Event()

    def pool(number: int) -> httpx2.MockTransport:
        async def answer(_: httpx2.Request) -> httpx2.Response:
            used.append(number)
            await go_on.wait()
            return httpx2.Response(200)

        return httpx2.MockTransport(answer)

    client = HttpClient(pool(0), pool(1), user_agent="test")
    request = build_request(client, "GET", "https://mogplex.test/", query=None, content=None, headers={})
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(receive, client, request)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    await receive(client, request)
    assert used == [0, 1, 0, 1, 0]


async def test_certificates_are_checked_and_read_once() -> None:
    context = connection._tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert connection._tls_context() is context


async def test_the_library_does_not_log_every_request(caplog: pytest.LogCaptureFixture) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200))
    async with create_http_client(version="1", transport=transport) as client:
        with caplog.at_level(logging.INFO):
            await receive(
                client,
                build_request(client, "GET", "https://mogplex.test/", query=None, content=None, headers={}),
            )
    assert caplog.records == []


@pytest.mark.parametrize(
    "proxy", ["socks5://eve:hunter2@127.0.0.1:1", "nonsense://eve:hunter2@x", "http://[eve:hunter2"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(MogplexError, match="ALL_PROXY") as caught:
        create_http_client(version="1")
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert "hunter2" not in str(caught.value)


def test_importing_the_api_loads_neither_the_http_library_nor_a_database() -> None:
    program = (
        "import sys\n"
        "import mogplex_mcp.api.client, mogplex_mcp.api.connection, mogplex_mcp.api.hosted, mogplex_mcp.api.base_url\n"
        "assert not {'httpx2', 'sqlite3', 'truststore', 'mcp'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
