"""What OpenTelemetry is told of a message: the SDK's own spans, without a word that anybody said."""

from collections.abc import Callable, Container
from dataclasses import replace
from typing import Any, Final

import mcp_types
from mcp.server import Server
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider
from pydantic import ValidationError

_Context = ServerRequestContext[Any, Any]

_OTHER: Final = "other"
_WITHOUT_HANDLER: Final = frozenset({"initialize", "notifications/initialized"})


def redact_spans(server: Server[Any], names: Container[str]) -> None:
    """Let the server's middleware, which makes the spans, see no text of clients, of Mogplex or of runs.

    Where no provider of tracers is set by now, the spans would be for nobody, and there is no middleware.

    Args:
        server: The server, with all that it offers.
        names: The names of tools and prompts that may stand in a span.
    """

    def is_known(method: str) -> bool:
        handlers = server.get_request_handler(method), server.get_notification_handler(method)
        return any(handlers) or method in _WITHOUT_HANDLER

    def wordless(context: _Context) -> _Context:
        name = (context.params or {}).get("name")
        known = isinstance(name, str) and name in names
        return replace(
            context,
            method=context.method if is_known(context.method) else _OTHER,
            params={"name": name} if known else {},
            # A number tells nothing; a client that writes text there may write what it likes.
            request_id=0 if isinstance(context.request_id, str) else context.request_id,
        )

    nobody_listens = isinstance(get_tracer_provider(), ProxyTracerProvider)
    server.middleware[:] = [] if nobody_listens else [_Wordless(one, wordless) for one in server.middleware]


class _Wordless:
    """A middleware that is shown another message than the one that goes on, and no reason of a failure."""

    def __init__(self, middleware: ServerMiddleware[Any], wordless: Callable[[_Context], _Context]) -> None:
        self._middleware = middleware
        self._wordless = wordless

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        failed: Exception | None = None

        async def go_on(_: _Context) -> HandlerResult:
            nonlocal failed
            try:
                return await call_next(ctx)
            except Exception as error:  # noqa: BLE001 - handed on below, whatever it is
                failed = error
                code = error.error.code if isinstance(error, MCPError) else mcp_types.INTERNAL_ERROR
                if isinstance(error, ValidationError):
                    code = mcp_types.INVALID_PARAMS
                raise MCPError(code, "") from None

        try:
            return await self._middleware(self._wordless(ctx), go_on)
        except MCPError as error:
            raise failed or error from None
