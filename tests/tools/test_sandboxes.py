"""Sandboxes that are not ready: no log yet, no end of booting yet."""

import httpx2
import pytest

from mogplex_mcp.simulator import Simulator
from tests.tools.support import A_UUID, Unreachable, answer, connected_client, error, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


async def test_a_log_that_is_empty_says_so() -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        result = await answer(client, "list_sandboxes", status="error")
        assert result.structured_content is not None
        sandbox = result.structured_content["sandboxes"][0]["id"]
        text = text_of(await answer(client, "get_sandbox_logs", sandbox_id=sandbox, log="lifecycle"))
        running = simulator.world.sandboxes[0]
        running.status, running.error, running.install_log = "installing", None, None
        early = text_of(await answer(client, "get_sandbox_logs", sandbox_id=running.id))
    assert early.startswith(f"Sandbox {running.id} has no install log yet.")
    assert f"Sandbox {sandbox} has no lifecycle log." in text


async def test_a_sandbox_that_boots_longer_than_the_client_waits_is_neither_an_error_nor_claimed() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.world.sandbox_boot_seconds = 240.0
    async with connected_client(simulator, MOGPLEX_MCP_MAX_WAIT="4") as client:
        before = virtual_now()
        result = await answer(client, "create_sandbox", repo="acme/web")
        assert virtual_now() - before <= 4.5
    assert "Mogplex has not answered yet" in text_of(result)
    assert "Do not create it again before" in text_of(result)
    assert "creating" not in text_of(result)
    assert "list_sandboxes" in text_of(result)


@pytest.mark.parametrize("log", ["install", "dev", "lifecycle"])
async def test_the_error_of_a_sandbox_is_the_first_thing_said_about_its_logs(log: str) -> None:
    simulator = Simulator(now=virtual_now)
    sandbox = simulator.world.sandboxes[0]
    sandbox.status, sandbox.error = "error", "Boot failed: out of disk\x1b[0m"
    async with connected_client(simulator) as client:
        result = await answer(client, "get_sandbox_logs", sandbox_id=sandbox.id, log=log)
    text = text_of(result)
    assert text.startswith(f"Sandbox {sandbox.id} is error and reports an error: see error.")
    assert " yet" not in text
    assert result.structured_content is not None
    assert next(iter(result.structured_content["untrusted"].items())) == ("error", "Boot failed: out of disk")
    assert text.index("<<<untrusted") < text.index("Boot failed")


@pytest.mark.parametrize(("events", "is_all"), [(199, True), (200, False), (250, False)])
async def test_a_full_lifecycle_log_says_that_only_the_oldest_events_can_be_read(events: int, is_all: bool) -> None:
    simulator = Simulator(now=virtual_now)
    sandbox = simulator.world.sandboxes[0]
    row = {"id": A_UUID, "event_type": "tab_attached", "payload": {}, "created_at": "2026-11-20T10:00:00+00:00"}
    sandbox.lifecycle_events = [{**row} for _ in range(events)][:200]
    async with connected_client(simulator) as client:
        text = text_of(await answer(client, "get_sandbox_logs", sandbox_id=sandbox.id, log="lifecycle"))
    assert ("has 199 lines." in text) == is_all
    assert ("has 200 lines or more" in text) == (not is_all)
    assert ("The API returns the oldest 200 events" in text) == (not is_all)


async def test_a_sandbox_that_cannot_be_created_without_github_names_what_to_connect() -> None:
    def refused(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            repos = [{"id": A_UUID, "full_name": "acme/web", "default_branch": "main"}]
            return httpx2.Response(200, json={"ok": True, "data": {"repos": repos}})
        fault = {"code": "BAD_REQUEST", "message": "Connect GitHub account first"}
        return httpx2.Response(400, json={"ok": False, "error": fault})

    async with connected_client(transport=Unreachable(refused)) as client:
        text = await error(client, "create_sandbox", repo="acme/web")
    assert "GitHub has to be connected on the Mogplex web page first." in text
    assert "again" not in text
