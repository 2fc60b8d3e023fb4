"""Routes for agents, models, connected MCP servers and pull-request reviews."""

from .context import Endpoint, RouteContext, Routes, text_field
from .formats import canonical, new_id
from .messages import Response, bad_request, internal_error, not_found, ok
from .world import READ, WRITE

REVIEWS_PATH = "/pr-reviews/rerun"


async def list_agents(context: RouteContext) -> Response:
    """List the caller's agents and the presets that none of them replaces."""
    return ok({"agents": context.user.agents})


async def list_models(context: RouteContext) -> Response:
    """List the caller's enabled models."""
    return ok({"models": context.user.models})


async def list_mcp_servers(context: RouteContext) -> Response:
    """List the caller's MCP servers, including their credentials in clear text."""
    if context.user.mcp_servers is None:
        raise internal_error("Failed to list MCP servers")
    return ok({"servers": context.user.mcp_servers})


async def rerun_review(context: RouteContext) -> Response:
    """Queue a review of a pull request; not idempotent."""
    body = context.json()
    repo_id = text_field(body, "repoId")
    if repo_id is None:
        raise bad_request("repoId is required")
    number = body.get("prNumber")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise bad_request("prNumber must be a positive integer")
    found = canonical(repo_id)
    if found is None:
        raise internal_error("Failed to rerun PR review")
    repo = context.world.repo(found)
    if repo is None or repo.user_id != context.user.id:
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
    REVIEWS_PATH: {"POST": Endpoint(rerun_review, WRITE)},
}
