"""What several tests of the simulator do."""

from typing import Any

import httpx2


async def start(client: httpx2.AsyncClient, repo_id: str, key: str = "key", **fields: Any) -> dict[str, Any]:
    """Start a run and return it."""
    response = await post_run(client, repo_id, key, **fields)
    assert response.status_code == 202, response.text
    started: dict[str, Any] = response.json()["data"]
    return started


async def post_run(client: httpx2.AsyncClient, repo_id: str, key: str = "key", **fields: Any) -> httpx2.Response:
    """Ask for a run."""
    body = {"repoId": repo_id, "prompt": "Fix it"} | fields
    return await client.post("/runs", json=body, headers={"Idempotency-Key": key})


async def watch(
    client: httpx2.AsyncClient, run_id: str, limit: int = 200
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Look at a run and its events."""
    response = await client.get(f"/runs/{run_id}/events", params={"limit": limit})
    data = response.json()["data"]
    return data["run"], data["events"]


def error_of(response: httpx2.Response) -> tuple[int, str]:
    """The status and the code of an error."""
    return response.status_code, response.json()["error"]["code"]
