"""`/automations`: list, read, create, change, publish, choose a model."""

import base64
import json
from typing import Any

from . import graphs, ids
from .calls import Call, Endpoint, Routes, text_field
from .messages import Response, Uncaught, bad_request, internal_error, not_found, ok
from .moments import epoch, iso
from .world import READ, WRITE, Automation, Version

_DEFAULT = 50
_MOST = 100
_NO_SUMMARY = {"lastRunId": None, "lastRunStatus": None, "runningCount": 0, "pendingCount": 0, "failed24h": 0}


async def list_automations(call: Call) -> Response:
    """List the caller's automations, newest first. Following `nextCursor` fails every time, as observed."""
    cursor = call.request.query.get("cursor", "")
    if cursor:
        _check_cursor(cursor)
        raise internal_error("Failed to list automations")
    own = [item for item in call.world.automations.values() if item.user_id == call.user.id]
    own.sort(key=lambda item: (item.created_at, item.id), reverse=True)
    limit = call.limit(_DEFAULT, _MOST)
    page = own[:limit]
    following = _cursor(page[-1]) if len(own) > limit else None
    return ok({"automations": [_summary(item) for item in page], "nextCursor": following})


async def get_automation(call: Call) -> Response:
    """Answer with an automation and its graphs."""
    return ok({"automation": public_automation(own_automation(call, "Failed to load automation"))})


async def create_automation(call: Call) -> Response:
    """Create an automation; every call creates another one."""
    body = _object(call)
    graph = body.get("graph")
    draft = None if graph is None else graphs.draft_of(graph, _agents(call))
    installation_id = _installation(call, body.get("installationId"))
    now = call.now
    automation = Automation(
        id=ids.new_id(),
        user_id=call.user.id,
        installation_id=installation_id,
        name=text_field(body, "name") or "Untitled flow",
        created_at=now,
        updated_at=now,
        draft=draft or _default_draft(call, installation_id),
        description=text_field(body, "description"),
        notes=text_field(body, "notes"),
    )
    call.world.automations[automation.id] = automation
    if body.get("publish") is True:
        _publish(call, automation)
    return ok({"automation": public_automation(automation)}, 201)


async def update_automation(call: Call) -> Response:
    """Change an automation; a graph replaces the whole draft."""
    body = _object(call)
    automation = own_automation(call, "Failed to update automation")
    if "installationId" in body:
        automation.installation_id = _installation(call, body["installationId"])
    if body.get("graph") is not None:
        automation.draft = graphs.draft_of(body["graph"], _agents(call))
    automation.name = text_field(body, "name") or automation.name
    if "description" in body:
        automation.description = text_field(body, "description")
    if "notes" in body:
        automation.notes = text_field(body, "notes")
    automation.updated_at = call.now
    return ok({"automation": public_automation(automation)})


async def publish_automation(call: Call) -> Response:
    """Publish the draft as the next version."""
    automation = own_automation(call, "Failed to publish automation")
    _publish(call, automation)
    return ok({"automation": public_automation(automation)})


async def set_model(call: Call) -> Response:
    """Choose the model of an agent node; the draft keeps it even where publishing it then fails."""
    body = call.json_or(None)
    node_id = text_field(body, "nodeId")
    if node_id is None:
        raise bad_request("nodeId is required")
    if "modelId" not in body or not isinstance(body["modelId"], str | None):
        raise bad_request("modelId must be a model id or null")
    model = (body["modelId"] or "").strip() or None
    automation = own_automation(call, "Failed to update automation model")
    nodes = [node for node in automation.draft["nodes"] if node["id"] == node_id]
    if not nodes:
        raise not_found("Automation node not found")
    if nodes[0]["type"] != "agent":
        raise bad_request("Automation node is not an agent node")
    if model is not None and model not in {known["id"] for known in call.user.models}:
        raise bad_request("Model is not enabled and available for this user")
    nodes[0]["data"] = nodes[0]["data"] | {"modelOverride": model}
    automation.updated_at = call.now
    if body.get("publish") is True:
        _publish(call, automation)
    return ok({"automation": public_automation(automation)})


def own_automation(call: Call, otherwise: str) -> Automation:
    """Find the automation of the path.

    Raises:
        Refusal: 500 with the given message for an id that is no UUID, 404 for one that is not the caller's.
    """
    automation = call.world.automations.get(call.uuid("automation_id", otherwise))
    if automation is None or automation.user_id != call.user.id:
        raise not_found("Automation not found")
    return automation


def public_automation(automation: Automation) -> dict[str, Any]:
    """Write an automation with its graphs. The run summary is always empty, as observed."""
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


def _object(call: Call) -> dict[str, Any]:
    body = call.json()
    if body is None:
        raise bad_request("Invalid JSON body")
    if isinstance(body, list):
        return {}
    if not isinstance(body, dict):
        raise Uncaught
    return body


def _installation(call: Call, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise bad_request("installationId must be a positive integer")
    if value not in call.user.installations:
        raise not_found("Installation not found")
    return value


def _agents(call: Call) -> set[str]:
    return {agent["id"] for agent in call.user.agents}


def _default_draft(call: Call, installation_id: int) -> dict[str, Any]:
    own = (agent["id"] for agent in call.user.agents if not agent["preset"])
    return graphs.default_draft(installation_id, next(own, None), call.user.default_model)


def _publish(call: Call, automation: Automation) -> None:
    graphs.check_publishable(automation.draft)
    number = automation.published.number + 1 if automation.published else 1
    draft = json.loads(json.dumps(automation.draft))  # a version does not change with the draft
    automation.published = Version(ids.new_id(), number, draft, call.now)
    automation.status, automation.updated_at = "active", call.now


def _cursor(automation: Automation) -> str:
    position = {"createdAt": iso(automation.created_at), "id": automation.id}
    text = json.dumps(position, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _check_cursor(cursor: str) -> None:
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        epoch(position["createdAt"])
        sound = ids.is_plain_uuid(position["id"])
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
