"""A token that is replaced while a server runs is used at once, and what was learnt of the old one is forgotten."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.token_store import FileStore
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, Simulator
from mogplex_mcp.transports.http.serving import create_app
from tests.tools.support import answer, error, text_of
from tests.transports.http.support import HEADERS, served

pytestmark = pytest.mark.anyio

ADDRESS = "https://mogplex.com"
OLD = "mog_" + "O" * 32
TASK = {"repo": "acme/web", "prompt": "Fix it."}


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    store = FileStore(tmp_path / "tokens.json")
    store.put(ADDRESS, OLD)
    return store


@contextlib.asynccontextmanager
async def running(simulator: Simulator, **settings: Any) -> AsyncIterator[Client]:
    server = create_server(Settings(**settings), transport=simulator.transport())
    async with Client(server) as client:
        yield client


def keep_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a keyring, or a file system with coarse times: nothing shows that the token was replaced."""
    monkeypatch.setattr("mogplex_mcp.tenants.services.file_stamps", lambda _: ())


@pytest.mark.parametrize("seen", [True, False])
async def test_login_while_a_server_runs_is_used_at_once(
    seen: bool, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not seen:
        keep_stamps(monkeypatch)
    async with running(Simulator(), token_file=store.path) as client:
        assert "(code: unauthorized)" in await error(client, "list_repos")
        store.put(ADDRESS, DEMO_TOKEN)
        assert "acme/web" in text_of(await answer(client, "list_repos"))


async def test_replaced_token_file_is_used_at_once(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(OLD)
    async with running(Simulator(), api_key_file=path) as client:
        await error(client, "list_repos")
        path.write_text(DEMO_TOKEN)
        await answer(client, "list_repos")


async def test_start_refused_with_the_old_token_is_sent_once_more_with_the_new_one(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_stamps(monkeypatch)
    simulator = Simulator()
    before = len(simulator.world.runs)
    async with running(simulator, token_file=store.path) as client:
        await error(client, "list_repos")
        store.put(ADDRESS, DEMO_TOKEN)
        await answer(client, "start_run", **TASK)
    assert len(simulator.world.runs) == before + 1


async def test_token_of_other_scopes_is_used_at_once(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_stamps(monkeypatch)
    store.put(ADDRESS, DEMO_READ_ONLY_TOKEN)
    async with running(Simulator(), token_file=store.path) as client:
        await error(client, "start_run", **TASK)
        assert "needs the scope write" in await error(client, "start_run", **TASK)
        store.put(ADDRESS, DEMO_TOKEN)
        await answer(client, "start_run", **TASK)


async def test_reinstated_token_is_used_again(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_stamps(monkeypatch)
    simulator = Simulator()
    old = simulator.world.tokens[0]
    async with running(simulator, token_file=store.path) as client:
        await error(client, "list_repos")
        store.put(ADDRESS, DEMO_TOKEN)
        await answer(client, "list_repos")
        old.valid = False
        store.put(ADDRESS, OLD)
        assert "(code: unauthorized)" in await error(client, "list_repos")
        old.valid = True
        store.put(ADDRESS, DEMO_TOKEN)
        await answer(client, "list_repos")


async def test_logout_while_a_server_runs_is_respected(store: FileStore) -> None:
    simulator = Simulator()
    store.put(ADDRESS, DEMO_TOKEN)
    async with running(simulator, token_file=store.path) as client:
        await answer(client, "list_repos")
        store.remove(ADDRESS)
        before = len(simulator.requests)
        assert "(code: no_token)" in await error(client, "list_repos")
        assert len(simulator.requests) == before


async def test_outage_that_refuses_every_token_is_over_when_mogplex_says_so(store: FileStore) -> None:
    simulator = Simulator()
    store.put(ADDRESS, DEMO_TOKEN)
    async with running(simulator, token_file=store.path) as client:
        simulator.faults.down = True
        assert "(code: unauthorized)" in await error(client, "list_repos")
        simulator.faults.down = False
        await answer(client, "list_repos")


async def test_token_from_the_environment_needs_a_restart_of_this_server() -> None:
    async with running(Simulator(), api_key=Secret(OLD)) as client:
        text = await error(client, "list_repos")
    assert "restart this server" in text
    assert "MOGPLEX_API_KEY" in text
    assert "login" not in text


async def test_operators_token_over_http_is_replaced_too(store: FileStore) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_repos", "arguments": {}}}
    app = create_app(Settings(token_file=store.path, client_key=Secret("operator")), transport=Simulator().transport())
    headers = HEADERS | {"Authorization": "Bearer operator"}
    async with served(app) as address, httpx2.AsyncClient(headers=headers, timeout=30) as client:
        refused = (await client.post(f"http://{address}/mcp", json=call)).text
        assert "unauthorized" in refused
        assert "operator" in refused
        store.put(ADDRESS, DEMO_TOKEN)
        again = await client.post(f"http://{address}/mcp", json=call)
    assert again.status_code == 200
    assert "acme/web" in json.dumps(again.text)


async def test_calls_at_the_same_time_read_the_places_once(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_stamps(monkeypatch)
    async with running(Simulator(), token_file=store.path) as client:
        await error(client, "list_repos")
        store.put(ADDRESS, DEMO_TOKEN)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(lambda: answer(client, "list_repos"))
