"""Graphs of automations: validation of drafts, normalisation, and checks before publishing."""

from typing import Any

from .json_schema import Schema, first_error
from .messages import bad_request

NODE_TYPES = (
    "start",
    "agent",
    "condition",
    "parallel",
    "join",
    "delay",
    "await_event",
    "set_variable",
    "transform",
    "end",
)
_TEXT: Schema = {"type": "string", "minLength": 1}
_POINT: Schema = {
    "type": "object",
    "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
    "required": ["x", "y"],
}
_HANDLE: Schema = {"type": ["string", "null"]}
GRAPH_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "nodes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": _TEXT,
                    "type": {"type": "string", "enum": list(NODE_TYPES)},
                    "position": _POINT,
                    "data": {"type": "object"},
                },
                "required": ["id", "type", "position", "data"],
            },
        },
        "edges": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": _TEXT,
                    "source": _TEXT,
                    "target": _TEXT,
                    "sourceHandle": _HANDLE,
                    "targetHandle": _HANDLE,
                },
                "required": ["id", "source", "target"],
            },
        },
        "viewport": {
            "type": "object",
            "properties": {
                "x": {"type": "number"},
                "y": {"type": "number"},
                "zoom": {"type": "number", "minimum": 0.000_001},
            },
            "required": ["x", "y", "zoom"],
        },
    },
    "required": ["nodes", "edges"],
}
_AGENT_DEFAULTS: dict[str, Any] = {
    "harness": "mogplex",
    "role": "review",
    "autofix": False,
    "autofixSandbox": False,
    "autoMerge": False,
    "autoRevert": False,
    "requireApproval": False,
    "modelOverride": None,
    "maxStepsOverride": None,
    "timeoutMsOverride": None,
    "systemPromptOverride": None,
}


def draft_of(graph: Any, agents: set[str]) -> dict[str, Any]:
    """Validate a graph as a draft. Whether it can be published is not checked.

    Args:
        graph: as the caller sent it.
        agents: ids of the agents that the caller may use.

    Raises:
        ApiError: it isn't a graph, or uses agents of another user.
    """
    if not isinstance(graph, dict):
        raise bad_request("graph must be a valid Flow graph")
    found = first_error(graph, GRAPH_SCHEMA, "graph")
    if found is not None:
        raise bad_request(f"graph must be a valid Flow graph at {found.partition(': ')[0]}")
    nodes = [_kept_node(node) for node in graph["nodes"]]
    _check_agents(nodes, agents)
    return {
        "nodes": nodes,
        "edges": [_kept_edge(edge) for edge in graph["edges"]],
        "viewport": graph.get("viewport", {"x": 0, "y": 0, "zoom": 1}),
    }


def default_draft(installation_id: int, agent_id: str | None, model: str) -> dict[str, Any]:
    """Return the draft of an automation that was created without a graph: a mention starts one agent."""
    start = {
        "label": "@mogplex",
        "event": "mention",
        "isDefault": True,
        "filter": {"scope": "all", "installationIds": [installation_id]},
    }
    agent = {"label": "Reviewer", "agentId": agent_id, "role": "triage", "modelOverride": model}
    nodes = [
        {"id": "start", "type": "start", "position": {"x": 80, "y": 140}, "data": start},
        {"id": "agent-1", "type": "agent", "position": {"x": 360, "y": 140}, "data": agent},
        {"id": "end", "type": "end", "position": {"x": 640, "y": 140}, "data": {"label": "Done"}},
    ]
    return {
        "nodes": [_kept_node(node) for node in nodes],
        "edges": [
            _kept_edge({"id": "start-agent-1", "source": "start", "target": "agent-1"}),
            _kept_edge({"id": "agent-1-end", "source": "agent-1", "target": "end"}),
        ],
        "viewport": {"x": 0, "y": 0, "zoom": 1},
    }


def _check_agents(nodes: list[dict[str, Any]], agents: set[str]) -> None:
    used = {node["data"].get("agentId") for node in nodes if node["type"] == "agent"}
    if used - agents - {None}:
        raise bad_request("One or more agents are not available to this user.")


def check_publishable(graph: dict[str, Any], agents: set[str]) -> None:
    """Check what publishing requires beyond a valid draft.

    Args:
        graph: the draft.
        agents: ids of the agents that the caller may use.

    Raises:
        ApiError: the first requirement that is not met.
    """
    found = _publishing_error(graph)
    if found is not None:
        raise bad_request(found)
    _check_agents(graph["nodes"], agents)


def _publishing_error(graph: dict[str, Any]) -> str | None:
    nodes: list[dict[str, Any]] = graph["nodes"]
    for kind in ("start", "end"):
        if sum(node["type"] == kind for node in nodes) != 1:
            return f"A flow must have exactly one {kind} node."
    if not any(node["type"] == "agent" for node in nodes):
        return "A flow must have at least one agent node."
    known = {node["id"] for node in nodes}
    if any(edge["source"] not in known or edge["target"] not in known for edge in graph["edges"]):
        return "A flow must not have connections to missing nodes."
    return next((found for found in map(_node_error, nodes) if found is not None), None)


def _node_error(node: dict[str, Any]) -> str | None:
    data: dict[str, Any] = node["data"]
    match node["type"]:
        case "start" if data.get("event") == "webhook" and len(data.get("filter", {}).get("repoIds", [])) != 1:
            return "Webhook triggers must select exactly one repository."
        case "agent" if not data.get("agentId"):
            return f'Agent node "{data.get("label")}" must have an agent selected.'
        case "agent" if not data.get("modelOverride"):
            return f'Agent node "{data.get("label")}" must have a model selected.'
        case "action" if not data.get("command"):
            return f'Action "{data.get("label")}" must define a command.'
        case _:
            return None


def _kept_node(node: dict[str, Any]) -> dict[str, Any]:
    data = node["data"]
    if node["type"] == "agent":
        first = {name: data[name] for name in ("label", "agentId") if name in data}
        data = first | _AGENT_DEFAULTS | data
    return {"id": node["id"], "type": node["type"], "position": node["position"], "data": data}


def _kept_edge(edge: dict[str, Any]) -> dict[str, Any]:
    handles = {"sourceHandle": edge.get("sourceHandle"), "targetHandle": edge.get("targetHandle")}
    return {"id": edge["id"], "source": edge["source"], "target": edge["target"], **handles}
