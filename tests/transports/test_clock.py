"""A clock that is set by hours, back or forth: nothing stands still for longer than a minute, nothing starts twice."""

from typing import Any

import anyio
import pytest
from mcp import Client

from mogplex_mcp.api.budget import SharedBudget
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.storage.request_counts import SqliteRequestCounts
from mogplex_mcp.storage.state_file import StateFile
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

HOURS = [-86_400.0, -5 * 3_600.0, 5 * 3_600.0, 86_400.0]


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    return virtual_time


class Clock:
    """The time of day on virtual time, which can be set."""

    jump = 0.0

    def __call__(self) -> float:
        return virtual_now() + self.jump


@pytest.mark.parametrize("jump", HOURS)
async def test_a_pause_and_a_spent_minute_do_not_outlast_a_clock_that_is_set(jump: float) -> None:
    clock = Clock()
    budget = SharedBudget(SqliteRequestCounts(StateFile(None), DEMO_TOKEN), now=clock)
    await budget.spend(60, watching=False)
    await budget.pause(60)
    clock.jump = jump
    began = anyio.current_time()
    with anyio.fail_after(70):
        await budget.spend(1, watching=True)
    assert anyio.current_time() - began <= 62


@pytest.mark.parametrize("jump", HOURS)
async def test_a_run_is_followed_to_its_end_whatever_the_clock_says(jump: float) -> None:
    clock = Clock()
    server = create_server(
        Settings(api_key=Secret(DEMO_TOKEN)),
        transport=Simulator(now=virtual_now, run_seconds=60).transport(),
        now=clock,
    )
    async with Client(server) as client:

        async def ask(tool: str, **arguments: Any) -> dict[str, Any]:
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result
            return dict(result.structured_content or {})

        started = await ask("start_run", repo="acme/web", prompt="Fix it.")
        clock.jump = jump
        news: dict[str, Any] = {"cursor": ""}
        with anyio.fail_after(3_600):
            for _ in range(200):
                if "cursor" not in news:
                    break
                news = await ask("tail_run", run_id=started["run_id"], cursor=news["cursor"])
                # By a clock that is hours ahead the run is stale, which is told at once.
                await anyio.sleep(1)
        assert news["status"] == "success"


@pytest.mark.parametrize("jump", [-86_400.0, -5 * 3_600.0, 300.0])
async def test_the_same_start_is_the_same_run_after_the_clock_was_set(jump: float) -> None:
    clock = Clock()
    server = create_server(
        Settings(api_key=Secret(DEMO_TOKEN)),
        transport=Simulator(now=virtual_now, run_seconds=60).transport(),
        now=clock,
    )
    async with Client(server) as client:
        first = await client.call_tool("start_run", {"repo": "acme/web", "prompt": "Fix it."})
        clock.jump = jump
        again = await client.call_tool("start_run", {"repo": "acme/web", "prompt": "Fix it."})
    assert first.structured_content
    assert again.structured_content
    assert again.structured_content["run_id"] == first.structured_content["run_id"]
    assert again.structured_content["replayed"]
