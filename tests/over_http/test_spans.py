"""What the SDK tells OpenTelemetry of a call: its name and its outcome, and nothing that anybody said."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from mcp import Client
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from mogplex_mcp.app import create_server
from mogplex_mcp.secret import Secret
from mogplex_mcp.settings import Settings
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator

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


async def test_spans_hold_neither_the_token_nor_arguments_nor_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    @contextmanager
    def span(*, name: str, attributes: Mapping[str, Any], **_: Any) -> Iterator[Span]:
        told.extend([name, str(attributes)])
        yield Span(told)

    monkeypatch.setattr("mcp.server._otel.otel_span", span)
    server = create_server(Settings(api_key=Secret(DEMO_TOKEN)), transport=Simulator().transport())
    async with Client(server) as client:
        await client.call_tool("start_run", {"repo": "acme/web", "prompt": "Project Nightingale."})
        await client.call_tool("start_run", {"repo": "nightingale/none", "prompt": "Project Nightingale."})
        await client.call_tool("list_runs", {"nightingale": 1})
    assert any("start_run" in one for one in told)
    assert "tool_error" in str(told)
    assert "ightingale" not in str(told)
    assert "mog_" not in str(told)
