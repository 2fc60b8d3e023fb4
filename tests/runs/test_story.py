"""Whole stories as a model lives them: start, follow, look back, through MCP in both protocol eras."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult, TextContent

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.operations.runs import RunDetails
from mogplex_mcp.runs.outcome import read_outcome
from mogplex_mcp.runs.watch import Snapshot
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, SCRIPTS, Fault, FaultKind, Faults, RunScript, Simulator, Step
from mogplex_mcp.tools.run_replies import details_reply
from tests.runs.support import a_run, count, simulated, started_runs
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

MOST_TRIES = 15


@asynccontextmanager
async def a_client(simulator: Simulator, *, mode: Any = "auto", **choices: Any) -> AsyncIterator[Client]:
    settings = Settings(base_url=DEFAULT_BASE_URL, api_key=Secret(DEMO_TOKEN), **choices)
    async with Client(create_server(settings, transport=simulator.transport(), now=virtual_now), mode=mode) as client:
        yield client


def text_of(result: CallToolResult) -> str:
    block, *_ = result.content
    assert isinstance(block, TextContent)
    return block.text


def facts(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text_of(result)
    content: dict[str, Any] | None = result.structured_content
    assert content is not None
    return content


class Model:
    """Calls tools as replies advise: the next call as spelled out, and the same call after an error."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.answers: list[CallToolResult] = []

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        for _ in range(MOST_TRIES):
            result = await self._client.call_tool(name, arguments)
            self.answers.append(result)
            if not result.is_error:
                return facts(result)
            await anyio.sleep(20)
        pytest.fail(f"{name}: {text_of(result)}")

    async def start_and_follow(self, prompt: str = "fix the flaky test") -> tuple[str, dict[str, Any]]:
        started = await self.call("start_run", repo="acme/web", prompt=prompt)
        step = started["next_steps"][0]
        while True:
            news = await self.call(step["tool"], **step["arguments"])
            following = [one for one in news.get("next_steps", []) if one["tool"] == "tail_run"]
            if not following:
                return started["run_id"], news
            (step,) = following

    def tokens(self, *, structured: bool) -> float:
        texts = (
            json.dumps(one.structured_content, ensure_ascii=False, separators=(",", ":"))
            if structured
            else text_of(one)
            for one in self.answers
        )
        return sum(map(len, texts)) / 4


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_run_is_started_followed_to_pull_request_and_listed(mode: str) -> None:
    simulator = simulated(120)
    async with a_client(simulator, mode=mode) as client:
        model = Model(client)
        run_id, news = await model.start_and_follow()
        assert (news["run_id"], news["status"]) == (run_id, "success")
        assert news["pull_request"].startswith("https://github.com/acme/web/pull/")
        assert (await model.call("get_run"))["run_id"] == run_id
        listed = (await model.call("list_runs"))["runs"]
        assert [(row["run_id"], row["status"]) for row in listed] == [(run_id, "success")]
        assert (await model.call("cancel_run", run_id=run_id))["already_terminal"]


async def test_ten_minutes_cost_at_most_16_calls_3000_tokens_and_80_requests() -> None:
    simulator = simulated(600)
    async with a_client(simulator) as client:
        model = Model(client)
        await model.start_and_follow()
    assert len(model.answers) <= 16
    assert model.tokens(structured=False) <= 3_000
    assert model.tokens(structured=True) <= 3_000
    assert count(simulator, "GET", "/events") <= 80
    assert len(simulator.requests) <= 82


class FaultOfOneRequest(Faults):
    """Lets the nth request fail, whatever it is."""

    def __init__(self, fault: Fault, nth: int) -> None:
        super().__init__()
        self._fault = fault
        self.before = nth - 1

    def take(self, _method: str, _path: str) -> Fault | None:
        self.before -= 1
        return self._fault if self.before == -1 else None


async def story_with_a_fault(kind: FaultKind, nth: int) -> bool:
    """One story in which one request fails; whether there was such a request."""
    simulator = simulated(40)
    simulator.faults = faults = FaultOfOneRequest(Fault(kind, seconds=30 if kind is FaultKind.SLOW else 2), nth)
    async with a_client(simulator) as client:
        model = Model(client)
        run_id, news = await model.start_and_follow()
        listed = (await model.call("list_runs"))["runs"]
        assert started_runs(simulator) == [run_id]
        assert (news["run_id"], [row["run_id"] for row in listed]) == (run_id, [run_id])
        run = simulator.world.runs[run_id]
        # What a queue that hung has taken never runs.
        assert news["status"] == (run.ended or ("success" if run.runtime_run_id else "pending"))
    return faults.before < 0


