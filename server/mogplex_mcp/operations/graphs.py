"""Graphs of automations: check them before they are sent, compare them with what Mogplex made of them.

What a graph is: mogplex-api.md, section 1, "Graph of an automation".
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from mogplex_mcp.core.cleaning import clean_line, is_plain
from mogplex_mcp.core.nearest import did_you_mean
from mogplex_mcp.core.redaction import MARK
from mogplex_mcp.operations.confirmation import without_secrets
from mogplex_mcp.operations.errors import InvalidArgumentError, Operation, Phrase

NODE_TYPES: Final = (
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
READ_ONLY_TYPE: Final = "action"

_MOST_FAULTS: Final = 4
_MOST_CHANGES: Final = 6
_SHOWN_CHARACTERS: Final = 60


def check_graph(graph: Mapping[str, Any]) -> None:
    """Refuse what Mogplex would not take as a draft, or would take for something else.

    Raises:
        InvalidArgumentError: The first faults, each with its place.
    """
    _refuse(_draft_faults(graph))


def check_publishable(graph: Mapping[str, Any]) -> None:
    """Refuse a graph that cannot be published.

    Raises:
        InvalidArgumentError: What is missing or too much.
    """
    advice: Phrase = ("Correct that and try again. ", Operation("list_agents"), " lists the ids of agents.")
    _refuse(_publishing_faults(graph), advice if _without_agent(graph) else ())


def node_rows(graph: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the facts of each node, cleaned: they are text of others."""
    return [_node_row(node) for node in _objects(graph, "nodes")]


def without_model(graph: Mapping[str, Any]) -> list[str]:
    """Return the ids of the agent nodes whose model was cleared, because of which Mogplex refuses to publish."""
    agents = [node for node in _objects(graph, "nodes") if node.get("type") == "agent"]
    data = [(node, node["data"]) for node in agents if isinstance(node.get("data"), Mapping)]
    return [_plain_id(node.get("id")) for node, one in data if "modelOverride" in one and not one["modelOverride"]]


def edge_count(graph: Mapping[str, Any]) -> int:
    """Return how many edges a graph has."""
    return len(_objects(graph, "edges"))


