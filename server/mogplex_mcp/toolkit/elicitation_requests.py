"""Requests to the client to ask its user (MCP specification, "Elicitation"): what forms and addresses share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult
from mcp_types.version import is_version_at_least
from pydantic import ValidationError

from mogplex_mcp.core.shutdown import AT_ONCE
from mogplex_mcp.toolkit.call import Progress

ANSWER_SECONDS: Final = 300.0
"""How long a call of the 2025 protocol waits for the user's answer."""

MULTI_ROUND_TRIP: Final = "2026-07-28"
"""The protocol since which a result says what to ask, and the client calls again."""

_HEARTBEAT_SECONDS: Final = 10.0

Context = ServerRequestContext[Any]


def is_multi_round_trip(context: Context) -> bool:
    """Return whether the client is asked by a result, as opposed to a request while the call waits."""
    return is_version_at_least(context.protocol_version, MULTI_ROUND_TRIP)


async def ask_now(
    context: Context, send: Callable[[], Awaitable[ElicitResult]], waiting: str, progress: Progress
) -> ElicitResult | None:
    """Ask while the call waits, and return the response: `cancel` if none comes in time.

    Args:
        context: The context of the request.
        send: Sends the request to the client.
        waiting: What is waited for, as the progress says it.
        progress: Reports the progress of the request.

    Returns:
        None if the client failed to ask.
    """
    with anyio.move_on_after(ANSWER_SECONDS), context.lifespan_context.shutdown.within(AT_ONCE):
        async with heartbeats(waiting, progress):
            try:
                return await send()
            except (MCPError, ValidationError):
                return None
    return ElicitResult(action="cancel")


@asynccontextmanager
async def heartbeats(waiting: str, progress: Progress) -> AsyncIterator[None]:
    """Report progress while the block runs: some clients cancel a call that is silent."""

    async def report() -> None:
        while True:
            await anyio.sleep(_HEARTBEAT_SECONDS)
            await progress(waiting)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(report)
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()
