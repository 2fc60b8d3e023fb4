"""Sandboxes that are not ready: no log yet, no end of booting yet."""

import pytest

from mogplex_mcp.simulator import Simulator
from tests.tools.support import answer, bridge, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


async def test_a_log_that_is_empty_says_so() -> None:
    async with bridge() as client:
        result = await answer(client, "list_sandboxes", status="error")
        assert result.structured_content is not None
        sandbox = result.structured_content["sandboxes"][0]["id"]
        text = text_of(await answer(client, "get_sandbox_logs", sandbox_id=sandbox, log="lifecycle"))
    assert text.startswith(f"Sandbox {sandbox} has no lifecycle log yet.")


async def test_a_sandbox_that_boots_longer_than_the_client_waits_is_no_error() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.world.sandbox_boot_seconds = 240.0
    async with bridge(simulator, MOGPLEX_MCP_MAX_WAIT="4") as client:
        before = virtual_now()
        result = await answer(client, "create_sandbox", repo="acme/web")
        assert virtual_now() - before <= 4.5
    assert "do not create it again" in text_of(result)
    assert "list_sandboxes" in text_of(result)
