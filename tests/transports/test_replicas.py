"""Three real replicas that share a real PostgreSQL, behind a round-robin balancer.

MOGPLEX_TEST_ATTACKS=500 attacks them with 500 starts and 500 triggers.
"""

import contextlib
import os
import random
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import mcp_types
import pytest
from mcp import Client

from mogplex_mcp.simulator import Simulator, serve
from tests.postgres_server import PostgresServer
from tests.runs.support import count, started_runs, without_quota
from tests.runs.test_exactly_once import automation
from tests.tools.people import YES, User
from tests.transports.replicas import Cluster, Replica, cluster
from tests.transports.story import call, follow_to_pull_request, text_of

pytestmark = pytest.mark.anyio

STARTS = int(os.environ.get("MOGPLEX_TEST_ATTACKS", "5"))
DELETE = "delete_env_var", {"repo": "acme/api", "key": "LOG_LEVEL"}


@contextlib.asynccontextmanager
async def mogplex(simulator: Simulator) -> AsyncIterator[str]:
    """The address of a simulator on a port."""
    without_quota(simulator)
    simulator.world.tokens[0].limited = False
    simulator.world.repo_job_limit = 1_000_000
    simulator.world.env_vars_available = True
    async with anyio.create_task_group() as serving:
        port = await serving.start(serve, simulator, "127.0.0.1", 0)
        yield f"http://127.0.0.1:{port}/api/v1/mogplex"
        serving.cancel_scope.cancel()


async def confirm(client: Client, question: mcp_types.InputRequiredResult) -> Any:
    return await client.session.call_tool(
        *DELETE, allow_input_required=True, input_responses={"consent": YES}, request_state=question.request_state
    )


async def question(client: Client) -> mcp_types.InputRequiredResult:
    asked = await client.session.call_tool(*DELETE, allow_input_required=True)
    assert isinstance(asked, mcp_types.InputRequiredResult)
    return asked


async def readiness(replica: Replica) -> int:
    async with httpx2.AsyncClient(timeout=30) as http:
        return (await http.get(f"{replica.address}/readyz")).status_code


async def test_whole_story_is_the_same_on_any_replica(url: str) -> None:
    simulator = Simulator(run_seconds=4)
    async with mogplex(simulator) as address, cluster(address, url, url, url) as replicas:
        for mode in ("legacy", "auto"):
            async with replicas.client(mode) as client:
                assert await follow_to_pull_request(client, f"Fix the flaky test, {mode}.")
                started = await call(client, "start_run", repo="acme/web", prompt=f"Stop this, {mode}.")
                assert (await call(client, "cancel_run", run_id=started["run_id"]))["status"] == "cancelled"
                listed = await call(client, "list_runs")
                assert started["run_id"] in {run["run_id"] for run in listed["runs"]}
        async with replicas.client(elicitation_callback=User(YES)) as client:
            repo = next(repo for repo in simulator.world.repos if repo.full_name == "acme/api")
            variables = list(repo.env_vars)
            asked = await question(client)
            asked_by = replicas.balancer.served
            done = await confirm(client, asked)
            assert isinstance(done, mcp_types.CallToolResult)
            assert not done.is_error, text_of(done)
            assert replicas.balancer.served is not asked_by
            # Each answer counts once, on all of them.
            repo.env_vars = variables
            for _ in range(3):
                assert isinstance(await confirm(client, asked), mcp_types.InputRequiredResult)
    assert len(started_runs(simulator)) == 4
    assert [one.method for one in simulator.requests if one.method == "DELETE"] == ["DELETE"]


async def insist(replicas: Cluster, mode: str, number: int, automation_id: str) -> str:
    """Call until there is a run, as an agent does that follows the advice to call again."""
    while True:
        try:
            async with replicas.client(mode) as client:
                if number % 2:
                    arguments = {"automation_id": automation_id, "repo": "acme/web", "inputs": {"number": number}}
                    result = await client.call_tool("trigger_automation", arguments)
                else:
                    result = await client.call_tool("start_run", {"repo": "acme/web", "prompt": f"task {number}"})
                if not result.is_error and result.structured_content:
                    return str(result.structured_content["run_id"])
        except Exception:  # noqa: BLE001 - the replica was killed in the middle of an answer
            await anyio.sleep(0.05)


async def test_starts_and_triggers_under_kills_are_one_run_each(url: str) -> None:
    chance = random.Random(20_261_127)  # noqa: S311 - the same attack in each run of the test, as far as time allows
    simulator = Simulator(run_seconds=3_600)
    found: dict[int, set[str]] = defaultdict(set)
    kills = 0
    async with mogplex(simulator) as address, cluster(address, url, url, url) as replicas:
        # The budget of 60 requests a minute is the subject of other tests.
        async def forget_requests() -> None:
            while True:
                await anyio.to_thread.run_sync(forget, url)
                await anyio.sleep(0.5)

        async def kill() -> None:
            nonlocal kills
            while True:
                await anyio.sleep(chance.uniform(0.2, 2))
                replica = chance.choice(replicas.replicas)
                await replica.kill()
                kills += 1
                await replica.start()

        async def attack(number: int) -> None:
            for mode in ("legacy", "auto"):
                found[number].add(await insist(replicas, mode, number, automation(simulator)))

        async with anyio.create_task_group() as background:
            background.start_soon(forget_requests)
            background.start_soon(kill)
            async with anyio.create_task_group() as attackers:
                limit = anyio.CapacityLimiter(6)

                async def limited(number: int) -> None:
                    async with limit:
                        await attack(number)

                for number in range(2 * STARTS):
                    attackers.start_soon(limited, number)
            background.cancel_scope.cancel()
    made = [*started_runs(simulator), *simulator.world.job_runs]
    doubled = len(made) - 2 * STARTS
    lost = 2 * STARTS - len({run_id for ids in found.values() for run_id in ids} & set(made))
    print(f"{STARTS} starts, {STARTS} triggers, {kills} kills: {doubled} doubled, {lost} lost")  # noqa: T201 - the result
    assert (doubled, lost) == (0, 0)
    assert all(len(ids) == 1 for ids in found.values())


