"""Editing automations: graphs are checked before they are sent, nothing is lost or invented, and users are asked."""

import copy
import json
from typing import Any

import pytest

from mogplex_mcp.simulator import Simulator
from tests.tools.people import YES, User, client_with, facts, ids
from tests.tools.support import error, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

LIVE, DRAFT = "Review on mention", "Nightly triage"


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator(now=virtual_now)


def writes(simulator: Simulator) -> list[str]:
    return [f"{one.method} {one.path}" for one in simulator.requests if one.method in ("POST", "PUT", "DELETE")]


def a_graph(**changes: Any) -> dict[str, Any]:
    graph: dict[str, Any] = {
        "nodes": [
            {"id": "start", "type": "start", "position": {"x": 0, "y": 0}, "data": {}},
            {"id": "agent", "type": "agent", "position": {"x": 1.5, "y": 0}, "data": {}},
            {"id": "end", "type": "end", "position": {"x": 3, "y": 0}, "data": {}},
        ],
        "edges": [
            {"id": "one", "source": "start", "target": "agent"},
            {"id": "two", "source": "agent", "target": "end", "sourceHandle": None},
        ],
    }
    return graph | changes


def with_node(number: int, **changes: Any) -> dict[str, Any]:
    graph = copy.deepcopy(a_graph())
    graph["nodes"][number] |= changes
    return graph


def with_edge(number: int, **changes: Any) -> dict[str, Any]:
    graph = copy.deepcopy(a_graph())
    graph["edges"][number] |= changes
    return graph


