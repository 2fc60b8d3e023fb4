"""Two processes that share a store start no two follow-ups on one branch, whatever comes in between."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from mogplex_mcp.operations import continuation
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Simulator
from tests.postgres_server import server, url
from tests.runs.support import started_runs, without_quota
from tests.storage.backends import Clock
from tests.tools.people import facts
from tests.tools.support import error, settings

__all__ = ["server", "url"]

pytestmark = pytest.mark.anyio

RUN_SECONDS = 60.0


@pytest.fixture
def anyio_backend() -> str:
    """The database is a process of its own."""
    return "asyncio"


class HeldTransport(httpx2.AsyncBaseTransport):
    """The network of one process, which holds back requests whose method and path contain a word.

    Attributes:
        held: The word; empty for none.
        reached: Set when such a request is held.
        released: Set to let it go.
        refusal: The status with which Mogplex refuses the next start; 0 for none.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._network = simulator.transport()
        self.held, self.refusal = "", 0
        self.reached, self.released = anyio.Event(), anyio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.held and self.held in f"{request.method} {request.url.path}":
            self.reached.set()
            await self.released.wait()
        if self.refusal and request.method == "POST":
            status, self.refusal = self.refusal, 0
            return httpx2.Response(status, json={"ok": False, "error": {"code": "REFUSED", "message": "Not this one."}})
        return await self._network.handle_async_request(request)


class Pair:
    """Two processes with one store, and a run that has ended.

    Attributes:
        simulator: Mogplex.
        clock: The time of day.
        clients: A client of each process.
        networks: The network of each process.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.simulator = Simulator(now=clock, run_seconds=RUN_SECONDS)
        without_quota(self.simulator)
        self.networks = [HeldTransport(self.simulator) for _ in range(2)]
        self.clients: list[Client] = []
        self.ended_run = ""

    async def follow_up(self, process: int, prompt: str, **more: Any) -> dict[str, Any]:
        return await facts(self.clients[process], "start_run", prompt=prompt, **{"continue_run": self.ended_run} | more)

    async def refusal(self, process: int, prompt: str) -> str:
        return await error(self.clients[process], "start_run", prompt=prompt, continue_run=self.ended_run)


@pytest.fixture(params=["sqlite", "postgres"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    pair = Pair(Clock())
    store = (
        {"MOGPLEX_MCP_STATE_FILE": str(tmp_path / "state")}
        if request.param == "sqlite"
        else {"MOGPLEX_MCP_DATABASE_URL": request.getfixturevalue("url")}
    )
    async with contextlib.AsyncExitStack() as stack:
        for network in pair.networks:
            app = create_server(settings(MOGPLEX_MCP_TOOLSETS="all", **store), transport=network, now=pair.clock)
            pair.clients.append(await stack.enter_async_context(Client(app)))
        pair.ended_run = (await pair.follow_up(0, "first", continue_run="", repo="acme/web"))["run_id"]
        pair.clock.advance(2 * RUN_SECONDS)
        yield pair


async def test_follow_up_that_another_process_is_starting_keeps_others_off_its_branch(pair: Pair) -> None:
    first, made = pair.networks[0], []

    async def start() -> None:
        made.append((await pair.follow_up(0, "one"))["run_id"])

    async with anyio.create_task_group() as tasks:
        first.held = "POST /api/v1/mogplex/runs"
        tasks.start_soon(start)
        await first.reached.wait()
        text = await pair.refusal(1, "two")
        first.released.set()
    assert "Nothing was started" in text
    assert "works on the same branch" in text
    assert "list_runs" in text
    assert "(code: conflict)" in text
    # The same start is one run, wherever it is made, and the other one is now told which run it waits for.
    assert (await pair.follow_up(1, "one"))["run_id"] == made[0]
    assert f"tail_run with run_id={made[0]}" in await pair.refusal(1, "two")
    assert len(started_runs(pair.simulator)) == 2


async def test_follow_up_that_was_started_while_another_process_looked_keeps_its_branch(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuation, "_LOOK_SECONDS", 60.0)
    # What the second process looks at before it starts anything.
    elsewhere = (await pair.follow_up(0, "elsewhere", continue_run="", repo="acme/web"))["run_id"]
    second, texts = pair.networks[1], []

    async def start() -> None:
        texts.append(await pair.refusal(1, "two"))

    async with anyio.create_task_group() as tasks:
        second.held = f"/{elsewhere}"
        tasks.start_soon(start)
        await second.reached.wait()
        made = (await pair.follow_up(0, "one"))["run_id"]
        second.released.set()
    assert f"the run {made} works on the same branch" in texts[0]
    assert f"tail_run with run_id={made}" in texts[0]
    assert len(started_runs(pair.simulator)) == 3


async def test_refused_follow_up_frees_the_branch_for_other_processes(pair: Pair) -> None:
    for status in (402, 403, 422):
        pair.networks[0].refusal = status
        await pair.refusal(0, "one")
        assert pair.networks[0].refusal == 0
    await pair.follow_up(1, "two")
    assert len(started_runs(pair.simulator)) == 2
