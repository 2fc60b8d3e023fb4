"""Metrics: what is counted, under labels from closed sets, on a port of their own, and nothing unless asked for."""

import contextlib
import re
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from prometheus_client.parser import text_string_to_metric_families

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.metrics import NO_METRICS
from mogplex_mcp.core.readiness import Readiness
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.server.app import tool_names
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.simulator.faults import Fault, FaultKind
from mogplex_mcp.transports.http import serving
from mogplex_mcp.transports.http.metrics import PrometheusRecorder
from mogplex_mcp.transports.http.serving import create_app
from tests.server.support import start
from tests.transports.http.support import PATIENCE, served
from tests.transports.processes import lines, process

pytestmark = pytest.mark.anyio

# What a caller chooses; none may be in a label.
CHOSEN = {"repo": "acme/web", "prompt": "Nightingale-prompt"}
MADE_UP = "made_up_tool_of_a_caller"


class Measured:
    """A server with metrics, a client of it, and the simulated Mogplex."""

    def __init__(self) -> None:
        self.simulator = Simulator(run_seconds=5)
        self.recorder = PrometheusRecorder(Readiness(Shutdown()))
        self.client: Client | None = None
        self.address = ""

    async def text(self) -> str:
        transport = httpx2.ASGITransport(self.recorder)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:9464") as http:
            return (await http.get("/metrics")).text

    async def value(self, name: str, **labels: str) -> float:
        """The sum of all samples of a name that have these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(await self.text())
            for sample in family.samples
            if sample.name == f"mogplex_mcp_{name}" and labels.items() <= sample.labels.items()
        )

    async def call(self, tool: str, **arguments: Any) -> Any:
        assert self.client is not None
        return await self.client.call_tool(tool, arguments)


@pytest.fixture
async def measured() -> AsyncIterator[Measured]:
    one = Measured()
    app = create_app(Settings(), transport=one.simulator.transport(), recorder=one.recorder)
    async with (
        served(app) as one.address,
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {DEMO_TOKEN}"}, timeout=30) as http,
        Client(streamable_http_client(f"http://{one.address}/mcp", http_client=http)) as one.client,
    ):
        yield one


async def test_metrics_count_calls_by_tool_and_outcome(measured: Measured) -> None:
    await measured.call("list_repos")
    await measured.call("get_run", run_id="not an id")
    with pytest.raises(MCPError):
        await measured.call(MADE_UP)
    assert await measured.value("tool_calls_total", tool="list_repos", outcome="ok") == 1
    assert await measured.value("tool_calls_total", tool="get_run", outcome="invalid_argument") == 1
    assert await measured.value("tool_calls_total", tool="other", outcome="unknown_tool") == 1
    assert await measured.value("tool_call_seconds_count", tool="list_repos") == 1
    assert 0 < await measured.value("tool_call_seconds_sum", tool="list_repos") < PATIENCE


async def test_metrics_count_attempts_at_mogplex_by_route_and_status(measured: Measured) -> None:
    assert measured.client is not None
    run_id = await start(measured.client, CHOSEN["prompt"])
    measured.simulator.faults.add(Fault(FaultKind.HTML_502, "GET", "/runs/*/events"))
    await measured.call("get_run", run_id=run_id)
    assert await measured.value("api_requests_total", route="POST /runs", status="202") == 1
    assert await measured.value("api_requests_total", route="GET /runs/{id}/events", status="502") == 1
    assert await measured.value("api_requests_total", route="GET /runs/{id}/events", status="200") == 1
    assert await measured.value("api_request_seconds_count", route="POST /runs") == 1
    assert await measured.value("budget_units_total", use="call") >= 2


async def test_metrics_count_requests_without_a_response_by_why(measured: Measured) -> None:
    measured.simulator.faults.add(Fault(FaultKind.REFUSED, "GET", "/sandboxes", times=None))
    await measured.call("list_sandboxes")
    assert await measured.value("api_requests_total", route="GET /sandboxes", status="failed") >= 1


async def test_metrics_count_waits_and_watched_runs_while_they_last(measured: Measured) -> None:
    assert measured.client is not None
    run_id = await start(measured.client, CHOSEN["prompt"])
    async with anyio.create_task_group() as waiting:
        for _ in range(2):
            waiting.start_soon(lambda: measured.call("tail_run", run_id=run_id))
        with anyio.fail_after(PATIENCE):
            while await measured.value("waits") < 2:
                await anyio.lowlevel.checkpoint()
        assert await measured.value("runs_watched") == 1
    assert await measured.value("waits") == 0
    assert await measured.value("runs_watched") == 0


async def test_metrics_count_writes_to_the_ledger(measured: Measured) -> None:
    assert measured.client is not None
    await start(measured.client, CHOSEN["prompt"])
    for operation in ("begin", "settle"):
        assert await measured.value("ledger_writes_total", operation=operation, outcome="ok") == 1
        assert await measured.value("ledger_write_seconds_count", operation=operation) == 1


async def test_metrics_count_http_requests_that_never_reach_a_tool(measured: Measured) -> None:
    async with httpx2.AsyncClient(base_url=f"http://{measured.address}") as http:
        await http.post("/mcp", json={})
        await http.get("/made/up?by=caller")
        await http.request("MADEUP", "/healthz")
    assert await measured.value("http_requests_total", path="/mcp", status="401") == 1
    assert await measured.value("http_requests_total", path="other", status="404") == 1
    assert await measured.value("http_requests_total", path="/healthz", method="other", status="405") == 1


async def test_metrics_have_no_text_of_a_caller_in_a_label(measured: Measured) -> None:
    assert measured.client is not None
    run_id = await start(measured.client, CHOSEN["prompt"])
    await measured.call("get_run", run_id=run_id)
    await measured.call("list_repos", query="Nightingale-repo")
    await measured.call("call_hosted_tool", name="Nightingale-hosted", arguments={})
    await measured.call("get_run", run_id="Nightingale-id")
    with pytest.raises(MCPError):
        await measured.call(MADE_UP)
    async with httpx2.AsyncClient(base_url=f"http://{measured.address}") as http:
        await http.request("NIGHTINGALE", f"/mcp/{DEMO_TOKEN}?token={DEMO_TOKEN}")
    text = await measured.text()
    for chosen in (DEMO_TOKEN, "ightingale", "NIGHTINGALE", "acme", run_id, MADE_UP):
        assert chosen not in text
    # Closed sets: tools, codes, templates, paths.
    labels = {
        (name, value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("mogplex_mcp")
        for name, value in sample.labels.items()
    }
    assert {value for name, value in labels if name == "tool"} <= tool_names(Settings()) | {"other"}
    for name, value in labels:
        expected = r"[A-Z]+ (/[a-z-]+|/\{id\})+|other" if name == "route" else r"[A-Za-z0-9_./+-]{1,40}"
        assert re.fullmatch(expected, value), (name, value)


async def test_metrics_are_served_at_one_path_by_get_only(measured: Measured) -> None:
    transport = httpx2.ASGITransport(measured.recorder)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:9464") as http:
        assert (await http.get("/")).status_code == 404
        assert (await http.post("/metrics")).status_code == 405
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "mogplex_mcp_build_info" in answer.text
    # Not where callers are: behind a proxy on this machine, all of them have a loopback address.
    async with httpx2.AsyncClient(base_url=f"http://{measured.address}") as http:
        assert (await http.get("/metrics")).status_code == 404


@pytest.mark.skipif(sys.platform == "win32", reason="reads the addresses from a pipe while the process runs")
def test_metrics_port_serves_metrics_of_the_process_on_loopback(tmp_path: Path) -> None:
    with process(tmp_path, "http", "--demo", "--port", "0", "--metrics-port", "0") as running:
        mcp = re.search(r"http://(\S+)/mcp", lines(running.stderr).readline())
        metrics = re.search(r"http://(127\.0\.0\.1:\d+)/metrics", lines(running.stderr).readline())
        assert mcp
        assert metrics
        httpx2.get(f"http://{mcp.group(1)}/readyz", timeout=PATIENCE)
        text = httpx2.get(metrics.group(), timeout=PATIENCE).text
        assert 'mogplex_mcp_http_requests_total{method="GET",path="/readyz",status="200"} 1.0' in text
        assert "mogplex_mcp_ready 1.0" in text
        # A page in a browser of this machine, after DNS rebinding.
        assert httpx2.get(metrics.group(), headers={"Host": "evil.example"}, timeout=PATIENCE).status_code == 421


def test_metrics_port_in_use_is_reported_with_its_flag(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with process(tmp_path, "http", "--demo", "--port", "0", "--metrics-port", port) as running:
            assert "--metrics-port" in lines(running.stderr).read()
            assert running.wait(timeout=30) == 1


def test_metrics_without_the_library_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mogplex_mcp.transports.http.metrics", None)
    readiness = Readiness(Shutdown())
    assert serving._recorder(Settings(), readiness) is None
    with pytest.raises(ValueError, match=r"mogplex-mcp\[metrics\]"):
        serving._recorder(Settings(metrics_port=0), readiness)


def test_recording_nothing_costs_a_call_less_than_some_microseconds() -> None:
    began = time.perf_counter()
    for _ in range(10_000):
        time.perf_counter()
        with NO_METRICS.waiting(measured):
            NO_METRICS.budget_spent(1, watching=False)
        NO_METRICS.tool_called("list_repos", "ok", time.perf_counter())
    # 1 µs on an idle machine.
    assert (time.perf_counter() - began) / 10_000 < 20e-6


async def test_metrics_are_those_of_the_page(measured: Measured) -> None:
    page = (Path(__file__).parents[3] / "docs" / "deploying.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`mogplex_mcp_(\w+)`", page))
    families = [one for one in text_string_to_metric_families(await measured.text()) if "mogplex_mcp_" in one.name]
    endings = {"counter": "_total", "info": "_info"}
    suffixes = {one.name.removeprefix("mogplex_mcp_"): endings.get(one.type, "") for one in families}
    assert described == {name + suffixes[name] for name in suffixes}


async def test_without_metrics_nothing_observes_requests() -> None:
    app = create_app(Settings(), transport=Simulator().transport())
    assert type(app).__name__ == "AddressCheck"


async def test_metrics_keep_the_requests_of_a_cancelled_client(measured: Measured) -> None:
    assert measured.client is not None
    run_id = await start(measured.client, CHOSEN["prompt"])
    with contextlib.suppress(TimeoutError), anyio.fail_after(0.5):
        await measured.call("tail_run", run_id=run_id)
    with anyio.fail_after(PATIENCE):
        while await measured.value("waits") or not await measured.value("tool_calls_total", tool="tail_run"):
            await anyio.lowlevel.checkpoint()
    assert await measured.value("tool_calls_total", tool="tail_run", outcome="cancelled") == 1
