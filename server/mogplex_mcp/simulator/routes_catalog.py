"""What a user has: agents, models, connected MCP servers; and reviews of pull requests."""

from .calls import Call, Endpoint, Routes, text_field
from .ids import canonical, new_id
from .messages import Response, bad_request, internal_error, not_found, ok
from .world import READ, WRITE


async def list_agents(call: Call) -> Response:
    """List the caller's agents and the presets that no agent of theirs replaces."""
    return ok({"agents": call.user.agents})


async def list_models(call: Call) -> Response:
    """List the models that the caller has enabled."""
    return ok({"models": call.user.models})


async def list_mcp_servers(call: Call) -> Response:
    """List the caller's MCP servers, credentials in clear text and all."""
    if call.user.mcp_servers is None:
        raise internal_error("Failed to list MCP servers")
    return ok({"servers": call.user.mcp_servers})


async def rerun_review(call: Call) -> Response:
    """Queue a review of a pull request; each call queues another one."""
    body = call.json()
    repo_id = text_field(body, "repoId")
    if repo_id is None:
        raise bad_request("repoId is required")
    number = body.get("prNumber")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise bad_request("prNumber must be a positive integer")
    found = canonical(repo_id)
    if found is None:
        raise internal_error("Failed to rerun PR review")
    repo = call.world.repo(found)
    if repo is None or repo.user_id != call.user.id:
        raise not_found("Repository not found")
    return ok(
        {
            "queued": True,
            "jobRunId": new_id(),
            "prNumber": number,
            "repoId": repo.id,
            "started": True,
            "deferred": False,
            "reason": None,
            "status": "running",
        },
        202,
    )


ROUTES: Routes = {
    "/agents": {"GET": Endpoint(list_agents, READ)},
    "/models": {"GET": Endpoint(list_models, READ)},
    "/mcp/servers": {"GET": Endpoint(list_mcp_servers, READ)},
    "/pr-reviews/rerun": {"POST": Endpoint(rerun_review, WRITE)},
}