@pytest.mark.parametrize("kind", list(FaultKind))
async def test_any_failing_request_still_leads_to_exactly_one_run(kind: FaultKind) -> None:
    nth = 1
    while await story_with_a_fault(kind, nth):
        nth += 1
    assert nth > 10


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_timeout_is_not_an_error_and_spells_out_next_call(mode: str) -> None:
    simulator = simulated(600)
    async with a_client(simulator, mode=mode, max_wait=20) as client:
        run_id = facts(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "x"}))["run_id"]
        began = anyio.current_time()
        news = facts(await client.call_tool("tail_run", {}))
        assert anyio.current_time() - began == pytest.approx(20, abs=0.01)
    assert "Still running on Mogplex" in news["summary"]
    assert "Do not start it again" in news["summary"]
    (step,) = news["next_steps"]
    assert (step["tool"], step["arguments"]) == ("tail_run", {"run_id": run_id, "cursor": news["cursor"]})


async def test_deadline_counts_from_arrival() -> None:
    simulator = simulated(600)
    async with a_client(simulator, max_wait=4) as client:
        run_id = facts(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "x"}))["run_id"]
        simulator.faults.add(Fault(FaultKind.SLOW, times=None, seconds=2.5))
        for _ in range(3):
            began = anyio.current_time()
            await client.call_tool("tail_run", {"run_id": run_id})
            assert anyio.current_time() - began == pytest.approx(4, abs=0.01)


async def test_progress_increases_and_quotes_no_untrusted_text() -> None:
    simulator = simulated(60)
    reported: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del total
        reported.append((progress, message))

    async with a_client(simulator) as client:
        await client.call_tool("start_run", {"repo": "acme/web", "prompt": "x"})
        await client.call_tool("tail_run", {}, progress_callback=hear)
    numbers = [progress for progress, _ in reported]
    assert len(reported) >= 6
    assert numbers == sorted(set(numbers))
    assert not any("Harness" in (message or "") or "Synced" in (message or "") for _, message in reported)


async def test_cancelled_call_ends_wait_but_not_run() -> None:
    simulator = simulated(600)
    async with a_client(simulator) as client:
        run_id = facts(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "x"}))["run_id"]
        with anyio.move_on_after(10):
            await client.call_tool("tail_run", {})
        await anyio.sleep(1)
        asked = len(simulator.requests)
        await anyio.sleep(60)
        assert len(simulator.requests) == asked
        await anyio.sleep(60)
        assert facts(await client.call_tool("get_run", {}))["status"] == "streaming"
    assert simulator.world.runs[run_id].ended is None
    assert count(simulator, "POST", "/cancel") == 0


@pytest.mark.parametrize(
    ("cursor", "says"),
    [("nonsense!", "a cursor of this server"), ("AgAAAAAA", "missing or was changed"), ("of another", "another run")],
)
async def test_invalid_cursor_is_reported_with_advice(cursor: str, says: str) -> None:
    simulator = simulated(600)
    async with a_client(simulator, max_wait=5) as client:
        facts(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "a"}))
        other = facts(await client.call_tool("tail_run", {}))["cursor"]
        run_id = facts(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "b"}))["run_id"]
        cursor = other if cursor == "of another" else cursor
        result = await client.call_tool("tail_run", {"run_id": run_id, "cursor": cursor})
    assert result.is_error
    assert says in text_of(result)
    assert "leave it out" in text_of(result)


async def test_unconfirmed_start_says_that_retry_is_safe() -> None:
    simulator = simulated(600)
    simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", times=3))
    arguments = {"repo": "acme/web", "prompt": "x"}
    async with a_client(simulator) as client:
        lost = await client.call_tool("start_run", arguments)
        assert lost.is_error
        assert "not known whether" in text_of(lost)
        assert "same arguments" in text_of(lost)
        for name in ("tail_run", "get_run"):
            nameless = await client.call_tool(name, {})
            assert "start_run again with the same arguments" in text_of(nameless)
        rows = facts(await client.call_tool("list_runs", {}))
        assert [row["status"] for row in rows["runs"]] == ["fate unknown"]
        again = facts(await client.call_tool("start_run", arguments))
    assert again["replayed"] is True
    assert started_runs(simulator) == [again["run_id"]]


