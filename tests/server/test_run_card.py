"""The run card (MCP Apps, SEP-1865) as clients of the extension and others see it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import mcp_types
import pytest
from mcp import Client
from mcp.client.extension import ClientExtension

from mogplex_mcp.simulator import Simulator
from mogplex_mcp.ui.run_card import DATA, EXTENSION, MIME_TYPE, URI
from tests.server.support import ERAS, Mode, connect, follow, refused, server, start
from tests.server.tasking import TASKS
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

CARDS = {"start_run", "tail_run", "get_run"}


class Cards(ClientExtension):
    identifier = EXTENSION

    def settings(self) -> dict[str, Any]:
        return {"mimeTypes": [MIME_TYPE]}


def client_with_cards(simulator: Simulator | None = None, mode: Mode = "auto", **environment: str) -> Client:
    return Client(server(simulator, **environment), mode=mode, extensions=[Cards()])


@ERAS
async def test_the_extension_is_declared_where_a_tool_has_a_card(mode: Mode) -> None:
    async with connect(mode=mode) as client:
        # The capabilities of a server had no extensions before 2026; clients of that time look at the tools.
        assert client.server_capabilities.extensions == ({EXTENSION: {}, TASKS: {}} if mode == "auto" else None)
        tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools if (tool.meta or {}).get("ui")} == CARDS
    assert all(tool.meta["ui"] == {"resourceUri": URI} for tool in tools if tool.meta and "ui" in tool.meta)
    async with connect(mode=mode, MOGPLEX_MCP_TOOLSETS="repos") as client:
        assert not client.server_capabilities.extensions
        assert URI in (await refused(client, URI)).message


@ERAS
async def test_the_page_is_read_with_the_policy_that_its_host_enforces(mode: Mode) -> None:
    async with connect(mode=mode) as client:
        (page,) = (await client.read_resource(URI)).contents
    assert isinstance(page, mcp_types.TextResourceContents)
    assert (page.uri, page.mime_type) == (URI, MIME_TYPE)
    assert page.text.startswith("<!doctype html>")
    assert page.meta
    policy = page.meta["ui"]["csp"]
    assert set(policy) == {"connectDomains", "resourceDomains", "frameDomains", "baseUriDomains"}
    assert not any(policy.values())


async def test_the_page_is_listed_for_clients_that_show_it_and_for_no_others() -> None:
    async with client_with_cards() as client:
        listed = {one.uri: one for one in (await client.list_resources()).resources}
    assert listed[URI].mime_type == MIME_TYPE
    async with connect() as client:
        assert URI not in [one.uri for one in (await client.list_resources()).resources]


@ERAS
async def test_what_the_card_shows_is_sent_to_clients_that_show_it_and_to_no_others(mode: Mode) -> None:
    async with client_with_cards(mode=mode) as client:
        run_id = await start(client, "Fix the flaky test.\nAnd another one.")
        await follow(client, run_id)
        told = [
            card(await client.call_tool(name, {"run_id": run_id, **more}))
            for name, more in (("tail_run", {"max_events": 100}), ("get_run", {}))
        ]
    for data in told:
        assert data["run_id"] == run_id
        assert data["repo"] == "acme/web"
        assert data["actions"][:2] == ["follow", "stop"]
        assert [one["name"] for one in data["phases"]] == ["queued", "preparing", "working", "delivering", "done"]
        times = [datetime.fromisoformat(one["at"]) for one in data["phases"]]
        assert times == sorted(times)
        others = data["untrusted"]
        assert others["task"] == "Fix the flaky test."
        assert others["base_branch"] == "main"
        assert {"kind": "log install", "message": "Installed dependencies"}.items() <= others["events"][4].items()
    async with connect(mode=mode) as client:
        result = await client.call_tool("start_run", {"repo": "acme/web", "prompt": "x"})
        assert DATA not in (result.meta or {})


async def test_the_card_offers_only_what_the_server_offers() -> None:
    async with client_with_cards(MOGPLEX_MCP_EXCLUDE_TOOLS="cancel_run,tail_run") as client:
        result = await client.call_tool("start_run", {"repo": "acme/web", "prompt": "x"})
    assert card(result)["actions"] == []


async def test_what_others_wrote_is_cleaned_for_the_card_too() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.plan("long_messages")
    async with client_with_cards(simulator) as client:
        run_id = await start(client)
        await follow(client, run_id)
        result = await client.call_tool("tail_run", {"run_id": run_id, "max_events": 100})
    events = card(result)["untrusted"]["events"]
    (hostile,) = [one for one in events if one.get("count") == 3]
    assert hostile["kind"] == "log"
    assert hostile["message"].startswith("token ")
    assert "SIMULATED" not in hostile["message"]
    assert all(len(one["message"]) <= 400 for one in events)


def card(result: mcp_types.CallToolResult) -> Mapping[str, Any]:
    assert result.meta, result
    data: Mapping[str, Any] = result.meta[DATA]
    return data
