"""The main job as a client lives it: find the repository, start a run, follow it to its pull request."""

import re
from typing import Any

import mcp_types
from mcp import Client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def text_of(result: mcp_types.CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, mcp_types.TextContent))


async def follow_to_pull_request(client: Client, prompt: str) -> list[str]:
    """The progress that was told on the way."""
    told: list[str] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    repos = await call(client, "list_repos", query="web")
    assert [row["repo"] for row in repos["repos"]] == ["acme/web"]
    started = await call(client, "start_run", repo="acme/web", prompt=prompt)
    again = await call(client, "start_run", repo="acme/web", prompt=prompt)
    assert again["run_id"] == started["run_id"]
    assert again["replayed"]
    news: dict[str, Any] = {"cursor": ""}
    while "cursor" in news:
        result = await client.call_tool(
            "tail_run", {"run_id": started["run_id"], "cursor": news["cursor"]}, progress_callback=listen
        )
        assert not result.is_error, text_of(result)
        assert isinstance(result.structured_content, dict)
        news = result.structured_content
    assert news["status"] == "success"
    assert re.fullmatch(r"https://github\.com/acme/web/pull/\d+", news["pull_request"])
    listed = await call(client, "list_runs")
    assert listed["runs"][0]["pull_request"] == news["pull_request"]
    return told