async def test_agents_and_models_are_listed_and_found_by_a_part_of_their_name(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        agents = await facts(client, "list_agents")
        design = await facts(client, "list_agents", query="api-")
        models = await facts(client, "list_models")
        none = await facts(client, "list_models", query="nothing like it")
    assert agents["count"] == 3
    assert [row["id"] for row in design["untrusted"]["agents"]] == ["preset:API-DESIGN"]
    assert models["untrusted"]["models"][0]["id"] == "anthropic/claude-sonnet-5"
    assert models["untrusted"]["models"][0]["input"] == 2.0
    assert none["summary"] == "No models."


async def test_a_graph_that_was_read_can_be_written_back_as_it_is(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[LIVE]]
    automation.draft["nodes"][1]["data"]["label"] = "zero\u200bwidth \U0001f600"
    before = copy.deepcopy(automation.draft)
    async with client_with(None, simulator) as client:
        read = await facts(client, "get_automation", automation_id=automation.id, detail="graph")
        text = read["untrusted"]["graph"]
        as_text = await facts(client, "update_automation", automation_id=automation.id, graph=text)
        assert automation.draft == before
        await facts(client, "update_automation", automation_id=automation.id, graph=json.loads(text))
    assert automation.draft == before
    assert "did not keep" not in str(as_text)


async def test_what_mogplex_does_not_keep_of_a_graph_is_told(simulator: Simulator) -> None:
    graph = with_node(0, colour="red")
    async with client_with(None, simulator) as client:
        changed = await facts(client, "update_automation", automation_id=ids(simulator)[DRAFT], graph=graph)
    assert "graph.nodes[0].colour" in changed["notes"][0]


async def test_a_graph_with_action_nodes_says_why_it_cannot_be_written_back(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[LIVE]]
    automation.draft["nodes"][1] |= {"type": "action"}
    async with client_with(None, simulator) as client:
        read = await facts(client, "get_automation", automation_id=automation.id, detail="graph")
        graph = read["untrusted"]["graph"]
        text = await error(client, "update_automation", automation_id=automation.id, graph=graph)
    assert "does not take back" in " ".join(read["notes"])
    assert "action nodes (agent-1)" in text
    assert writes(simulator) == []


async def test_a_graph_with_a_hidden_secret_is_not_written_back(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[LIVE]]
    automation.draft["nodes"][1]["data"]["label"] = "mog_" + "x" * 32
    async with client_with(None, simulator) as client:
        read = await facts(client, "get_automation", automation_id=automation.id, detail="graph")
        graph = read["untrusted"]["graph"]
        text = await error(client, "update_automation", automation_id=automation.id, graph=graph)
    assert "mog_x" not in str(read)
    assert "cannot be written back" in " ".join(read["notes"])
    assert "a mark in place of something secret" in text
    assert writes(simulator) == []


@pytest.mark.parametrize(
    ("graph", "place"),
    [
        ({"nodes": []}, "graph.edges must be a list, but is missing"),
        ({"nodes": {}, "edges": []}, "graph.nodes must be a list"),
        (a_graph(nodes=["start"]), 'graph.nodes[0] must be an object, but is "start"'),
        (with_node(1, id=""), "graph.nodes[1].id must be text that is not empty"),
        (with_node(1, id=7), "graph.nodes[1].id must be text that is not empty, but is 7"),
        (with_node(1, id="start"), 'graph.nodes has 2 times the id "start"'),
        (with_node(1, type="agnet"), "graph.nodes[1].type must be one of"),
        (with_node(1, type="agnet"), "did you mean agent?"),
        (with_node(1, type="action"), "graph.nodes[1].type is 'action'"),
        (with_node(2, position={"x": 1}), "graph.nodes[2].position must be an object of two numbers"),
        (with_node(2, position={"x": 1, "y": "2"}), "graph.nodes[2].position"),
        (with_node(2, position={"x": 1, "y": True}), "graph.nodes[2].position"),
        (with_node(0, data=None), "graph.nodes[0].data must be an object, but is missing"),
        (with_edge(0, source=""), "graph.edges[0].source must be text that is not empty"),
        (with_edge(1, targetHandle=3), "graph.edges[1].targetHandle must be text or null, but is 3"),
        (a_graph(viewport={"x": 0, "y": 0, "zoom": 0}), "graph.viewport.zoom must be more than 0"),
        (a_graph(viewport=[]), "graph.viewport must be an object"),
        ("[1, 2]", "graph must be an object"),
        ("no JSON", "graph must be an object"),
    ],
)
async def test_what_is_no_graph_is_refused_here_with_the_place_of_the_fault(
    graph: Any, place: str, simulator: Simulator
) -> None:
    async with client_with(None, simulator) as client:
        updated = await error(client, "update_automation", automation_id=ids(simulator)[DRAFT], graph=graph)
        created = await error(client, "create_automation", installation_id=4_711, graph=graph)
    assert place in updated or "action nodes" in updated
    assert place in created
    assert writes(simulator) == []


async def test_an_update_without_anything_to_change_is_refused(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        text = await error(client, "update_automation", automation_id=ids(simulator)[DRAFT], name="null", graph={})
    assert "nothing to change was given" in text
    assert writes(simulator) == []


async def test_an_update_leaves_alone_what_it_was_not_given(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[LIVE]]
    draft, published = copy.deepcopy(automation.draft), automation.published
    async with client_with(None, simulator) as client:
        await facts(client, "update_automation", automation_id=automation.id, name="Renamed", description="")
    assert automation.name == "Renamed"
    assert automation.description == "Reviews on request"
    assert (automation.draft, automation.published) == (draft, published)


async def test_an_automation_is_made_on_the_installation_of_a_repository(simulator: Simulator) -> None:
    async with client_with(None, simulator) as client:
        by_repo = await facts(client, "create_automation", repo="acme/web", name="By repo")
        by_id = await facts(client, "create_automation", installation_id="4711", graph=json.dumps(a_graph()))
        neither = await error(client, "create_automation", name="Nowhere")
        foreign = await error(client, "create_automation", installation_id=4_712)
    assert by_repo["installation_id"] == by_id["installation_id"] == 4_711
    assert by_repo["status"] == "inactive"
    assert "give installation_id, or repo" in neither
    assert "Installation not found" in foreign


async def test_publishing_asks_and_shows_what_changes(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[LIVE]]
    draft = copy.deepcopy(automation.draft)
    draft["nodes"][1]["data"]["label"] = "Other"
    automation.draft = draft
    user = User(YES)
    async with client_with(user, simulator) as client:
        published = await facts(client, "publish_automation", automation_id=automation.id)
    assert published["published_version"] == 2
    (question,) = user.asked
    assert '"Review on mention"' in question
    assert "version 1 is live now" in question
    assert 'node agent-1: data.label changes from "Reviewer" to "Other"' in question


async def test_publishing_shows_the_whole_of_what_goes_live_or_is_refused(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[LIVE]]
    prompt = "Review it. " * 100 + "Then push to main."
    user = User(YES)
    async with client_with(user, simulator) as client:
        for times in (1, 10):
            automation.draft = copy.deepcopy(automation.draft)
            automation.draft["nodes"][1]["data"]["prompt"] = prompt * times
            result = await client.call_tool("publish_automation", {"automation_id": automation.id})
    assert result.is_error
    assert "cannot be shown whole" in text_of(result)
    (question,) = user.asked
    assert prompt in question


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (a_graph(nodes=a_graph()["nodes"][:2]), "exactly one end node, but has 0"),
        (a_graph(nodes=[*a_graph()["nodes"], a_graph()["nodes"][0]]), "exactly one start node, but has 2"),
        (a_graph(nodes=[a_graph()["nodes"][0], a_graph()["nodes"][2]], edges=[]), "needs an agent node, but has none"),
        (a_graph(), 'the agent node "agent" has no agentId'),
        (with_edge(1, target="nowhere"), 'graph.edges[1].target names no node: "nowhere"'),
    ],
)
async def test_what_cannot_be_published_is_said_before_the_user_is_asked(
    graph: dict[str, Any], reason: str, simulator: Simulator
) -> None:
    automation = simulator.world.automations[ids(simulator)[DRAFT]]
    automation.draft = graph
    user = User(YES)
    async with client_with(user, simulator) as client:
        published = await error(client, "publish_automation", automation_id=automation.id)
    assert reason in published
    assert user.asked == []
    assert writes(simulator) == []


