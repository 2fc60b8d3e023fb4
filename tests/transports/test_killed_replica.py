"""A real replica is killed while it holds what all replicas share: another one goes on, and starts nothing twice."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from mcp import Client

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.runs.shared_look import REFRESH_LEASE_SECONDS
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, Fault, FaultKind, Simulator
from mogplex_mcp.storage.looks import SharedLooks
from mogplex_mcp.storage.postgres.store import PostgresStore
from tests.postgres_server import PostgresServer
from tests.runs.support import started_runs
from tests.tools.support import settings, text_of
from tests.transports.replicas import Cluster, cluster
from tests.transports.story import call
from tests.transports.test_replicas import mogplex

pytestmark = pytest.mark.anyio

PATIENCE = 60.0
HELD_SECONDS = 3_600.0
# By which two processes may differ on what time the database has.
CLOCKS_SECONDS = 5.0


class Pair:
    """A replica that is a process, and one in the process of the test, with one database.

    Attributes:
        simulator: Mogplex.
        killed: The process.
        client: A client of the other one.
        looks: The looks at runs as a third replica has them.
        held: Set when Mogplex has executed a request and keeps its response back.
    """

    def __init__(self, simulator: Simulator, killed: Cluster, client: Client, looks: SharedLooks) -> None:
        self.simulator = simulator
        self.held = anyio.Event()
        simulator.state.sleep = self._sleep
        self.killed = killed
        self.client = client
        self.looks = looks

    async def call_and_kill(self, tool: str, method: str, path: str, **arguments: Any) -> None:
        """Let the process make a request that Mogplex executes and does not answer, and kill it there."""

        async def make() -> None:
            with contextlib.suppress(Exception):  # what it gets from a replica that is gone
                async with self.killed.client() as caller:
                    await caller.call_tool(tool, arguments)

        self.simulator.faults.add(Fault(FaultKind.SLOW, method=method, path=path, seconds=HELD_SECONDS))
        async with anyio.create_task_group() as calls:
            calls.start_soon(make)
            with anyio.fail_after(PATIENCE):
                await self.held.wait()
            await self.killed.replicas[0].kill()
            calls.cancel_scope.cancel()

    async def _sleep(self, seconds: float) -> None:
        self.held.set()
        await anyio.sleep(seconds)


@pytest.fixture
async def pair(server: PostgresServer) -> AsyncIterator[Pair]:
    database, simulator = server.create_database(uuid.uuid4().hex), Simulator()
    async with mogplex(simulator) as address, cluster(address, database) as killed:
        shared = {"MOGPLEX_URL": address, "MOGPLEX_MCP_DATABASE_URL": database}
        store = PostgresStore(Secret(database), address)
        async with Client(create_server(settings(**shared))) as client:
            looks = store.looks(FoundToken(Token.parse(DEMO_TOKEN), "a test").identity)
            assert looks is not None
            yield Pair(simulator, killed, client, looks)
        await store.aclose()


async def test_start_of_a_killed_replica_is_found_and_keeps_its_branch(pair: Pair) -> None:
    first = (await call(pair.client, "start_run", repo="acme/web", prompt="first"))["run_id"]
    pair.simulator.world.runs[first].seconds = 0.0
    await pair.call_and_kill("start_run", "POST", "/runs", prompt="one", continue_run=first)
    refused = await pair.client.call_tool("start_run", {"prompt": "two", "continue_run": first})
    assert "works on the same branch" in text_of(refused)
    found = await call(pair.client, "start_run", prompt="one", continue_run=first)
    assert started_runs(pair.simulator) == [first, found["run_id"]]


async def test_lease_of_a_killed_replica_ends_and_another_one_follows_the_run(pair: Pair) -> None:
    run_id = (await call(pair.client, "start_run", repo="acme/web", prompt="first"))["run_id"]
    await pair.call_and_kill("tail_run", "GET", "/runs/*/events", run_id=run_id)
    left = await pair.looks.claim(run_id, seen=0, lease_seconds=0.0)
    assert isinstance(left, float)
    assert left <= REFRESH_LEASE_SECONDS + CLOCKS_SECONDS
    await anyio.sleep(left)
    assert await pair.looks.claim(run_id, seen=0, lease_seconds=0.0) == 0
    pair.simulator.world.runs[run_id].seconds = 1.0
    news = {"cursor": ""}
    with anyio.fail_after(PATIENCE):
        while "cursor" in news:
            news = await call(pair.client, "tail_run", run_id=run_id, cursor=news["cursor"])
    assert news["status"] == "success"
    assert started_runs(pair.simulator) == [run_id]
