import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import mcp_types
import pytest
from mcp import Client, MCPError
from mcp.server.subscriptions import ResourceUpdated

from mogplex_mcp.server import subscriptions
from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, Simulator
from tests.server.support import UNKNOWN, connect, follow, read, server, start
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


class Heard(list[str]):
    """The addresses in the updates of a connection of the 2025 protocol."""

    async def __call__(self, message: object) -> None:
        if isinstance(message, mcp_types.ResourceUpdatedNotification):
            self.append(message.params.uri)


@contextlib.asynccontextmanager
async def connection(simulator: Simulator | None = None, **environment: str) -> AsyncIterator[tuple[Client, Heard]]:
    heard = Heard()
    made = server(simulator, **environment)
    async with Client(made, mode="legacy", message_handler=heard) as client:
        yield client, heard


async def subscribe(client: Client, uri: str) -> None:
    request = mcp_types.SubscribeRequest(params=mcp_types.SubscribeRequestParams(uri=uri))
    await client.session.send_request(request, mcp_types.EmptyResult)


async def unsubscribe(client: Client, uri: str) -> None:
    request = mcp_types.UnsubscribeRequest(params=mcp_types.UnsubscribeRequestParams(uri=uri))
    await client.session.send_request(request, mcp_types.EmptyResult)


async def settle() -> None:
    """Let everything that is on its way arrive."""
    await anyio.sleep(0.1)


async def test_2025_subscriber_gets_updates_while_the_run_is_watched() -> None:
    async with connection() as (client, heard):
        run_id = await start(client)
        uris = [f"mogplex://runs/{run_id}", f"mogplex://runs/{run_id}/events"]
        for uri in uris:
            await subscribe(client, uri)
        await follow(client, run_id)
        await settle()
    assert set(heard) == set(uris)
    assert heard.count(uris[0]) == heard.count(uris[1]) >= 2


async def test_2025_subscriber_gets_news_when_no_call_waits_at_three_requests_a_minute_until_the_end() -> None:
    simulator = Simulator(now=virtual_now, run_seconds=300)
    async with connection(simulator) as (client, heard):
        run_id = await start(client)
        await subscribe(client, f"mogplex://runs/{run_id}")
        before = len(simulator.requests)
        await anyio.sleep(360)
        assert len(heard) >= 4
        assert 10 <= len(simulator.requests) - before <= 18
        asked = len(simulator.requests)
        await anyio.sleep(600)
        assert len(simulator.requests) == asked, "the run is over"


async def test_2025_many_subscriptions_cost_ten_requests_a_minute_and_end_with_the_last_one() -> None:
    simulator = Simulator(now=virtual_now, run_seconds=36_000)
    async with connection(simulator) as (client, heard):
        runs = [await start(client, f"Task {number}") for number in range(8)]
        for run_id in runs:
            await subscribe(client, f"mogplex://runs/{run_id}")
        before = len(simulator.requests)
        await anyio.sleep(600)
        assert len(simulator.requests) - before <= 100
        assert {uri.rpartition("/")[2] for uri in heard} == set(runs)
        for run_id in runs:
            await unsubscribe(client, f"mogplex://runs/{run_id}")
        await anyio.sleep(6)
        asked = len(simulator.requests)
        await anyio.sleep(600)
        assert len(simulator.requests) == asked
        await subscribe(client, f"mogplex://runs/{runs[0]}")
        await anyio.sleep(60)
        assert len(simulator.requests) > asked


