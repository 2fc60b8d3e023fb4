"""From a call to its result: in time, and never with anything but a result."""

from typing import Any

import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from mogplex_mcp.storage.errors import StateError
from tests.tools.support import connected_client, error
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("tool", ["list_repos", "list_sandboxes", "get_run", "start_run"])
async def test_no_call_lasts_longer_than_its_client_waits(tool: str) -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.SLOW, times=None, seconds=600))
    arguments = {
        "get_run": {"run_id": next(iter(simulator.world.runs))},
        "start_run": {"repo": "acme/web", "prompt": "x"},
    }
    async with connected_client(simulator, MOGPLEX_MCP_MAX_WAIT="4") as client:
        before = virtual_now()
        text = await error(client, tool, **arguments.get(tool, {}))
        assert virtual_now() - before <= 4.5
    assert "(code: timed_out)" in text


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (MogplexError(ErrorCode.RATE_LIMITED, "slow down", retry_after=50_400), "rate_limited"),
        (ExceptionGroup("group", [MogplexError(ErrorCode.CONFLICT, "busy")]), "conflict"),
        (ExceptionGroup("outer", [ExceptionGroup("inner", [StateError("disk full")])]), "journal_unusable"),
        (ExceptionGroup("group", [KeyError("x")]), "internal_error"),
        (RecursionError(), "internal_error"),
    ],
)
async def test_whatever_a_tool_raises_becomes_a_tool_error(
    raised: Exception, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise raised

    monkeypatch.setattr("mogplex_mcp.tools.repos.row_of", fail)
    async with connected_client() as client:
        text = await error(client, "list_repos")
    assert f"(code: {code}" in text


async def test_a_long_wait_is_said_in_hours_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MogplexError(ErrorCode.RATE_LIMITED, "150 starts a day are the limit", status=429, retry_after=50_400)

    monkeypatch.setattr("mogplex_mcp.tools.repos.row_of", fail)
    async with connected_client() as client:
        text = await error(client, "list_repos")
    assert "Call list_repos again in 50400 seconds (14 h), not sooner." in text
    assert "retry_after_seconds: 50400" in text
    assert "Why: Mogplex responded with 429; the response is quoted below." in text
    assert "150 starts a day are the limit" in text.partition("<<<untrusted")[2]
