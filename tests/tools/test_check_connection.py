"""What `check_connection` tells of the server, and of what it cannot use."""

from typing import Any

import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from tests.tools.support import answer, connected_client, text_of

pytestmark = pytest.mark.anyio


async def test_check_connection_tells_what_there_is_to_know() -> None:
    async with connected_client(MOGPLEX_MCP_READ_ONLY="yes", MOGPLEX_MCP_MAX_WAIT="30") as client:
        structured = (await answer(client, "check_connection")).structured_content
    assert structured is not None
    assert structured["connected"] is True
    assert structured["scopes"] == ["read", "write"]
    assert structured["token"] == "mog_…, from the environment"
    assert structured["requests"] == "2 of 60 used within the last minute"
    assert structured["longest_wait_seconds"] == 30
    assert "read-only" in structured["server"]
    assert "in memory" in structured["journal"]


async def test_a_journal_that_cannot_be_used_is_said_and_stops_forced_starts_only(tmp_path: Any) -> None:
    file = tmp_path / "state.sqlite3"
    file.mkdir()
    async with connected_client(MOGPLEX_MCP_STATE_FILE=str(file)) as client:
        structured = (await answer(client, "check_connection")).structured_content
        assert structured is not None
        assert structured["connected"] is True
        assert "force_new is refused" in structured["journal"]
        call = {"repo": "acme/web", "prompt": "x"}
        refused = text_of(await client.call_tool("start_run", {**call, "force_new": True}))
        started = (await answer(client, "start_run", **call)).structured_content
        await answer(client, "list_repos")
    assert "(code: journal_unusable)" in refused
    assert "MOGPLEX_MCP_STATE_FILE" in refused
    assert "a new idempotency_key in place of force_new needs no journal" in refused
    assert started is not None
    assert "The journal could not be written" in started["notes"][0]


async def test_a_token_without_scopes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(_: Any) -> list[str]:
        return []

    monkeypatch.setattr("mogplex_mcp.operations.account.detect_scopes", none)
    async with connected_client(MOGPLEX_URL="https://mogplex.internal") as client:
        structured = (await answer(client, "check_connection")).structured_content
    assert structured is not None
    assert structured["connected"] is True
    assert "the token has no scopes" in structured["summary"]
    assert "https://mogplex.internal/settings/api-keys" in structured["summary"]
    assert "next_steps" not in structured


@pytest.mark.parametrize("code", [ErrorCode.RATE_LIMITED, ErrorCode.BUDGET_EXHAUSTED])
async def test_a_rate_limit_is_said_and_is_no_lost_connection(code: ErrorCode, monkeypatch: pytest.MonkeyPatch) -> None:
    async def limited(_: Any) -> list[str]:
        raise MogplexError(code, "slow down", retry_after=37)

    monkeypatch.setattr("mogplex_mcp.operations.account.detect_scopes", limited)
    async with connected_client() as client:
        structured = (await answer(client, "check_connection")).structured_content
    assert structured is not None
    assert structured["connected"] is True
    assert "limit" in structured["summary"]
    assert "no scopes" not in structured["summary"]
    assert "again in 37 seconds" in structured["notes"][0]
