"""Routes below `/automations`: list, read, create, update, publish, set the model."""

import base64
import json
from typing import Any

from . import formats, graphs
from .context import Endpoint, RouteContext, Routes, text_field
from .formats import epoch, iso
from .messages import Response, UncaughtError, bad_request, internal_error, not_found, ok
from .world import READ, WRITE, Automation, User, Version

_DEFAULT = 50
_MOST = 100
_NO_SUMMARY = {"lastRunId": None, "lastRunStatus": None, "runningCount": 0, "pendingCount": 0, "failed24h": 0}


async def list_automations(context: RouteContext) -> Response:
    """List the caller's automations, newest first. Following `nextCursor` always fails, as observed."""
    cursor = context.request.query.get("cursor", "")
    if cursor:
        _check_cursor(cursor)
        raise internal_error("Failed to list automations")
    own = [item for item in context.world.automations.values() if item.user_id == context.user.id]
    own.sort(key=lambda item: (item.created_at, item.id), reverse=True)
    limit = context.limit(_DEFAULT, _MOST)
    page = own[:limit]
    following = _cursor(page[-1]) if len(own) > limit else None
    return ok({"automations": [_summary(item) for item in page], "nextCursor": following})


async def get_automation(context: RouteContext) -> Response:
    """Return an automation with its graphs."""
    return ok({"automation": public_automation(own_automation(context, "Failed to load automation"))})


async def create_automation(context: RouteContext) -> Response:
    """Create an automation; not idempotent."""
    body = _object(context)
    graph = body.get("graph")
    draft = None if graph is None else _draft(context, graph)
    installation_id = _installation(context, body.get("installationId"))
    now = context.now
    automation = Automation(
        id=formats.new_id(),
        user_id=context.user.id,
        installation_id=installation_id,
        name=text_field(body, "name") or "Untitled flow",
        created_at=now,
        updated_at=now,
        draft=draft or _default_draft(context, installation_id),
        description=text_field(body, "description"),
        notes=text_field(body, "notes"),
    )
    context.world.automations[automation.id] = automation
    if body.get("publish") is True:
        _publish(context, automation)
    return ok({"automation": public_automation(automation)}, 201)


async def update_automation(context: RouteContext) -> Response:
    """Update an automation; a graph replaces the whole draft."""
    body = _object(context)
    automation = own_automation(context, "Failed to update automation")
    if "installationId" in body:
        automation.installation_id = _installation(context, body["installationId"])
    if body.get("graph") is not None:
        automation.draft = _draft(context, body["graph"])
    automation.name = text_field(body, "name") or automation.name
    if "description" in body:
        automation.description = text_field(body, "description")
    if "notes" in body:
        automation.notes = text_field(body, "notes")
    automation.updated_at = round(context.now, 3)
    return ok({"automation": public_automation(automation)})


async def publish_automation(context: RouteContext) -> Response:
    """Publish the draft as the next version."""
    automation = own_automation(context, "Failed to publish automation")
    _publish(context, automation)
    return ok({"automation": public_automation(automation)})


async def set_model(context: RouteContext) -> Response:
    """Set the model of an agent node; the draft keeps it even if publishing then fails."""
    body = context.json_or(None)
    node_id = text_field(body, "nodeId")
    if node_id is None:
        raise bad_request("nodeId is required")
    if "modelId" not in body or not isinstance(body["modelId"], str | None):
        raise bad_request("modelId must be a model id or null")
    model = (body["modelId"] or "").strip() or None
    automation = own_automation(context, "Failed to update automation model")
    nodes = [node for node in automation.draft["nodes"] if node["id"] == node_id]
    if not nodes:
        raise not_found("Automation node not found")
    if nodes[0]["type"] != "agent":
        raise bad_request("Only agent nodes can have a model override")
    if model is not None and model not in {known["id"] for known in context.user.models}:
        raise bad_request("Model is not enabled and available for this user")
    nodes[0]["data"] = nodes[0]["data"] | {"modelOverride": model}
    automation.updated_at = round(context.now, 3)
    if body.get("publish") is True:
        _publish(context, automation)
    return ok({"automation": public_automation(automation)})


