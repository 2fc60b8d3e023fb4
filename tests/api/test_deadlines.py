"""Whole waits, in virtual time: with the real sleep between tries."""

import anyio
import httpx2
import pytest

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import MogplexHttp

from .support import BASE_URL, REPO_ID, TOKEN, CountingBudget, Network, ok, refused

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    return virtual_time


def connect(network: Network, seconds: float = 0) -> MogplexHttp:
    """With a service that takes `seconds` for each answer."""

    async def answer(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(seconds)
        return await network(request)

    return MogplexHttp(httpx2.MockTransport(answer), BASE_URL, TOKEN, CountingBudget(), random=lambda: 1.0)


async def test_attempts_and_backoff_share_one_deadline() -> None:
    network = Network(httpx2.ReadError("reset"))
    start = anyio.current_time()
    with pytest.raises(MogplexError) as caught:
        await connect(network, seconds=10).request("GET", "/repos", timeout=25)
    assert anyio.current_time() - start == pytest.approx(25)
    assert (caught.value.code, len(network.requests)) == (ErrorCode.TIMED_OUT, 2)


async def test_retry_after_that_is_a_date_is_measured_on_the_clock_that_dated_it() -> None:
    unavailable = refused(503, "SERVICE_UNAVAILABLE", retry_after="Mon, 04 Jan 2038 10:00:07 GMT")
    unavailable.headers["Date"] = "Mon, 04 Jan 2038 10:00:00 GMT"
    start = anyio.current_time()
    assert await connect(Network(unavailable, ok(a=1))).request("GET", "/repos") == {"a": 1}
    assert anyio.current_time() - start == pytest.approx(7)


async def test_retry_after_of_zero_does_not_shorten_the_backoff() -> None:
    start = anyio.current_time()
    with pytest.raises(MogplexError):
        await connect(Network(refused(503, "SERVICE_UNAVAILABLE", retry_after="0"))).request("GET", "/repos")
    assert anyio.current_time() - start == pytest.approx(1.5)


async def test_retry_after_is_honoured_once() -> None:
    network = Network(refused(503, "SERVICE_UNAVAILABLE", retry_after="7"), ok(a=1))
    start = anyio.current_time()
    assert await connect(network).request("GET", "/repos", timeout=25) == {"a": 1}
    assert anyio.current_time() - start == pytest.approx(7)


async def test_retry_after_beyond_deadline_raises_at_once() -> None:
    start = anyio.current_time()
    with pytest.raises(MogplexError) as caught:
        await connect(Network(refused(503, "X", retry_after="60"))).request("GET", "/repos", timeout=25)
    assert (caught.value.code, caught.value.retry_after) == (ErrorCode.SERVICE_UNAVAILABLE, 60)
    assert anyio.current_time() == start


async def test_create_sandbox_waits_minutes_for_response() -> None:
    network = Network(ok(sandbox={"id": REPO_ID}))
    sandbox = await Mogplex(connect(network, seconds=240)).create_sandbox(REPO_ID)
    assert sandbox.id == REPO_ID
    assert network.requests[0].extensions["timeout"]["read"] == pytest.approx(300, abs=0.2)