def cannot_be_written(graph: Mapping[str, Any]) -> str:
    """Return why a graph that was read cannot be written back, or ""."""
    actions = [_plain_id(node.get("id")) for node in _objects(graph, "nodes") if node.get("type") == READ_ONLY_TYPE]
    if not actions:
        return ""
    return (
        f"This graph has {READ_ONLY_TYPE} nodes ({', '.join(actions[:_MOST_FAULTS])}), which Mogplex's API shows but "
        "does not take back: such a graph can be changed on the Mogplex web page only."
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what differs in the second graph, by place and uncut, for a user to confirm; [] if nothing does."""
    found = []
    for kind in ("nodes", "edges"):
        old, new = ({name_of(one.get("id")): one for one in _objects(graph, kind)} for graph in (before, after))
        found += [f"{kind[:-1]} {name} added: {_content(one)}" for name, one in new.items() if name not in old]
        found += [f"{kind[:-1]} {name} removed" for name in old if name not in new]
        for name in old:
            if name in new:
                found += [f"{kind[:-1]} {name}: {change}" for change in _different(old[name], new[name])]
    return found


def name_of(value: object) -> str:
    """Return a name whole, in quotes unless it is plain."""
    return value if isinstance(value, str) and is_plain(value) else compact(value)


def lost(sent: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """Return what of a graph that was sent is missing or differs in what Mogplex kept; what it added is not counted."""
    return list(_lost(sent, kept, "graph"))[:_MOST_CHANGES]


def compact(value: object) -> str:
    """Return a value as JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _draft_faults(graph: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("nodes", "edges"):
        if not isinstance(graph.get(kind), list):
            yield f"graph.{kind} must be a list{'' if kind in graph else ', but is missing'}"
            continue
        for number, one in enumerate(graph[kind]):
            place = f"graph.{kind}[{number}]"
            if isinstance(one, Mapping):
                yield from _node_faults(one, place) if kind == "nodes" else _edge_faults(one, place)
            else:
                yield f"{place} must be an object, but is {_quoted(one)}"
        yield from _repeated(graph, kind)
    if "viewport" in graph:
        yield from _viewport_faults(graph["viewport"])
    if MARK in json.dumps(graph, default=repr):
        yield f"graph holds {MARK!r}, a mark in place of something secret; writing it would lose that"


def _node_faults(node: Mapping[str, Any], place: str) -> Iterator[str]:
    yield from _text_fault(node, "id", place)
    kind = node.get("type")
    if kind == READ_ONLY_TYPE:
        yield f"{place}.type is {READ_ONLY_TYPE!r}, which Mogplex's API shows but does not take back"
    elif kind not in NODE_TYPES:
        near = did_you_mean(str(kind), NODE_TYPES)
        hint = f"; {near}" if near else ""
        yield f"{place}.type must be one of {', '.join(NODE_TYPES)}, but is {_quoted(kind)}{hint}"
    position = node.get("position")
    if not isinstance(position, Mapping) or not all(_is_number(position.get(axis)) for axis in "xy"):
        yield f"{place}.position must be an object of two numbers, x and y, but is {_quoted(position)}"
    if not isinstance(node.get("data"), Mapping):
        yield f"{place}.data must be an object, but is {_quoted(node.get('data'))}"


def _edge_faults(edge: Mapping[str, Any], place: str) -> Iterator[str]:
    for name in ("id", "source", "target"):
        yield from _text_fault(edge, name, place)
    for name in ("sourceHandle", "targetHandle"):
        if not isinstance(edge.get(name), str | None):
            yield f"{place}.{name} must be text or null, but is {_quoted(edge[name])}"


def _viewport_faults(viewport: object) -> Iterator[str]:
    if not isinstance(viewport, Mapping) or not all(_is_number(viewport.get(name)) for name in ("x", "y", "zoom")):
        yield f"graph.viewport must be an object of the numbers x, y and zoom, but is {_quoted(viewport)}"
    elif viewport["zoom"] <= 0:
        yield f"graph.viewport.zoom must be more than 0, but is {_quoted(viewport['zoom'])}"


def _text_fault(item: Mapping[str, Any], name: str, place: str) -> Iterator[str]:
    if not isinstance(item.get(name), str) or not item[name].strip():
        yield f"{place}.{name} must be text that is not empty, but is {_quoted(item.get(name))}"


def _repeated(graph: Mapping[str, Any], kind: str) -> Iterator[str]:
    counts = Counter(one["id"] for one in _objects(graph, kind) if isinstance(one.get("id"), str))
    for name, count in counts.items():
        if count > 1:
            yield f"graph.{kind} has {count} times the id {_quoted_id(name)}"


def _publishing_faults(graph: Mapping[str, Any]) -> Iterator[str]:
    nodes = _objects(graph, "nodes")
    for kind in ("start", "end"):
        count = sum(node.get("type") == kind for node in nodes)
        if count != 1:
            yield f"to publish, a graph needs exactly one {kind} node, but has {count}"
    if not any(node.get("type") == "agent" for node in nodes):
        yield "to publish, a graph needs an agent node, but has none"
    for node in _without_agent(graph):
        yield f"the agent node {_quoted_id(node.get('id'))} has no agentId in its data"
    for kind in ("nodes", "edges"):
        yield from _repeated(graph, kind)
    known = {node["id"] for node in nodes if isinstance(node.get("id"), str)}
    for number, edge in enumerate(_objects(graph, "edges")):
        for end in ("source", "target"):
            named = edge.get(end)
            if not isinstance(named, str) or named not in known:
                yield f"graph.edges[{number}].{end} names no node: {_quoted_id(edge.get(end))}"


def _without_agent(graph: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    agents = [node for node in _objects(graph, "nodes") if node.get("type") == "agent"]
    return [node for node in agents if not isinstance(node.get("data"), Mapping) or not node["data"].get("agentId")]


def _plain_id(value: object) -> str:
    """Return the id of a node if it is a plain name: the graph may be of others."""
    text = str(value)
    return text if text and is_plain(text) else "(unusual id)"


def _quoted_id(value: object) -> str:
    return f'"{_plain_id(value)}"'


def _refuse(faults: Iterator[str], advice: Phrase = ()) -> None:
    # No more than are shown: a graph can have thousands, and each is compared with what could be meant.
    found = list(islice(faults, _MOST_FAULTS + 1))
    if found:
        more = ["and more"] if len(found) > _MOST_FAULTS else []
        raise InvalidArgumentError("; ".join([*found[:_MOST_FAULTS], *more]), advice=advice)


def _node_row(node: Mapping[str, Any]) -> dict[str, str]:
    data = node["data"] if isinstance(node.get("data"), Mapping) else {}
    facts = {
        "id": node.get("id"),
        "type": node.get("type"),
        "label": data.get("label"),
        "event": data.get("event"),
        "agent": data.get("agentId"),
        "model": data.get("modelOverride"),
        "harness": data.get("harness"),
    }
    return {name: clean_line(text, 100) for name, text in facts.items() if isinstance(text, str) and text}


def _objects(graph: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    values = graph.get(kind)
    return [one for one in values if isinstance(one, Mapping)] if isinstance(values, list) else []


def _different(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the keys under which two nodes or edges differ, those of their data one by one, with both values."""
    found = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if before != after and isinstance(before, Mapping) and isinstance(after, Mapping):
            found += [f"{name_of(key)}.{change}" for change in _different(before, after)]
        elif before != after:
            shown = [without_secrets({key: value})[key] for value in (before, after)]
            found.append(f"{name_of(key)} changes from {_value(shown[0])} to {_value(shown[1])}")
    return found


def _lost(sent: object, kept: object, place: str) -> Iterator[str]:
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        for key, value in sent.items():
            below = f"{place}.{clean_line(str(key), 40)}"
            if key in kept:
                yield from _lost(value, kept[key], below)
            elif value is not None:
                yield below
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for number, (value, other) in enumerate(zip(sent, kept, strict=True)):
            yield from _lost(value, other, f"{place}[{number}]")
    elif sent != kept:
        yield place


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _quoted(value: object) -> str:
    if value is None:
        return "missing"
    text = json.dumps(value, ensure_ascii=True, default=repr)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _value(value: object) -> str:
    return "nothing" if value is None else compact(value)


def _content(item: Mapping[str, Any]) -> str:
    """Return what a node or an edge does: all but its id and its place on the page."""
    return compact(without_secrets({key: value for key, value in item.items() if key not in ("id", "position")}))