def own_automation(context: RouteContext, otherwise: str) -> Automation:
    """Return the automation of the path.

    Raises:
        ApiError: 500 with the given message for an id that isn't a UUID, 404 for one that is not the caller's.
    """
    automation = context.world.automations.get(context.uuid("automation_id", otherwise))
    if automation is None or automation.user_id != context.user.id:
        raise not_found("Automation not found")
    return automation


def public_automation(automation: Automation) -> dict[str, Any]:
    """Return the JSON of an automation with its graphs. The run summary is always empty, as observed."""
    version = automation.published
    return {
        "id": automation.id,
        "installationId": automation.installation_id,
        "name": automation.name,
        "description": automation.description,
        "notes": automation.notes,
        "status": automation.status,
        "draftGraph": automation.draft,
        "publishedVersion": None
        if version is None
        else {
            "id": version.id,
            "versionNumber": version.number,
            "graph": version.graph,
            "createdAt": iso(version.created_at),
        },
        "createdAt": iso(automation.created_at),
        "updatedAt": iso(automation.updated_at),
        "runSummary": _NO_SUMMARY,
    }


def _summary(automation: Automation) -> dict[str, Any]:
    return {
        "id": automation.id,
        "installationId": automation.installation_id,
        "name": automation.name,
        "description": automation.description,
        "status": automation.status,
        "publishedVersionId": automation.published.id if automation.published else None,
        "createdAt": iso(automation.created_at),
        "updatedAt": iso(automation.updated_at),
    }


def _object(context: RouteContext) -> dict[str, Any]:
    body = context.json()
    if body is None:
        raise bad_request("Invalid JSON body")
    if isinstance(body, list):
        return {}
    if not isinstance(body, dict):
        raise UncaughtError
    return body


def _installation(context: RouteContext, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise bad_request("installationId must be a positive integer")
    if value not in context.user.installations:
        raise not_found("Installation not found")
    return value


def _agents(context: RouteContext) -> set[str]:
    return {agent["id"] for agent in context.user.agents} | context.user.agents_of_presets.keys()


def _draft(context: RouteContext, graph: Any) -> dict[str, Any]:
    """Return a graph as a draft; a preset agent in it becomes an agent of the caller, which replaces the preset."""
    draft = graphs.draft_of(graph, _agents(context))
    for node in draft["nodes"]:
        identifier = node["data"].get("agentId") if node["type"] == "agent" else None
        if identifier is not None:
            node["data"] = node["data"] | {"agentId": _own_agent(context.user, identifier)}
    return draft


def _own_agent(user: User, identifier: str) -> str:
    preset = next((agent for agent in user.agents if agent["id"] == identifier and agent["preset"]), None)
    if preset is not None:
        user.agents_of_presets[identifier] = formats.new_id()
        changed = {"id": user.agents_of_presets[identifier], "slug": preset["name"].lower(), "preset": False}
        user.agents[user.agents.index(preset)] = preset | changed
    return user.agents_of_presets.get(identifier, identifier)


def _default_draft(context: RouteContext, installation_id: int) -> dict[str, Any]:
    own = (agent["id"] for agent in context.user.agents if not agent["preset"])
    return graphs.default_draft(installation_id, next(own, None), context.user.default_model)


def _publish(context: RouteContext, automation: Automation) -> None:
    graphs.check_publishable(automation.draft, _agents(context))
    number = automation.published.number + 1 if automation.published else 1
    draft = json.loads(json.dumps(automation.draft))  # a version does not change with the draft
    automation.published = Version(formats.new_id(), number, draft, context.now)
    automation.status, automation.updated_at = "active", round(context.now, 3)


def _cursor(automation: Automation) -> str:
    position = {"createdAt": iso(automation.created_at), "id": automation.id}
    text = json.dumps(position, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _check_cursor(cursor: str) -> None:
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        epoch(position["createdAt"])
        sound = formats.is_plain_uuid(position["id"])
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise bad_request("Invalid cursor")


ROUTES: Routes = {
    "/automations": {"GET": Endpoint(list_automations, READ), "POST": Endpoint(create_automation, WRITE)},
    "/automations/{automation_id}": {
        "GET": Endpoint(get_automation, READ),
        "PUT": Endpoint(update_automation, WRITE),
    },
    "/automations/{automation_id}/publish": {"POST": Endpoint(publish_automation, WRITE)},
    "/automations/{automation_id}/model": {"PUT": Endpoint(set_model, WRITE)},
}
