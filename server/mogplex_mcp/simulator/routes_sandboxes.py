"""Routes below `/sandboxes`: list, create, read logs."""

from typing import Any

from .branches import checkout_of
from .context import Endpoint, RouteContext, Routes, require_funds, text_field, uuid_or_500
from .formats import canonical, iso, new_id
from .messages import ApiError, Response, bad_request, not_found, ok
from .world import READ, WRITE, Sandbox

_DEFAULT = 100
_MOST = 200


async def list_sandboxes(context: RouteContext) -> Response:
    """List the caller's sandboxes, newest activity first."""
    query = context.request.query
    now = context.now
    found = [item for item in context.world.sandboxes if item.user_id == context.user.id and item.created_at <= now]
    if query.get("repo_id", "").strip():
        repo_id = uuid_or_500(query["repo_id"].strip(), "Failed to list sandboxes")
        found = [item for item in found if item.repo_id == repo_id]
    if query.get("status", "").strip():
        found = [item for item in found if _status(item, now) == query["status"].strip()]
    found.sort(key=lambda item: min(item.last_active_at, now), reverse=True)
    return ok({"sandboxes": [_public(item, now) for item in found[: context.limit(_DEFAULT, _MOST)]]})


async def create_sandbox(context: RouteContext) -> Response:
    """Boot a sandbox and wait until it runs, for `World.sandbox_boot_seconds`."""
    body = context.json_or(None)
    repo_id = text_field(body, "repoId")
    if repo_id is None:
        raise bad_request("repoId is required")
    repo = context.world.repo(canonical(repo_id) or "")
    if repo is None or repo.user_id != context.user.id:
        raise ApiError(404, "BAD_REQUEST", "Repo not found")
    if not context.user.github_connected:
        raise bad_request("Connect GitHub account first")
    require_funds(context)
    checkout = checkout_of(body, repo, new_id())
    sandbox = Sandbox(
        id=new_id(),
        user_id=context.user.id,
        repo_id=repo.id,
        sandbox_id="pending",
        status="creating",
        base_branch=checkout.base,
        working_branch=checkout.working,
        root_directory=checkout.root_directory,
        created_at=context.now,
        last_active_at=context.now,
    )
    context.world.sandboxes.append(sandbox)
    await context.request.wait(context.world.sandbox_boot_seconds)
    if context.world.sandbox_boot_error is not None:
        sandbox.status, sandbox.error = "error", context.world.sandbox_boot_error
        raise ApiError(502, "SERVICE_UNAVAILABLE", sandbox.error)
    sandbox.status, sandbox.sandbox_id = "running", f"sbx_{sandbox.id[:8]}"
    sandbox.preview_url = f"https://{sandbox.sandbox_id.replace('_', '-')}.preview.invalid"
    sandbox.install_log, sandbox.last_active_at = "added 412 packages in 9s\n", context.now
    return ok({"sandbox": _public(sandbox, context.now)}, 202)


async def get_logs(context: RouteContext) -> Response:
    """Return a sandbox with its raw logs and its oldest lifecycle events, without a mark that there are more."""
    sandbox = context.world.sandbox(context.uuid("sandbox_id", "Failed to load sandbox logs"))
    if sandbox is None or sandbox.user_id != context.user.id:
        raise not_found("Sandbox not found")
    logs = {"install_log": sandbox.install_log, "dev_log": sandbox.dev_log}
    oldest = sandbox.lifecycle_events[:_MOST]
    return ok({"sandbox": _public(sandbox, context.now) | logs, "lifecycle_events": oldest})


def _status(sandbox: Sandbox, now: float) -> str:
    return "stopped" if sandbox.stops_at is not None and sandbox.stops_at <= now else sandbox.status


def _public(sandbox: Sandbox, now: float) -> dict[str, Any]:
    return {
        "id": sandbox.id,
        "sandbox_id": sandbox.sandbox_id,
        "repo_id": sandbox.repo_id,
        "status": _status(sandbox, now),
        "base_branch": sandbox.base_branch,
        "working_branch": sandbox.working_branch,
        "root_directory": sandbox.root_directory,
        "preview_url": sandbox.preview_url,
        "created_at": iso(sandbox.created_at),
        "last_active_at": iso(min(sandbox.last_active_at, now)),
        "error": sandbox.error,
    }


ROUTES: Routes = {
    "/sandboxes": {"GET": Endpoint(list_sandboxes), "POST": Endpoint(create_sandbox, WRITE)},
    "/sandboxes/{sandbox_id}/logs": {"GET": Endpoint(get_logs, READ)},
}
