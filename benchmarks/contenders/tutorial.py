"""The tutorial form: the SDK's `MCPServer` with typed tools and httpx, as its documentation writes it."""

import os
import sys

import httpx  # type: ignore[import-not-found,unused-ignore]  # installed for the benchmark
from mcp.server import MCPServer
from pydantic import BaseModel

mcp = MCPServer("Mogplex")
client = httpx.AsyncClient(
    base_url=os.environ["BENCH_API"], headers={"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
)


class Repo(BaseModel):
    """A repository."""

    id: str
    full_name: str
    installation_id: int | None
    default_branch: str
    root_directory: str | None


class Sandbox(BaseModel):
    """A cloud machine on a branch."""

    id: str
    status: str


class Run(BaseModel):
    """A run of a coding agent."""

    runId: str  # noqa: N815 - the API's name
    status: str


@mcp.tool()
async def list_repos(query: str = "", limit: int = 100) -> list[Repo]:
    """List the GitHub repositories that Mogplex can work on."""
    response = await client.get("/repos", params={"q": query, "limit": limit})
    response.raise_for_status()
    return [Repo.model_validate(repo) for repo in response.json()["data"]["repos"]]


@mcp.tool()
async def list_sandboxes(limit: int = 100) -> list[Sandbox]:
    """List sandboxes, newest activity first."""
    response = await client.get("/sandboxes", params={"limit": limit})
    response.raise_for_status()
    return [Sandbox.model_validate(sandbox) for sandbox in response.json()["data"]["sandboxes"]]


@mcp.tool()
async def get_run(run_id: str) -> Run:
    """Read a run."""
    response = await client.get(f"/runs/{run_id}")
    response.raise_for_status()
    return Run.model_validate(response.json()["data"]["run"])


@mcp.tool()
async def start_run(repo_id: str, prompt: str, idempotency_key: str) -> Run:
    """Start a coding agent on a repository."""
    body = {"repoId": repo_id, "prompt": prompt}
    response = await client.post("/runs", json=body, headers={"Idempotency-Key": idempotency_key})
    response.raise_for_status()
    return Run.model_validate(response.json()["data"])


if __name__ == "__main__":
    if sys.argv[1:]:
        mcp.run("streamable-http", port=int(sys.argv[1]))
    else:
        mcp.run()