async def test_2025_subscriber_gets_updates_after_the_token_was_replaced(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(DEMO_TOKEN)
    file.chmod(0o600)
    async with connection(token="", MOGPLEX_API_KEY_FILE=str(file)) as (client, heard):
        run_id = await start(client)
        await subscribe(client, f"mogplex://runs/{run_id}")
        file.write_text(f"{DEMO_READ_ONLY_TOKEN}\n")
        os.utime(file, ns=(1, 1))
        await follow(client, run_id)
        await settle()
    assert len(heard) >= 2


async def test_2025_unsubscribing_ends_the_updates() -> None:
    async with connection() as (client, heard):
        run_id = await start(client)
        await subscribe(client, f"mogplex://runs/{run_id}")
        await unsubscribe(client, f"mogplex://runs/{run_id}")
        await unsubscribe(client, "mogplex://runs/never-subscribed")
        await follow(client, run_id)
        await settle()
    assert not heard


async def test_2025_reading_after_an_update_is_not_the_next_update() -> None:
    simulator = Simulator(now=virtual_now)
    uri = f"mogplex://runs/{next(iter(simulator.world.runs))}"
    async with connection(simulator) as (client, heard):
        await subscribe(client, uri)
        for _ in range(5):
            await read(client, uri)
            await anyio.sleep(5)
    # And once for the name of the repository of a run that was not started here.
    paths = [one.path.partition("?")[0].rpartition("/")[2] for one in simulator.requests]
    assert sorted(paths) == ["events"] * 5 + ["repos"]
    assert heard == [uri], "the first look may differ from what the client knows"


async def test_2025_a_subscription_ends_with_its_connection(tmp_path: Path) -> None:
    heard = Heard()
    made = server(MOGPLEX_MCP_STATE_FILE=str(tmp_path / "state.sqlite3"))
    async with Client(made, mode="legacy") as client:
        run_id = await start(client)
        await subscribe(client, f"mogplex://runs/{run_id}")
    async with Client(made, mode="legacy", message_handler=heard) as client:
        await follow(client, run_id)
        await settle()
    assert not heard


async def test_2025_subscribing_to_resources_without_updates_is_refused() -> None:
    async with connection() as (client, _):
        for uri in (
            "mogplex://repos",
            f"mogplex://sandboxes/{UNKNOWN}/logs",
            "mogplex://runs/1",
            "mogplex://runs/ABCDEF00-0000-4000-8000-000000000000",
            "https://mogplex.com",
        ):
            with pytest.raises(MCPError, match=r"mogplex://runs/\{run_id\}") as caught:
                await subscribe(client, uri)
            assert caught.value.code == mcp_types.INVALID_PARAMS


async def test_2025_subscriptions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_RESOURCES", 2)
    async with connection() as (client, _):
        for digit in (1, 2, 2):
            await subscribe(client, f"mogplex://runs/{UNKNOWN[:-1]}{digit}")
        with pytest.raises(MCPError, match="unsubscribe"):
            await subscribe(client, f"mogplex://runs/{UNKNOWN}")


async def test_2025_without_a_token_there_is_nothing_to_subscribe_to() -> None:
    async with connection(token="") as (client, _):
        with pytest.raises(MCPError, match="check_connection"):
            await subscribe(client, f"mogplex://runs/{UNKNOWN}")
        await unsubscribe(client, f"mogplex://runs/{UNKNOWN}")


async def test_2025_tenants_with_one_state_file_get_updates_of_their_own_runs_only(tmp_path: Path) -> None:
    simulator = Simulator(now=virtual_now)
    shared: dict[str, Any] = {"MOGPLEX_MCP_STATE_FILE": str(tmp_path / "state.sqlite3")}
    async with (
        connection(simulator, **shared) as (mine, heard),
        connection(simulator, token=DEMO_OTHER_TOKEN, **shared) as (others, overheard),
    ):
        run_id = await start(mine)
        for client in (mine, others):
            await subscribe(client, f"mogplex://runs/{run_id}")
        await follow(mine, run_id)
        await settle()
    assert heard
    assert not overheard


async def test_2026_listener_gets_updates_while_the_run_is_watched() -> None:
    async with connect() as client:
        run_id = await start(client)
        uris = [f"mogplex://runs/{run_id}", f"mogplex://runs/{run_id}/events"]
        async with client.listen(resource_subscriptions=uris) as stream, anyio.create_task_group() as tasks:
            assert stream.honored.resource_subscriptions == uris
            tasks.start_soon(follow, client, run_id)
            heard = [await anext(stream) for _ in range(4)]
    assert set(heard) == {ResourceUpdated(uri) for uri in uris}


async def test_2026_listeners_get_news_when_no_call_waits_and_share_the_polls() -> None:
    simulator = Simulator(now=virtual_now, run_seconds=300)
    async with connect(simulator) as client:
        uri = f"mogplex://runs/{await start(client)}"
        before = len(simulator.requests)
        async with client.listen(resource_subscriptions=[uri]) as stream:
            async with client.listen(resource_subscriptions=[uri]) as other:
                assert await anext(stream) == await anext(other) == ResourceUpdated(uri)
            # The first one polls, or the second one did and has left.
            for _ in range(3):
                assert await anext(stream) == ResourceUpdated(uri)
            await anyio.sleep(300)
            asked = len(simulator.requests)
            assert asked - before <= 20
        await settle()
        await anyio.sleep(600)
        assert len(simulator.requests) == asked


async def test_2026_listen_acknowledges_only_resources_with_updates() -> None:
    asked = ["mogplex://repos", f"mogplex://runs/{UNKNOWN}", "mogplex://runs/1", f"mogplex://runs/{UNKNOWN}"]
    async with (
        connect() as client,
        client.listen(
            tools_list_changed=True,
            prompts_list_changed=True,
            resources_list_changed=True,
            resource_subscriptions=asked,
        ) as stream,
    ):
        honored = stream.honored.model_dump(exclude_none=True)
    assert honored == {"resource_subscriptions": [f"mogplex://runs/{UNKNOWN}"]}


async def test_2026_without_a_token_nothing_is_acknowledged() -> None:
    async with (
        connect(token="") as client,
        client.listen(resource_subscriptions=[f"mogplex://runs/{UNKNOWN}"]) as stream,
    ):
        assert not stream.honored.model_dump(exclude_none=True)


async def test_2026_streams_are_bounded_and_end_with_their_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_STREAMS", 2)
    async with connect() as client:
        for _ in range(5):
            async with client.listen(), client.listen():
                with pytest.raises(MCPError, match="too many subscriptions"):
                    async with client.listen():
                        pass
            await settle()


async def test_2026_the_streams_of_one_tenant_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_STREAMS_OF_ONE", 1)
    uri = f"mogplex://runs/{UNKNOWN}"
    async with connect() as client:
        for _ in range(3):
            async with client.listen(resource_subscriptions=[uri]):
                with pytest.raises(MCPError, match="limit"):
                    async with client.listen(resource_subscriptions=[uri]):
                        pass
            await settle()


async def test_updates_are_offered_when_runs_can_be_read() -> None:
    for mode in ("legacy", "auto"):
        async with connect(mode=mode) as client:
            assert client.server_capabilities.resources
            assert client.server_capabilities.resources.subscribe
        async with connect(mode=mode, MOGPLEX_MCP_TOOLS="list_repos") as client:
            assert client.server_capabilities.resources
            assert not client.server_capabilities.resources.subscribe


async def test_list_changed_is_not_declared() -> None:
    for mode in ("legacy", "auto"):
        async with connect(mode=mode) as client:
            told = client.server_capabilities
        for one in (told.tools, told.prompts, told.resources):
            assert one
            assert not one.list_changed