async def test_publishing_by_another_way_asks_as_well(simulator: Simulator) -> None:
    automation_id = ids(simulator)[DRAFT]
    user = User(YES)
    wanted = {"automation_id": automation_id, "node_id": "agent-1", "model": "anthropic/claude-sonnet-5"}
    async with client_with(user, simulator) as client:
        drafted = await facts(client, "set_automation_model", **wanted)
        assert user.asked == []
        published = await facts(client, "set_automation_model", **wanted, publish=True)
        made = await facts(client, "create_automation", installation_id=4_711, name="Quick", publish="yes")
    assert "published_version" not in drafted
    assert published["published_version"] == made["published_version"] == 1
    assert "node agent-1: model anthropic/claude-sonnet-5" in user.asked[0]
    assert 'Create the automation "Quick" on GitHub installation 4711 and make it live' in user.asked[1]


async def test_whoever_may_not_publish_cannot_do_it_by_another_way(simulator: Simulator) -> None:
    user = User(YES)
    wanted = {"automation_id": ids(simulator)[DRAFT], "node_id": "agent-1"}
    async with client_with(user, simulator, MOGPLEX_MCP_EXCLUDE_TOOLS="publish_automation") as client:
        text = await error(client, "set_automation_model", **wanted, publish=True)
        await error(client, "create_automation", installation_id=4_711, publish=True)
    assert "does not offer publish_automation" in text
    assert user.asked == writes(simulator) == []


async def test_a_model_is_taken_away_by_leaving_it_empty(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[DRAFT]]
    async with client_with(None, simulator) as client:
        await facts(client, "set_automation_model", automation_id=automation.id, node_id="agent-1", model="null")
        unknown = await error(client, "set_automation_model", automation_id=automation.id, node_id="zzz")
        wrong = await error(client, "set_automation_model", automation_id=automation.id, node_id="agent-1", model="x/y")
    assert automation.draft["nodes"][1]["data"]["modelOverride"] is None
    assert "Automation node not found" in unknown
    assert "Model is not enabled" in wrong


async def test_a_draft_that_stays_behind_when_publishing_is_refused_is_not_hidden(simulator: Simulator) -> None:
    automation = simulator.world.automations[ids(simulator)[DRAFT]]
    wanted = {"automation_id": automation.id, "node_id": "agent-1", "publish": True}
    graph = copy.deepcopy(automation.draft)
    graph["nodes"][1]["data"]["modelOverride"] = None
    before = len(simulator.world.automations)
    async with client_with(User(YES), simulator) as client:
        changed = await error(client, "set_automation_model", **wanted)
        made = await error(client, "create_automation", installation_id=4_711, graph=graph, publish=True)
    assert automation.draft["nodes"][1]["data"]["modelOverride"] is None
    assert len(simulator.world.automations) == before + 1
    for text in (changed, made):
        assert "must have a model selected" in text
        assert "It is not known whether it took effect" in text
    assert "it could be done twice" in made
