"""Replies about automations and their graphs. Names, labels and graphs are text of others."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Final

from pydantic import BaseModel, Field

from mogplex_mcp.api.automation_models import Automation, AutomationDetail, AutomationPage
from mogplex_mcp.core.cleaning import clean, clean_line, sanitize_word
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.core.redaction import MARK, find_key
from mogplex_mcp.operations.automations import MOST_AUTOMATIONS
from mogplex_mcp.operations.graphs import (
    cannot_be_written,
    changes,
    compact,
    edge_count,
    node_rows,
    without_model,
)
from mogplex_mcp.reply.model import ListReply, NextStep, Time
from mogplex_mcp.reply.schema import rows, text
from mogplex_mcp.tools.pages import page_of

_LAST_OF_BASIC_PLANE: Final = 0xFFFF
_CURSOR: Final = re.compile(r"[A-Za-z0-9_=.-]{1,500}")


_NAMED: Final = {"name": text("Name that people see."), "description": text("What it is for.")}
_NODE: Final = {
    "id": text("Value for node_id in set_automation_model."),
    "type": text("Kind of node, such as start or agent."),
    "label": text("Name of the node that people see."),
    "event": text("Event that starts the automation."),
    "agent": text("Agent that it runs, by agentId."),
    "model": text("Model that its agent uses."),
    "harness": text("Coding agent that it starts."),
}


class AutomationRow(BaseModel):
    """One automation of a list."""

    automation_id: str = Field(description="Automation id: what get_automation and trigger_automation take.")
    status: str = Field(description="Automation state: such as active or inactive.")
    published: bool = Field(description="It has a live version.")
    installation_id: int | None = Field(None, description="GitHub installation it belongs to.")
    updated: Time | None = Field(None, description="When it was last changed.")


class AutomationList(ListReply):
    """Automations, the newest first."""

    narrow: ClassVar[str] = "Call list_automations with a smaller limit."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "automations": rows(
            "What others wrote about the same ones, row by row.",
            automation_id=text("Id that ties it to its row."),
            **_NAMED,
        )
    }
    automations: Sequence[AutomationRow] = Field(description="Newest first: one row for each automation.")
    next_cursor: str = Field("", description="For the next call: what cursor takes, if there are more.")


class AutomationDetails(ListReply):
    """One automation."""

    narrow: ClassVar[str] = "Call get_automation with detail graph."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        **_NAMED,
        "notes": text("Notes of its authors for people."),
        "nodes": rows("Nodes of the draft, one by one.", **_NODE),
        "graph": text("JSON of the graph, or one page of it."),
    }
    automation_id: str = Field(description="Automation id: what get_automation and trigger_automation take.")
    status: str = Field(description="Automation state: such as active or inactive.")
    installation_id: int | None = Field(
        None, description="GitHub installation: the number of the one that it works on."
    )
    published_version: int | None = Field(None, description="Live version: its number; none if it was never published.")
    draft_is_published: bool | None = Field(None, description="Both are the same: the draft and what is live.")
    updated: Time | None = Field(None, description="Last change: when the automation was edited.")
    nodes: int = Field(description="Nodes of the draft.")
    edges: int = Field(description="Edges of the draft.")
    page: int | None = Field(None, description="Page of the graph: the one that is in untrusted.")
    pages: int | None = Field(None, description="Its pages: how many there are.")


def list_reply(found: AutomationPage, limit: int) -> AutomationList:
    """Return the answer to list_automations."""
    automations = found.automations
    notes = []
    cursor = found.next_cursor or ""
    if cursor:
        raised = "" if limit == MOST_AUTOMATIONS else f" Raise limit instead (at most {MOST_AUTOMATIONS})."
        notes.append(f"There are more; following next_cursor was seen to fail on Mogplex's side each time.{raised}")
    steps = []
    if len(automations) == 1:
        arguments = {"automation_id": sanitize_word(automations[0].id)}
        steps.append(NextStep(tool="get_automation", arguments=arguments, why="see what it does"))
    return AutomationList(
        summary=f"{counted(len(automations), 'automation')}.",
        automations=[_row(one) for one in automations],
        next_cursor=cursor if _CURSOR.fullmatch(cursor) and not find_key(cursor) else "",
        notes=notes,
        untrusted={"automations": [{"automation_id": sanitize_word(one.id), **_named(one)} for one in automations]}
        if automations
        else {},
        next_steps=steps,
    )


def summary_reply(found: AutomationDetail, summary: str = "", notes: Sequence[str] = ()) -> AutomationDetails:
    """Return an automation with the nodes of its draft."""
    untrusted: dict[str, Any] = _named(found) | {"notes": clean(found.notes or "", 1_000)}
    untrusted["nodes"] = node_rows(found.draft_graph)
    arguments = {"automation_id": sanitize_word(found.id)}
    steps = [
        NextStep(tool="get_automation", arguments=arguments | {"detail": "graph"}, why="read the draft, to edit it"),
        NextStep(tool="list_automation_runs", arguments=arguments, why="see its runs"),
    ]
    if _is_active(found):
        trigger = NextStep(tool="trigger_automation", arguments=arguments, why="run it on a repository; add repo")
        steps.insert(0, trigger)
    elif found.published_version and not without_model(found.draft_graph):
        publish = NextStep(tool="publish_automation", arguments=arguments, why="activate it, if the user agrees")
        steps.insert(0, publish)
    return _details(found).model_copy(
        update={
            "summary": summary or f"The automation is {_state(found)}.",
            "notes": [*notes, *_notes(found)],
            "untrusted": untrusted,
            "next_steps": tuple(steps),
        }
    )


def graph_reply(found: AutomationDetail, *, published: bool, page: int) -> AutomationDetails:
    """Return a page of a graph as JSON text.

    Raises:
        InvalidArgumentError: There is no such page.
    """
    graph = found.draft_graph
    if published:
        graph = found.published_version.graph if found.published_version else {}
    which = "published graph" if published else "draft"
    text, hidden = _graph_text(graph)
    shown = page_of(text, page)
    arguments = {"automation_id": sanitize_word(found.id), "detail": "published_graph" if published else "graph"}
    notes = []
    if shown.count > 1:
        notes.append("The pages, joined without anything between, are the JSON of the graph.")
    if hidden:
        notes.append(
            f"What looks like a secret is shown as {MARK}. The graph cannot be written back like this: "
            "change it on the Mogplex web page."
        )
    elif reason := cannot_be_written(graph):
        notes.append(reason)
    elif not published:
        notes.append("To change it, send the whole graph to update_automation: it replaces the draft.")
    steps = []
    if page < shown.count:
        steps.append(NextStep(tool="get_automation", arguments=arguments | {"page": page + 1}, why="the next page"))
    return _details(found).model_copy(
        update={
            "summary": f"The {which} has {len(node_rows(graph))} nodes and {edge_count(graph)} edges."
            if graph
            else f"There is no {which}.",
            "page": shown.number if graph else None,
            "pages": shown.count if graph else None,
            "notes": notes if graph else [],
            "untrusted": {"graph": shown.text} if graph else {},
            "next_steps": tuple(steps),
        }
    )


def _details(found: AutomationDetail) -> AutomationDetails:
    version = found.published_version
    return AutomationDetails(
        summary="",
        automation_id=sanitize_word(found.id),
        status=sanitize_word(found.status),
        installation_id=found.installation_id,
        published_version=version.version_number if version else None,
        draft_is_published=not changes(version.graph, found.draft_graph) if version else None,
        updated=found.updated_at,
        nodes=len(node_rows(found.draft_graph)),
        edges=edge_count(found.draft_graph),
    )


def _state(found: AutomationDetail) -> str:
    if found.published_version is None:
        return "a draft that was never published"
    return (
        f"{sanitize_word(found.status)}, version {found.published_version.version_number or '(unknown)'} is published"
    )


def _is_active(found: AutomationDetail) -> bool:
    """Return whether the automation can be triggered: a published one can be inactive all the same."""
    return found.published_version is not None and found.status == "active"


def _notes(found: AutomationDetail) -> list[str]:
    notes = []
    version = found.published_version
    if version is None:
        notes.append("It cannot be triggered before it is published.")
    elif not _is_active(found):
        notes.append("It is not active, so it cannot be triggered: publish_automation activates it with its draft.")
    if nodes := without_model(found.draft_graph):
        notes.append(
            f"The draft cannot be published: {', '.join(nodes[:4])} has no model. set_automation_model chooses one."
        )
    if version is not None and (changed := len(changes(version.graph, found.draft_graph))):
        live = "" if nodes else "; publishing makes it live"
        notes.append(f"The draft differs from what is published in {changed} places{live}.")
    if reason := cannot_be_written(found.draft_graph):
        notes.append(reason)
    return notes


def _row(one: Automation) -> AutomationRow:
    return AutomationRow(
        automation_id=sanitize_word(one.id),
        status=sanitize_word(one.status),
        published=bool(one.published_version_id),
        installation_id=one.installation_id,
        updated=one.updated_at,
    )


def _named(one: Automation) -> dict[str, Any]:
    return {"name": clean_line(one.name, 100), "description": clean_line(one.description or "", 200)}


def _graph_text(graph: Mapping[str, Any]) -> tuple[str, bool]:
    """Return a graph as JSON text, one node or edge a line, and whether something in it had to be hidden.

    Characters that hide or pose as something else are written as JSON escapes: they can be seen, and nothing is lost.
    What looks like a secret is hidden; such a text cannot be written back, and `check_graph` refuses it.
    """
    text = "".join(map(_escaped, _one_item_a_line(graph)))
    shown = clean(text, len(text))
    return shown, shown != text


def _one_item_a_line(graph: Mapping[str, Any]) -> str:
    parts = []
    for name, value in graph.items():
        key = json.dumps(name, ensure_ascii=False)
        if isinstance(value, list) and value:
            parts.append(f"{key}:[\n" + ",\n".join(map(compact, value)) + "\n]")
        else:
            parts.append(f"{key}:{compact(value)}")
    return "{" + ",\n".join(parts) + "}"


@cache
def _escaped(character: str) -> str:
    # Between two letters, since cleaning takes away blanks at the ends.
    if character == "\n" or clean(f"a{character}a", 10) == f"a{character}a":
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= _LAST_OF_BASIC_PLANE else json.dumps(character)[1:-1]
