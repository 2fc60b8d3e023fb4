"""OpenTelemetry spans: those of the SDK, without text of clients, of Mogplex or of runs."""

from collections.abc import Callable, Container
from dataclasses import replace
from typing import Any, Final

import mcp_types
from mcp.server import Server
from mcp.server._otel import OpenTelemetryMiddleware
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider
from pydantic import ValidationError

_Context = ServerRequestContext[Any, Any]

_OTHER: Final = "other"
_WITHOUT_HANDLER: Final = frozenset({"initialize", "notifications/initialized"})


def redact_spans(server: Server[Any], names: Container[str]) -> None:
    """Replace the SDK's tracing middleware, which `Server` installs, by one that sees no text.

    Where no tracer provider is set, spans would go nowhere, and it is removed (the SDK's way to opt out). All other
    middleware stays.

    Args:
        server: The server, with all its handlers.
        names: The names of tools and prompts that may appear in a span.
    """

    def is_known(method: str) -> bool:
        handlers = server.get_request_handler(method), server.get_notification_handler(method)
        return any(handlers) or method in _WITHOUT_HANDLER

    def redact(context: _Context) -> _Context:
        name = (context.params or {}).get("name")
        known = isinstance(name, str) and name in names
        return replace(
            context,
            method=context.method if is_known(context.method) else _OTHER,
            params={"name": name} if known else {},
            # A number is harmless; an id that is text can hold anything.
            request_id=0 if isinstance(context.request_id, str) else context.request_id,
        )

    is_traced = not isinstance(get_tracer_provider(), ProxyTracerProvider)
    server.middleware[:] = [
        _Redacted(one, redact) if isinstance(one, OpenTelemetryMiddleware) else one
        for one in server.middleware
        if is_traced or not isinstance(one, OpenTelemetryMiddleware)
    ]


class _Redacted:
    """A middleware that sees a redacted message, and of a failure only its code."""

    def __init__(self, middleware: ServerMiddleware[Any], redact: Callable[[_Context], _Context]) -> None:
        self._middleware = middleware
        self._redact = redact

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        failure: Exception | None = None

        async def call_with_original(_: _Context) -> HandlerResult:
            nonlocal failure
            try:
                return await call_next(ctx)
            except Exception as error:  # noqa: BLE001 - raised again below
                failure = error
                code = error.error.code if isinstance(error, MCPError) else mcp_types.INTERNAL_ERROR
                if isinstance(error, ValidationError):
                    code = mcp_types.INVALID_PARAMS
                raise MCPError(code, "") from None

        try:
            return await self._middleware(self._redact(ctx), call_with_original)
        except MCPError as error:
            raise failure or error from None
