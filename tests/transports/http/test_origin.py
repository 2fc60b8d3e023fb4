"""Whatever Mogplex answers, the token goes to the one configured origin, and a hostile answer costs little."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from mcp import Client

from mogplex_mcp.api.body_limit import MAX_BODY_BYTES
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import MogplexHttp
from mogplex_mcp.api.proxies import ProxySetting, find_proxy
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from tests.api.support import BASE_URL, TOKEN, CountingBudget

pytestmark = pytest.mark.anyio

EVIL = "https://evil.example/api/v1/mogplex/runs"


class Luring(httpx2.AsyncBaseTransport):
    """A Mogplex in whose answers each address leads elsewhere."""

    def __init__(self) -> None:
        self._mogplex = Simulator().transport()
        self.asked: list[str] = []
        self.lured = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(str(request.url))
        response = await self._mogplex.handle_async_request(request)
        body = json.loads(await response.aread())
        self._lure(body)
        headers = {"Content-Location": EVIL, "Link": f"<{EVIL}>; rel=next", "Refresh": f"0;url={EVIL}"}
        return httpx2.Response(response.status_code, json=body, headers=headers)

    def _lure(self, value: Any) -> None:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, dict | list):
                self._lure(inner)
            elif isinstance(key, str) and key.lower().endswith(("url", "uri")):
                value[key] = EVIL
                self.lured += 1


async def test_addresses_in_answers_are_never_asked() -> None:
    mogplex = Luring()
    server = create_server(Settings(api_key=Secret(DEMO_TOKEN), toolsets=("all",)), transport=mogplex)
    async with Client(server) as client:
        started = await client.call_tool("start_run", {"repo": "acme/web", "prompt": "Do it."})
        assert started.structured_content, started
        run = {"run_id": started.structured_content["run_id"]}
        for tool, more in (
            ("tail_run", {"wait_seconds": 0}),
            ("get_run", {}),
            ("cancel_run", {}),
            ("tail_run", {"wait_seconds": 0}),
        ):
            await client.call_tool(tool, run | more)
    assert mogplex.lured
    assert all(url.startswith("https://mogplex.com/api/v1/mogplex/") for url in mogplex.asked)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("target", [EVIL, "//evil.example/", "/elsewhere", "http://mogplex.test/api/v1/mogplex/repos"])
async def test_no_redirect_is_followed_wherever_it_leads(status: int, target: str) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(status, headers={"Location": target})

    with pytest.raises(MogplexError):
        await _connect(answer).request("GET", "/repos")
    assert asked == [f"{BASE_URL}/repos"]


def _connect(answer: Callable[[httpx2.Request], httpx2.Response]) -> MogplexHttp:
    return MogplexHttp(httpx2.MockTransport(answer), BASE_URL, TOKEN, CountingBudget())


def _bomb() -> bytes:
    """Two hundred megabytes of blanks, in two hundred kilobytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([packer.compress(b" " * 2**20) for _ in range(200)]) + packer.flush()


async def test_an_answer_that_grows_when_it_is_unpacked_is_given_up_before_it_fills_the_memory() -> None:
    bomb = _bomb()

    class Stream(httpx2.AsyncByteStream):
        async def __aiter__(self) -> Any:
            for start in range(0, len(bomb), 4_096):
                yield bomb[start : start + 4_096]

    http = _connect(lambda _: httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=Stream()))
    tracemalloc.start()
    try:
        with pytest.raises(MogplexError) as refused:
            await http.request("GET", "/repos")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.code is ErrorCode.UNEXPECTED_ANSWER
    assert "20 MB" in refused.value.message
    assert most < 6 * MAX_BODY_BYTES


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip", "gzip, br", "x-unknown"])
async def test_another_compression_than_the_one_that_was_asked_for_is_not_unpacked(coding: str) -> None:
    body = gzip.compress(gzip.compress(b'{"ok":true,"data":{}}'))

    class Stream(httpx2.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield body

    http = _connect(lambda _: httpx2.Response(200, headers={"Content-Encoding": coding}, stream=Stream()))
    with pytest.raises(MogplexError) as refused:
        await http.request("GET", "/repos")
    assert refused.value.code is ErrorCode.UNEXPECTED_ANSWER


async def test_a_proxy_of_the_environment_is_honoured_and_no_proxy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "127.0.0.1:9")
    assert find_proxy("https://mogplex.com/api") == ProxySetting("http://127.0.0.1:9", "HTTPS_PROXY")
    assert find_proxy("http://mogplex.com/api") is None
    monkeypatch.setenv("NO_PROXY", "mogplex.com")
    assert find_proxy("https://mogplex.com/api") is None
    assert find_proxy("https://api.mogplex.com/api") is None
    assert find_proxy("https://elsewhere.test/api") == ProxySetting("http://127.0.0.1:9", "HTTPS_PROXY")
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:8")
    assert find_proxy("https://elsewhere.test/api") == ProxySetting("http://127.0.0.1:8", "ALL_PROXY")
