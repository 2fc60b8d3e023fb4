"""Readiness and roll-over: balancers learn in time that this process cannot, or soon will not, serve."""

import logging
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import httpx2
import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.readiness import CHECK_SECONDS, Readiness
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.simulator import Simulator
from mogplex_mcp.transports.http.serving import create_app
from tests.transports.http.support import served
from tests.transports.processes import lines, process

pytestmark = pytest.mark.anyio

AWAY = "the database cannot be used: host db.internal, user mogplex"


class Store:
    """A store that can be away."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.is_away = is_away
        self.checks = 0

    async def check(self) -> None:
        self.checks += 1
        await anyio.lowlevel.checkpoint()
        if self.is_away:
            raise OSError(AWAY)


def readiness_of(store: Store, shutdown: Shutdown | None = None) -> Readiness:
    readiness = Readiness(shutdown or Shutdown())
    readiness.depend_on(store.check, logs=True)
    return readiness


class TestInVirtualTime:
    @pytest.fixture
    def anyio_backend(self, virtual_time: object) -> object:
        return virtual_time

    async def test_readiness_asks_the_store_at_most_once_a_second(self) -> None:
        store = Store()
        readiness = readiness_of(store)
        async with anyio.create_task_group() as probes:
            for _ in range(100):
                probes.start_soon(readiness.problem)
        assert store.checks == 1
        await anyio.sleep(CHECK_SECONDS)
        await readiness.problem()
        assert store.checks == 2

    async def test_readiness_comes_back_with_the_store(self, caplog: pytest.LogCaptureFixture) -> None:
        store = Store(is_away=True)
        readiness = readiness_of(store)
        for _ in range(5):
            assert await readiness.problem() == "the state cannot be used"
            await anyio.sleep(CHECK_SECONDS)
        store.is_away = False
        assert await readiness.problem() == ""
        for store.is_away in (True, False) * 5:
            await anyio.sleep(CHECK_SECONDS)
            await readiness.problem()
        # The reason is logged once, and shown to operators only: balancers hand /readyz on to anyone.
        assert [record.getMessage() for record in caplog.records] == [f"Not ready: {AWAY}", "Ready again."]
        assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]

    async def test_drain_keeps_calls_until_its_seconds_are_over(self) -> None:
        shutdown = Shutdown(drain_seconds=5)
        began = anyio.current_time()

        async def serve() -> None:
            async with shutdown.instead_of_cancelling():
                with shutdown.within(0):
                    await anyio.sleep_forever()
                assert anyio.current_time() - began == pytest.approx(5, abs=0.1)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)
                assert (shutdown.is_draining, shutdown.has_begun) == (True, False)
        assert shutdown.has_begun

    async def test_drain_does_not_delay_a_server_that_ends_by_itself(self) -> None:
        shutdown = Shutdown(drain_seconds=60)
        began = anyio.current_time()
        async with shutdown.instead_of_cancelling():
            await anyio.sleep(0.01)
        assert anyio.current_time() - began < 1


async def test_readyz_says_no_while_the_state_file_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite3"
    file.mkdir()
    app = create_app(Settings(state_file=file), transport=Simulator().transport())
    async with served(app) as address, httpx2.AsyncClient(base_url=f"http://{address}") as http:
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "the state cannot be used")
        assert str(tmp_path) not in answer.text
        assert (await http.get("/healthz")).status_code == 200


async def test_readyz_says_no_while_the_database_cannot_be_used(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(database_url=Secret("postgresql://mogplex:Nightingale@127.0.0.1:1/state"))
    app = create_app(settings, transport=Simulator().transport())
    async with served(app) as address, httpx2.AsyncClient(base_url=f"http://{address}", timeout=30) as http:
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "the state cannot be used")
        assert "127.0.0.1" not in answer.text
        assert len([one for one in caplog.records if "cannot be used" in one.getMessage()]) == 1
        assert (await http.get("/healthz")).status_code == 200


async def test_responses_close_connections_while_draining() -> None:
    shutdown = Shutdown(drain_seconds=60)
    app = create_app(Settings(demo=True), shutdown=shutdown, transport=Simulator().transport())
    async with served(app) as address, httpx2.AsyncClient(base_url=f"http://{address}") as http:
        assert "connection" not in (await http.get("/healthz")).headers
        shutdown._is_draining = True
        answer = await http.get("/healthz")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")


def finds(check: Callable[[], bool]) -> None:
    """Poll until a check holds; each poll is a request."""
    for _ in range(10_000):
        if check():
            return
    raise AssertionError("it never held")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_drained_process_refuses_probes_and_serves_calls_until_its_end(tmp_path: Path) -> None:
    with process(tmp_path, "http", "--demo", "--port", "0", "--drain-seconds", "3") as running:
        found = re.search(r"http://\S+(?=/mcp)", lines(running.stderr).readline())
        assert found
        address = found.group()
        assert httpx2.get(f"{address}/readyz", timeout=30).status_code == 200
        running.send_signal(signal.SIGTERM)
        finds(lambda: httpx2.get(f"{address}/readyz", timeout=30).status_code == 503)
        assert httpx2.get(f"{address}/healthz", timeout=30).status_code == 200
        assert httpx2.get(f"{address}/readyz", timeout=30).json()["status"] == "shutting down"
        assert running.wait(timeout=30) == 128 + signal.SIGTERM
