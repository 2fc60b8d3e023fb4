"""What the SDK tells OpenTelemetry of a call: its name and its outcome, and nothing that anybody said."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mcp_types
import pytest
from mcp import Client
from mcp.server import Server
from mcp.server._otel import OpenTelemetryMiddleware
from mcp.shared.exceptions import MCPError
from opentelemetry.trace import NonRecordingSpan, NoOpTracerProvider, ProxyTracerProvider, SpanContext, TraceFlags

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.server import tracing
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, Fault, FaultKind, Simulator
from mogplex_mcp.tenants.services import Services

pytestmark = pytest.mark.anyio


class Span(NonRecordingSpan):
    """A span that writes down all that it is told."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1)))
        self._told = told

    def set_attribute(self, key: str, value: Any) -> None:
        self._told.append(f"{key}={value}")

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self._told.append(str(attributes))

    def record_exception(self, exception: BaseException, *args: Any, **more: Any) -> None:
        self._told.append(repr(exception))

    def set_status(self, status: Any, description: str | None = None) -> None:
        self._told.append(f"{status} {description}")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that spans were told."""
    told: list[str] = []

    @contextmanager
    def span(*, name: str, attributes: Mapping[str, Any], **_: Any) -> Iterator[Span]:
        told.extend([name, str(attributes)])
        yield Span(told)

    monkeypatch.setattr("mcp.server._otel.otel_span", span)
    monkeypatch.setattr("mogplex_mcp.server.tracing.get_tracer_provider", NoOpTracerProvider)
    return told


def server_of(simulator: Simulator) -> Server[Services]:
    return create_server(Settings(api_key=Secret(DEMO_TOKEN)), transport=simulator.transport())


def is_tracing(middleware: object) -> bool:
    return isinstance(middleware, (OpenTelemetryMiddleware, tracing._Redacted))


async def test_no_spans_are_made_without_a_tracer_provider() -> None:
    assert not any(is_tracing(one) for one in server_of(Simulator()).middleware)


@pytest.mark.parametrize("with_provider", [True, False])
async def test_redact_spans_keeps_other_middleware(*, with_provider: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def first(ctx: Any, call_next: Any) -> Any:
        return await call_next(ctx)

    async def last(ctx: Any, call_next: Any) -> Any:
        return await call_next(ctx)

    provider = NoOpTracerProvider if with_provider else ProxyTracerProvider
    monkeypatch.setattr("mogplex_mcp.server.tracing.get_tracer_provider", provider)
    server: Server[Any] = Server("test")
    (traced,) = server.middleware
    assert isinstance(traced, OpenTelemetryMiddleware)
    server.middleware[:] = [first, traced, last]
    tracing.redact_spans(server, ())
    assert [one for one in server.middleware if not is_tracing(one)] == [first, last]
    assert [is_tracing(one) for one in server.middleware] == ([False, True, False] if with_provider else [False] * 2)
    assert traced not in server.middleware


async def test_spans_hold_neither_the_token_nor_arguments_nor_answers(told: list[str]) -> None:
    async with Client(server_of(Simulator())) as client:
        await client.call_tool("start_run", {"repo": "acme/web", "prompt": "Project Nightingale."})
        await client.call_tool("start_run", {"repo": "nightingale/none", "prompt": "Project Nightingale."})
        await client.call_tool("list_runs", {"nightingale": 1})
    assert any("start_run" in one for one in told)
    assert "tool_error" in str(told)
    assert "ightingale" not in str(told)
    assert "mog_" not in str(told)


async def test_span_of_a_failed_read_holds_only_the_code(told: list[str]) -> None:
    simulator = Simulator()
    simulator.faults.add(Fault(FaultKind.JSON_500, times=None, message="Project Nightingale."))
    async with Client(server_of(simulator)) as client:
        with pytest.raises(MCPError, match="Nightingale"):
            await client.read_resource("mogplex://repos")
        with pytest.raises(MCPError, match="nightingale"):
            await client.read_resource("mogplex://nightingale")
    assert str(mcp_types.INTERNAL_ERROR) in str(told)
    assert "resources/read" in told
    assert "ightingale" not in str(told)


async def test_unknown_names_are_in_no_span(told: list[str]) -> None:
    async with Client(server_of(Simulator())) as client:
        with pytest.raises(MCPError):
            await client.call_tool("nightingale", {})
        with pytest.raises(MCPError):
            await client.get_prompt("nightingale")
    assert "tools/call" in told
    assert "ightingale" not in str(told)


async def test_internal_error_text_is_in_no_span(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("Project Nightingale.")

    server = server_of(Simulator())
    async with Client(server) as client:
        monkeypatch.setattr("mogplex_mcp.server.resources.offered_resources", fail)
        with pytest.raises(MCPError):
            await client.read_resource("mogplex://repos")
    assert "ightingale" not in str(told)
