"""What `check_connection` tells of the bridge, and of what it cannot use."""

from typing import Any

import pytest

from tests.tools.support import answer, bridge, text_of

pytestmark = pytest.mark.anyio


async def test_check_connection_tells_what_there_is_to_know() -> None:
    async with bridge(MOGPLEX_MCP_READ_ONLY="yes", MOGPLEX_MCP_MAX_WAIT="30") as client:
        structured = (await answer(client, "check_connection")).structured_content
    assert structured is not None
    assert structured["connected"] is True
    assert structured["scopes"] == ["read", "write"]
    assert structured["token"] == "mog_…, from the environment"
    assert structured["requests"] == "2 of 60 used within the last minute"
    assert structured["longest_wait_seconds"] == 30
    assert "read-only" in structured["bridge"]
    assert "in memory" in structured["journal"]


async def test_a_journal_that_cannot_be_used_is_said_and_stops_starts_only(tmp_path: Any) -> None:
    file = tmp_path / "state.sqlite3"
    file.mkdir()
    async with bridge(MOGPLEX_MCP_STATE_FILE=str(file)) as client:
        structured = (await answer(client, "check_connection")).structured_content
        assert structured is not None
        assert structured["connected"] is True
        assert "start_run will refuse" in structured["journal"]
        refused = text_of(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "x"}))
        await answer(client, "list_repos")
    assert "(code: journal_unusable)" in refused
    assert "MOGPLEX_MCP_STATE_FILE" in refused
