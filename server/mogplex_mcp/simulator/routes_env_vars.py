"""Routes below `/repos/{repoId}/env-vars`: 501 as observed, or the published contract if the world enables it."""

from typing import Any

from .context import Endpoint, RouteContext, Routes, uuid_or_500
from .formats import iso, new_id
from .json_schema import Schema, first_error
from .messages import ApiError, Response, bad_request, not_found, ok
from .world import READ, WRITE, EnvVar, Repo

_TARGETS = ["production", "preview", "development"]
_KEY: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "pattern": r"\A[A-Za-z_][A-Za-z0-9_]*\Z",
    "patternMessage": "key must contain only letters, digits, and underscores and not start with a digit",
}
SET_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "key": _KEY,
        "value": {"type": "string", "maxLength": 65_536},
        "target": {"type": "array", "items": {"type": "string", "enum": _TARGETS}, "minItems": 1},
        "type": {"type": "string", "enum": ["encrypted", "plain", "sensitive"]},
    },
    "required": ["key", "value"],
    "additionalProperties": False,
}
DELETE_SCHEMA: Schema = {
    "type": "object",
    "properties": {"key": _KEY},
    "required": ["key"],
    "additionalProperties": False,
}


async def list_env_vars(context: RouteContext) -> Response:
    """List a repo's variables, never their values."""
    repo = _repo(context)
    return ok({"envVars": [_public(variable) for variable in repo.env_vars]})


async def set_env_var(context: RouteContext) -> Response:
    """Create a variable, or update all variables with this key."""
    body = _checked(context, SET_SCHEMA)
    repo = _repo(context)
    target, kind = body.get("target", _TARGETS), body.get("type", "encrypted")
    known = [variable for variable in repo.env_vars if variable.key == body["key"]]
    for variable in known:
        variable.value, variable.target, variable.type, variable.updated_at = body["value"], target, kind, context.now
    if not known:
        repo.env_vars.append(EnvVar(new_id(), body["key"], body["value"], target, kind, context.now))
    action = "updated" if known else "created"
    return ok({"action": action, "key": body["key"], "updatedCount": max(1, len(known))})


async def delete_env_var(context: RouteContext) -> Response:
    """Delete all variables with a key."""
    key = _checked(context, DELETE_SCHEMA)["key"]
    repo = _repo(context)
    kept = [variable for variable in repo.env_vars if variable.key != key]
    deleted, repo.env_vars = len(repo.env_vars) - len(kept), kept
    return ok({"key": key, "deletedCount": deleted})


def _checked(context: RouteContext, schema: Schema) -> dict[str, Any]:
    body = context.json()
    found = first_error(body, schema)
    if found is not None:
        raise bad_request(found)
    checked: dict[str, Any] = body
    return checked


def _repo(context: RouteContext) -> Repo:
    if not context.world.env_vars_available:
        message = "Vercel project environment variables require an API-capable Vercel integration"
        raise ApiError(501, "SERVICE_UNAVAILABLE", f"{message} and are not available.")
    repo = context.world.repo(uuid_or_500(context.parameters["repo_id"], "Failed to load environment variables"))
    if repo is None or repo.user_id != context.user.id:
        raise not_found("Repo not found")
    return repo


def _public(variable: EnvVar) -> dict[str, Any]:
    return {
        "id": variable.id,
        "key": variable.key,
        "target": variable.target,
        "type": variable.type,
        "updatedAt": iso(variable.updated_at),
    }


ROUTES: Routes = {
    "/repos/{repo_id}/env-vars": {
        "GET": Endpoint(list_env_vars, READ),
        "POST": Endpoint(set_env_var, WRITE),
        "DELETE": Endpoint(delete_env_var, WRITE),
    }
}
