"""A world in a file, for processes that come one after the other or at the same time."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import anyio
import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_TOKEN, demo_world
from mogplex_mcp.simulator.shared import SharedSimulator

from .conftest import BASE, Clock
from .support import start, watch

pytestmark = pytest.mark.anyio

RUN_SECONDS = 30.0
Connect = Callable[[], httpx2.AsyncClient]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "world.sqlite3"


@pytest.fixture
def connect(path: Path, clock: Clock) -> Connect:
    """Makes the client of another process."""

    def connected() -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {DEMO_TOKEN}"}
        return httpx2.AsyncClient(
            transport=SharedSimulator(path, clock.now, RUN_SECONDS), base_url=BASE, headers=headers
        )

    return connected


@pytest.fixture
def repo_id() -> str:
    return next(repo.id for repo in demo_world().repos if repo.full_name == "acme/web")


async def test_a_run_gets_on_while_no_process_is_there(connect: Connect, clock: Clock, repo_id: str) -> None:
    run = await start(connect(), repo_id, workingBranch="fix/it", createBranch=True)
    clock.at += RUN_SECONDS
    later, events = await watch(connect(), run["runId"])

    assert (run["status"], later["status"]) == ("pending", "success")
    assert any(event["payload"].get("pull_request_url") for event in events)


async def test_processes_at_the_same_time_know_the_same_runs(connect: Connect, repo_id: str) -> None:
    clients = [connect() for _ in range(4)]
    started: list[str] = []

    async def starting(client: httpx2.AsyncClient, key: str) -> None:
        started.append((await start(client, repo_id, key))["runId"])

    async with anyio.create_task_group() as tasks:
        for number, client in enumerate(clients * 2):
            tasks.start_soon(starting, client, f"key {number}")
    seen = [await client.get(f"/runs/{run_id}") for client in clients for run_id in started]

    assert len(set(started)) == 8
    assert {response.status_code for response in seen} == {200}


async def test_the_same_key_is_the_same_run_for_the_next_process(connect: Connect, repo_id: str) -> None:
    first, second = [await start(connect(), repo_id, "key") for _ in range(2)]

    assert first["runId"] == second["runId"]
    assert (first["replayed"], second["replayed"]) == (False, True)


async def test_what_was_changed_is_kept(connect: Connect) -> None:
    listed = (await connect().get("/automations")).json()["data"]["automations"]
    path = f"/automations/{listed[0]['id']}"
    changed = await connect().put(path, json={"name": "Renamed"})

    assert changed.status_code == 200
    assert (await connect().get(path)).json() == changed.json()


def written(path: Path) -> tuple[int, bytes]:
    return path.stat().st_mtime_ns, path.read_bytes()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_reading_writes_nothing(connect: Connect, path: Path) -> None:
    client = connect()
    await client.get("/repos")
    before = written(path)
    await client.get("/repos")
    await connect().get("/repos")

    assert written(path) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
async def test_only_the_user_can_read_the_file(connect: Connect, path: Path) -> None:
    await connect().get("/repos")

    assert mode(path) == 0o600


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1_000)


def folder(path: Path) -> None:
    path.mkdir()


def newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE snapshot (id INTEGER PRIMARY KEY, world TEXT NOT NULL)")
    connection.execute("INSERT INTO snapshot VALUES (1, ?)", ('{"planets": 9, "users": "many"}',))
    connection.commit()
    connection.close()


@pytest.mark.parametrize("spoil", [garbage, folder, newer])
async def test_a_file_that_cannot_be_used_leaves_the_world_of_this_process(
    spoil: Callable[[Path], None], connect: Connect, path: Path, repo_id: str
) -> None:
    path.parent.mkdir()
    spoil(path)
    client = connect()
    run = await start(client, repo_id)

    assert (await client.get(f"/runs/{run['runId']}")).status_code == 200
