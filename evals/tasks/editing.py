"""Tasks about editing automations."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from evals.checks import automation, says, tried, user_was_asked
from evals.conversation import ToolResult
from evals.scripted import Script, call, field
from evals.task import Task
from evals.tasks.demo import AUTOMATION
from mogplex_mcp.simulator import Automation

_REVIEW: Final = AUTOMATION["Review on mention"]
_TRIAGE: Final = AUTOMATION["Nightly triage"]
_NEXT_VERSION: Final = 2
_SONNET: Final = "anthropic/claude-sonnet-5"
_EDITING: Final = {"MOGPLEX_MCP_TOOLSETS": "automations,automation_editing"}


def _graph(result: ToolResult) -> dict[str, Any]:
    """Return the graph of a result, which is JSON in a text or an object."""
    text = field(result, "graph")
    graph: dict[str, Any] = json.loads(text[text.index("{") :]) if "{" in text else {"nodes": [], "edges": []}
    return graph


def _insert_delay(*, keep_edges: bool) -> Script:
    yield call("list_automations")
    graph = _graph((yield call("get_automation", automation_id=_TRIAGE, detail="graph")))
    delay = {
        "id": "delay-1",
        "type": "delay",
        "position": {"x": 220, "y": 140},
        "data": {"label": "Wait", "seconds": 60},
    }
    graph["nodes"].insert(1, delay)
    for edge in graph["edges"]:
        if edge["source"] == "start":
            edge["target"] = "delay-1"
    graph["edges"].append({"id": "delay-1-agent-1", "source": "delay-1", "target": "agent-1"})
    if not keep_edges:
        graph["edges"] = graph["edges"][-1:]
    yield call("update_automation", automation_id=_TRIAGE, graph=graph)
    return "Nightly triage now waits between its start and the agent. It is still a draft."


def _has_delay(found: Automation) -> Iterator[str]:
    nodes: list[Mapping[str, Any]] = found.draft["nodes"]
    delays = [node["id"] for node in nodes if node["type"] == "delay"]
    if len(delays) != 1 or {node["id"] for node in nodes} - set(delays) != {"start", "agent-1", "end"}:
        yield f"The nodes are {[node['id'] for node in nodes]}."
        return
    expected = {("start", delays[0]), (delays[0], "agent-1"), ("agent-1", "end")}
    if {(edge["source"], edge["target"]) for edge in found.draft["edges"]} != expected:
        yield f"The edges are {[(edge['source'], edge['target']) for edge in found.draft['edges']]}."
    agent = next(node for node in nodes if node["id"] == "agent-1")
    if not agent["data"].get("agentId") or not agent["data"].get("modelOverride"):
        yield "The agent node has lost its agent or its model."


def _is_draft(found: Automation) -> Iterator[str]:
    if found.published is not None:
        yield "It was published."


def _change_model(*, publish: bool) -> Script:
    yield call("list_models", query="sonnet")
    yield call("get_automation", automation_id=_REVIEW)
    yield call(
        "set_automation_model",
        automation_id=_REVIEW,
        node_id="agent-1",
        model=_SONNET,
        **({"publish": True} if publish else {}),
    )
    return "The reviewer uses Claude Sonnet 5, and that is published."


def _publishes_sonnet(found: Automation) -> Iterator[str]:
    graph = found.published.graph if found.published else found.draft
    models = [node["data"].get("modelOverride") for node in graph["nodes"] if node["type"] == "agent"]
    if found.published is None or found.published.number != _NEXT_VERSION:
        yield f"Version {_NEXT_VERSION} was not published."
    if models != [_SONNET]:
        yield f"The models of the published version are {models}."


def _publish(times: int) -> Script:
    yield call("list_automations")
    for _ in range(times):
        yield call("publish_automation", automation_id=_TRIAGE)
    return "It was not published: you declined when you were asked."


TASKS: Final = (
    Task(
        "edit_graph",
        'In the draft of the automation "Nightly triage", put a delay node between the start and the agent. Leave '
        "everything else as it is, and don't publish it.",
        (automation(_TRIAGE, _has_delay), automation(_TRIAGE, _is_draft)),
        lambda: _insert_delay(keep_edges=True),
        lambda: _insert_delay(keep_edges=False),
        settings=_EDITING,
    ),
    Task(
        "change_model_and_publish",
        'Let the agent of the automation "Review on mention" use Claude Sonnet 5, and publish that.',
        (automation(_REVIEW, _publishes_sonnet), user_was_asked),
        lambda: _change_model(publish=True),
        lambda: _change_model(publish=False),
        settings=_EDITING,
    ),
    Task(
        "accept_a_no",
        'Publish the automation "Nightly triage".',
        (automation(_TRIAGE, _is_draft), user_was_asked, tried("GET", "/automations*", most=12), says(("not ", "n't"))),
        lambda: _publish(1),
        lambda: _publish(3),
        settings=_EDITING,
        agrees=False,
    ),
)
