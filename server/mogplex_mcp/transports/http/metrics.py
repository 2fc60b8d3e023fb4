"""Metrics for Prometheus, on a port of their own: behind a proxy on this machine, every caller of MCP has its address.

Labels have values from closed sets: names of tools, codes, route templates. None has a token, an id or other text of a
caller.
"""

import contextlib
from collections import Counter as Counts
from collections.abc import Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import Receive, Scope, Send

from mogplex_mcp import __version__
from mogplex_mcp.core.readiness import Readiness
from mogplex_mcp.transports.http.observation import Observed
from mogplex_mcp.transports.http.refusals import METRICS_PATH, Refusal, refuse, respond

_QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class PrometheusRecorder:
    """The `Recorder` of a process that serves metrics.

    Args:
        readiness: The readiness of the process.
    """

    def __init__(self, readiness: Readiness) -> None:
        # The time of the first event of each counter, as a metric more.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no annotation for it
        self._registry = CollectorRegistry()
        self._waits: Counts[object] = Counts()
        registry = self._registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        Info("mogplex_mcp_build", "The release.", registry=registry).info({"version": __version__})
        self._calls = Counter("mogplex_mcp_tool_calls", "Calls of tools.", ["tool", "outcome"], registry=registry)
        self._call_seconds = Histogram(
            "mogplex_mcp_tool_call_seconds", "Duration of calls.", ["tool"], buckets=_SLOW, registry=registry
        )
        self._requests = Counter(
            "mogplex_mcp_api_requests", "Requests to Mogplex.", ["route", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "mogplex_mcp_api_request_seconds",
            "Time until Mogplex responds.",
            ["route"],
            buckets=_SLOW,
            registry=registry,
        )
        self._units = Counter(
            "mogplex_mcp_budget_units", "Units of the rate limits of tokens that were used.", ["use"], registry=registry
        )
        self._writes = Counter(
            "mogplex_mcp_ledger_writes", "Writes to the ledger.", ["operation", "outcome"], registry=registry
        )
        self._write_seconds = Histogram(
            "mogplex_mcp_ledger_write_seconds", "Duration of writes.", ["operation"], buckets=_QUICK, registry=registry
        )
        self._responses = Counter(
            "mogplex_mcp_http_requests", "HTTP requests.", ["path", "method", "status"], registry=registry
        )
        self._response_seconds = Histogram(
            "mogplex_mcp_http_request_seconds",
            "Time until a response ends.",
            ["path"],
            buckets=_SLOW,
            registry=registry,
        )
        waits = Gauge("mogplex_mcp_waits", "Calls and subscriptions that wait for news.", registry=registry)
        waits.set_function(self._waits.total)
        watched = Gauge("mogplex_mcp_runs_watched", "Runs that something waits for.", registry=registry)
        watched.set_function(lambda: len(self._waits))
        ready = Gauge("mogplex_mcp_ready", "Whether /readyz responded with 200 the last time.", registry=registry)
        ready.set_function(lambda: float(readiness.was_ready))

    def tool_called(self, tool: str, outcome: str, seconds: float) -> None:
        """See `Recorder.tool_called`."""
        self._calls.labels(tool, outcome).inc()
        self._call_seconds.labels(tool).observe(seconds)

    def api_requested(self, route: str, status: str, seconds: float) -> None:
        """See `Recorder.api_requested`."""
        self._requests.labels(route, status).inc()
        self._request_seconds.labels(route).observe(seconds)

    def budget_spent(self, units: int, *, watching: bool) -> None:
        """See `Recorder.budget_spent`."""
        self._units.labels("polling" if watching else "call").inc(units)

    @contextlib.contextmanager
    def waiting(self, run: object) -> Iterator[None]:
        """See `Recorder.waiting`."""
        self._waits[run] += 1
        try:
            yield
        finally:
            self._waits[run] -= 1
            if not self._waits[run]:
                del self._waits[run]

    def ledger_written(self, operation: str, outcome: str, seconds: float) -> None:
        """See `Recorder.ledger_written`."""
        self._writes.labels(operation, outcome).inc()
        self._write_seconds.labels(operation).observe(seconds)

    def responded(self, observed: Observed) -> None:
        """Record an HTTP request."""
        self._responses.labels(observed.path, observed.method, str(observed.status or "none")).inc()
        self._response_seconds.labels(observed.path).observe(observed.seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the metrics."""
        del receive
        if scope["path"] != METRICS_PATH:
            await refuse(scope, send, Refusal(404, "not_found", f"Metrics are at {METRICS_PATH}."))
        elif scope["method"] not in ("GET", "HEAD"):
            refusal = Refusal(405, "only_get", "Metrics are read by GET.", {"allow": "GET, HEAD"})
            await refuse(scope, send, refusal)
        else:
            headers = {"cache-control": "no-store"}
            await respond(send, 200, CONTENT_TYPE_LATEST, generate_latest(self._registry), headers)
