"""Automations as a client sees them: found, read, triggered once, followed."""

import json
from typing import Any

import pytest
from mcp import Client

from mogplex_mcp.simulator import Simulator
from tests.tools.people import client_with, facts, ids
from tests.tools.support import error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

LIVE, DRAFT = "Review on mention", "Nightly triage"
A_UUID = "00000000-0000-4000-8000-00000000abcd"


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator(now=virtual_now)


def requests(simulator: Simulator, method: str, part: str) -> list[str]:
    return [one.path for one in simulator.requests if one.method == method and part in one.path]


async def graph_of(client: Client, automation_id: str, detail: str = "graph") -> Any:
    """The graph, put together of all its pages."""
    page, text = 1, ""
    while True:
        answer = await facts(client, "get_automation", automation_id=automation_id, detail=detail, page=page)
        text += answer["untrusted"]["graph"]
        assert answer["page"] == page
        if page == answer["pages"]:
            return json.loads(text)
        page += 1


async def test_automations_are_listed_with_what_it_takes_to_use_them(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        listed = await facts(client, "list_automations")
    assert [row["published"] for row in listed["automations"]] == [False, True]
    assert [row["name"] for row in listed["untrusted"]["automations"]] == [DRAFT, LIVE]
    assert {row["installation_id"] for row in listed["automations"]} == {4_711}


async def test_a_cursor_that_fails_is_explained_and_not_followed_again(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        first = await facts(client, "list_automations", limit=1)
        text = await error(client, "list_automations", limit=1, cursor=first["next_cursor"])
    assert "seen to fail" in " ".join(first["notes"])
    assert all(step["tool"] != "list_automations" for step in first["next_steps"])
    assert "set limit to 100" in text
    assert "trying again will not help" in text
    assert len(requests(simulator, "GET", "cursor=")) == 1


async def test_a_cursor_from_somewhere_else_is_named_as_such(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        text = await error(client, "list_automations", cursor="2.AAAA")
    assert "the cursor isn't one that list_automations gave out; leave it out" in text


async def test_a_summary_says_what_an_automation_is_made_of(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        live = await facts(client, "get_automation", automation_id=ids(simulator)[LIVE].upper())
        draft = await facts(client, "get_automation", automation_id=ids(simulator)[DRAFT])
    assert (live["nodes"], live["edges"], live["published_version"], live["draft_is_published"]) == (3, 2, 1, True)
    assert [node["type"] for node in live["untrusted"]["nodes"]] == ["start", "agent", "end"]
    assert live["untrusted"]["nodes"][1]["model"] == "openai/gpt-5.4"
    assert "published_version" not in draft
    assert "cannot be triggered before it is published" in " ".join(draft["notes"])
    assert all(step["tool"] != "trigger_automation" for step in draft["next_steps"])


async def test_a_graph_is_read_in_pages_without_loss(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[LIVE]]
    long = 'Zeile \u00e4\u4e2d\U0001f600 "quoted" \\ back\n\ttab' * 600
    hidden = "a\u200bb\u202ec\x1b[31m\x7f\U000e0041\ufe0f"
    automation.draft["nodes"][1]["data"] |= {"systemPromptOverride": long, "label": hidden}
    async with client_with(None, simulator) as client:
        graph = await graph_of(client, automation.id)
        first = await client.call_tool("get_automation", {"automation_id": automation.id, "detail": "graph"})
        beyond = await error(client, "get_automation", automation_id=automation.id, detail="graph", page=999)
    assert graph == automation.draft
    assert not set("\u200b\u202e\x1b\x7f\U000e0041\ufe0f") & set(str(first))
    assert "there is no page 999: the last one is " in beyond


async def test_the_published_graph_can_be_read_beside_the_draft(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[LIVE]]
    automation.draft = {"nodes": [], "edges": []}
    assert automation.published is not None
    async with client_with(None, simulator) as client:
        published = await graph_of(client, automation.id, "published_graph")
        summary = await facts(client, "get_automation", automation_id=automation.id)
        none = await facts(client, "get_automation", automation_id=ids(simulator)[DRAFT], detail="published_graph")
    assert published == automation.published.graph
    assert summary["draft_is_published"] is False
    assert none["summary"] == "There is no published graph."


@pytest.mark.parametrize("automation_id", ["x", "1", "8091c232-521b-520e-92fa"])
async def test_an_id_that_is_none_is_refused_before_anything_is_sent(automation_id: str, simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        for tool in ("get_automation", "list_automation_runs", "get_automation_run"):
            assert "automation_id must be" in await error(client, tool, automation_id=automation_id)
        text = await error(client, "trigger_automation", automation_id=automation_id, repo="acme/web")
    assert "automation_id must be" in text
    assert not requests(simulator, "GET", "/automations")