def forget(url: str) -> None:
    import psycopg  # noqa: PLC0415

    with contextlib.suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as rows:
        rows.execute("DELETE FROM requests")


async def test_rolling_restart_fails_no_call(url: str) -> None:
    simulator = Simulator(run_seconds=3_600)
    failed: list[str] = []
    calls = 0
    async with mogplex(simulator) as address, cluster(address, url, url, url) as replicas:
        async with replicas.client() as client:
            run_id = (await call(client, "start_run", repo="acme/web", prompt="Go on."))["run_id"]

        async def use(mode: str) -> None:
            nonlocal calls
            async with replicas.client(mode) as client:
                while True:
                    for tool, arguments in (
                        ("list_runs", {}),
                        ("get_run", {"run_id": run_id}),
                        ("tail_run", {"run_id": run_id, "wait_seconds": 2}),
                        ("start_run", {"repo": "acme/web", "prompt": "Go on."}),
                    ):
                        result = await client.call_tool(tool, arguments)
                        calls += 1
                        if result.is_error:
                            failed.append(f"{tool}: {text_of(result)}")
                        await anyio.to_thread.run_sync(forget, url)

        async with anyio.create_task_group() as users:
            for mode in ("legacy", "auto"):
                users.start_soon(use, mode)
            for replica in replicas.replicas:
                await replica.stop()
                await replica.start()
            users.cancel_scope.cancel()
    assert not failed
    assert calls > 10
    assert len(started_runs(simulator)) == 1


async def polls(url: str, followers: int, number: int) -> int:
    """The requests to follow a run to its end, by followers that are spread over replicas."""
    simulator = Simulator(run_seconds=30)
    async with (
        mogplex(simulator) as address,
        cluster(address, *[url] * number) as replicas,
        replicas.client() as client,
    ):
        run_id = (await call(client, "start_run", repo="acme/web", prompt="Follow this."))["run_id"]
        before = count(simulator, "GET", "/events")

        async def follow() -> None:
            news = {"cursor": ""}
            while "cursor" in news:
                news = await call(client, "tail_run", run_id=run_id, cursor=news["cursor"])
            assert news["status"] == "success"

        async with anyio.create_task_group() as tasks:
            for _ in range(followers):
                tasks.start_soon(follow)
        return count(simulator, "GET", "/events") - before


async def test_hundred_followers_on_three_replicas_cost_hardly_more_than_one(server: PostgresServer) -> None:
    counted: dict[int, int] = {}

    async def follow(followers: int, number: int) -> None:
        counted[followers] = await polls(server.create_database(uuid.uuid4().hex), followers, number)

    # At the same time, since a run takes as long as it takes.
    async with anyio.create_task_group() as runs:
        runs.start_soon(follow, 1, 1)
        runs.start_soon(follow, 100, 3)
    alone, together = counted[1], counted[100]
    print(f"{alone} requests for one follower, {together} for 100 on 3 replicas")  # noqa: T201 - the result
    # Polls are some seconds apart, so that a busy machine shifts one for each replica. `tests/runs/` counts exactly.
    assert together <= 1.2 * alone + 3


async def test_replicas_start_and_serve_without_the_database_and_use_it_when_it_is_back(
    server: PostgresServer, url: str
) -> None:
    simulator = Simulator(run_seconds=3)
    server.stop()
    try:
        async with mogplex(simulator) as address, cluster(address, url, url) as replicas, replicas.client() as client:
            first = await call(client, "start_run", repo="acme/web", prompt="Without it.")
            again = await call(client, "start_run", repo="acme/web", prompt="Without it.")
            assert first["run_id"] == again["run_id"]
            assert any("journal" in note.lower() for note in first["notes"])
            news = await call(client, "tail_run", run_id=first["run_id"])
            while "cursor" in news:
                news = await call(client, "tail_run", run_id=first["run_id"], cursor=news["cursor"])
            assert news["status"] == "success"
            server.start()
            with anyio.fail_after(60):
                while not ((await client.call_tool("list_runs", {})).structured_content or {}).get("runs"):
                    await call(client, "start_run", repo="acme/web", prompt="With it.")
                    await anyio.sleep(0.5)
            logs = [replica.log.read_text() for replica in replicas.replicas]
    finally:
        with contextlib.suppress(Exception):
            server.start()
    for log in logs:
        assert log.count("the database cannot be used") == 1
        assert log.count("the database can be used again") <= 1
        assert "Traceback" not in log
    assert len(started_runs(simulator)) == 2