async def test_a_run_that_was_never_queued_is_explained_when_it_is_started_again() -> None:
    simulator = simulated(600)
    simulator.plan("stuck_pending")
    arguments = {"repo": "acme/web", "prompt": "x"}
    async with a_client(simulator) as client:
        await client.call_tool("start_run", arguments)
        await anyio.sleep(240)
        again = facts(await client.call_tool("start_run", arguments))
    assert "it will not run" in " ".join(again["notes"])
    assert again["next_steps"][0]["tool"] == "cancel_run"


async def test_without_journal_forced_starts_are_refused_and_reads_work(tmp_path: Path) -> None:
    simulator = simulated(600)
    async with a_client(simulator) as client:
        run_id = facts(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "x"}))["run_id"]
    async with a_client(simulator, state_file=tmp_path, max_wait=5) as client:
        refused = await client.call_tool("start_run", {"repo": "acme/web", "prompt": "y", "force_new": True})
        assert refused.is_error
        assert "Nothing was sent" in text_of(refused)
        for name in ("tail_run", "get_run", "cancel_run"):
            assert facts(await client.call_tool(name, {"run_id": run_id}))["run_id"] == run_id
        assert "give run_id" in text_of(await client.call_tool("get_run", {}))
    assert started_runs(simulator) == [run_id]
    async with a_client(simulator, state_file=tmp_path, without_journal=True) as client:
        assert facts(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "y"}))["run_id"] != run_id


async def test_run_list_has_filters_live_state_and_other_runs() -> None:
    simulator = simulated(300)
    elsewhere = next(run.id for run in simulator.world.runs.values() if run.full_name == "acme/web")
    async with a_client(simulator) as client:
        first = facts(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "a"}))["run_id"]
        await anyio.sleep(400)
        second = facts(await client.call_tool("start_run", {"repo": "acme/api", "prompt": "b"}))["run_id"]
        await client.call_tool("get_run", {"run_id": elsewhere})

        async def listed(**filters: Any) -> list[str]:
            rows = facts(await client.call_tool("list_runs", filters)).get("runs", [])
            return [row["run_id"] for row in rows]

        assert (await listed(max_age_hours=2_160))[:2] == [second, first]
        assert elsewhere in await listed(max_age_hours=2_160)
        assert await listed(repo="acme/api") == [second]
        assert await listed(status="success", max_age_hours=1) == [first]
        assert await listed(status="open") == [second]
        assert (await listed(limit=1)) == [second]


@pytest.mark.parametrize("name", sorted(SCRIPTS))
async def test_every_script_ends_with_its_outcome(name: str) -> None:
    simulator = simulated(120)
    simulator.plan(name)
    async with a_client(simulator, max_wait=3_600) as client:
        _, news = await Model(client).start_and_follow()
    assert news["status"] in ("success", "failed", "cancelled", "pending")
    if news["status"] == "pending":
        assert news.get("stale") or "it will not run" in news["summary"]
    if name == "many_events":
        assert news["truncated_upstream"] is True
        assert "cannot be read" in news["summary"]


async def test_outdated_state_says_its_age() -> None:
    now = datetime.fromtimestamp(virtual_now(), UTC)
    outcome = read_outcome(a_run(), [], repo="", now=now)
    snapshots = [Snapshot(a_run(), (), virtual_now() - age, 1, settled=False) for age in (10, 90)]
    fresh, old = (
        details_reply(
            RunDetails(snapshot, outcome, [], repo="acme/web"), now=now, base_url="https://mogplex.com/api/v1"
        ).notes
        for snapshot in snapshots
    )
    assert not fresh
    assert "90 s ago" in old[0] or "2 min ago" in old[0]


async def test_get_run_shows_newest_events_and_how_to_get_others() -> None:
    simulator = Simulator(now=virtual_now, run_seconds=60)
    steps = (Step(n / 100, type="log", message="x" * 200, payload={"stage": f"step{n}"}) for n in range(99))
    simulator.plan(RunScript("talkative", (*steps, Step(1.0, status="success"))))
    async with a_client(simulator) as client:
        started = facts(await client.call_tool("start_run", {"repo": "acme/web", "prompt": "Say much."}))
        await anyio.sleep(100)
        looked = facts(await client.call_tool("get_run", {"run_id": started["run_id"]}))
        events: list[str] = []
        cursor = ""
        while not events or cursor:
            news = facts(await client.call_tool("tail_run", {"cursor": cursor}))
            events += news["untrusted"]["events"]
            cursor = news.get("cursor", "")
    shown = looked["untrusted"]["events"]
    assert 1 < len(shown) < len(events)
    assert shown == events[-len(shown) :]
    assert f"{len(events) - len(shown)} earlier events are left out" in "".join(looked["notes"])
