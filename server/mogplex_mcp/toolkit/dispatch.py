"""Dispatch of `tools/call`: check the arguments of a tool, run it in time, render its reply, word what goes wrong."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio
from mcp_types import CallToolResult, ContentBlock, ResourceLink, TextContent

from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.api.identifiers import id_in_page
from mogplex_mcp.api.unreadable import collect_unreadable, unreadable_notes
from mogplex_mcp.core.metrics import NO_METRICS, Recorder
from mogplex_mcp.core.shutdown import CALL_SECONDS
from mogplex_mcp.operations.errors import OperationError, operation_error
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.reply.render import render
from mogplex_mcp.tenants.call_timeouts import SHORTEST_CAP_SECONDS
from mogplex_mcp.toolkit.arguments import check, refuse_secrets
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.errors import ToolError, tool_error
from mogplex_mcp.toolkit.toolset import Tool

# How long after the call timeout of its client a tool is ended, as a share of it: its own deadlines come first.
_GRACE: Final = 0.1
# A share of a short timeout is next to nothing: a busy machine would make an error of an answer that is ready.
_LEAST_GRACE_SECONDS: Final = 0.5
_JSON: Final = "application/json"


async def dispatch(
    tools: Mapping[str, Tool],
    tool: Tool,
    arguments: Mapping[str, Any],
    open_call: Callable[[], Call],
    *,
    base_url: str,
    token_from: str = "",
    recorder: Recorder = NO_METRICS,
    links: bool = False,
) -> CallToolResult:
    """Run a tool and return its result; whatever goes wrong becomes a tool error.

    Args:
        tools: The tools that are offered, by name.
        tool: The one of them that the client calls.
        arguments: The arguments of the client, unchecked.
        open_call: Makes the context of the call.
        base_url: Where Mogplex is.
        token_from: Where the token came from, see `tool_error`.
        recorder: Records the outcome.
        links: Whether to add a link to the resource that the reply is about.
    """
    began, outcome = time.perf_counter(), "cancelled"
    try:
        call = open_call()
        with collect_unreadable() as unreadable:
            reply = await call_tool(tool, arguments, call)
        notes = [*unreadable_notes(unreadable), *(note for note in call.settings.notes if note not in reply.notes)]
        reply = reply.with_notes(notes).with_next_steps_for(tools)
        structured, text = render(reply, now=call.now, client=call.client)
        content: list[ContentBlock] = [TextContent(type="text", text=text)]
        if links and reply.resource:
            name = reply.resource.rpartition("/")[2]
            content.append(ResourceLink(type="resource_link", uri=reply.resource, name=name, mime_type=_JSON))
        outcome = "ok"
        return CallToolResult(content=content, structured_content=structured, _meta=dict(reply.meta) or None)
    except Exception as error:  # noqa: BLE001 - a client could do nothing with a protocol error
        failure = operation_error(error)
        outcome = str(failure.code)
        return failed(
            tool_error(
                failure,
                base_url=base_url,
                offered=tools,
                tool=tool.name,
                repeatable=tool.hints.idempotent,
                token_from=token_from,
            )
        )
    finally:
        recorder.tool_called(tool.name, outcome, time.perf_counter() - began)


async def call_tool(tool: Tool, arguments: Mapping[str, Any], call: Call) -> Reply:
    """Run a tool within the time that its client allows.

    Args:
        tool: The tool.
        arguments: What the caller gives, unchecked.
        call: The context of the call.

    Raises:
        OperationError: The arguments are wrong, or the time was up.
        Exception: Whatever the tool raises; `operation_error` says what it means.
    """
    if tool.needs_token and (problem := call.tenant.found.problem):
        raise problem.with_traceback(None)  # the same one each time: its traceback would grow with every call
    checked = check(tool.arguments, arguments, changes=not tool.hints.reads_only)
    if not call.settings.allow_secrets_in_prompts:
        refuse_secrets(tool.name, checked.values, call.tenant.found.token.value if call.tenant.found.token else "")
    with call.shutdown.within(CALL_SECONDS) as scope:
        timeout = _CallTimeout(call, scope)
        try:
            reply = await tool.function(call, **_with_ids(checked.values, call.settings.base_url))
            return reply.model_copy(update={"notes": (*reply.notes, *checked.notes)}) if checked.notes else reply
        finally:
            timeout.cancel()
    unknown = not tool.hints.reads_only
    if timeout.is_over:
        reason = f"{tool.name} was not done after {call.wait_cap:g} seconds"
        raise OperationError(ErrorCode.TIMED_OUT, reason, may_have_happened=unknown)
    reason = f"this server was shut down, and {tool.name} was not done {CALL_SECONDS:g} seconds later"
    raise OperationError(ErrorCode.SHUTTING_DOWN, reason, may_have_happened=unknown)


class _CallTimeout:
    """Ends a tool that is not done when the call timeout of its client is over.

    The grace begins when the deadline is noticed: in a process that was stopped or busy over both, a tool whose own
    deadline came at the same moment would lose the answer that it has.

    It uses timers of the event loop, not a task, which would be a good part of the cost of a call. The first timer is
    for the shortest timeout of all clients: this client's is read from a file, and nearly all calls are done before.

    Args:
        call: The call.
        scope: What the tool runs in.

    Attributes:
        is_over: Whether the tool was ended.
    """

    def __init__(self, call: Call, scope: anyio.CancelScope) -> None:
        self.is_over = False
        self._call = call
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        shortest = call.settings.max_wait or SHORTEST_CAP_SECONDS
        self._timer = self._loop.call_at(call.arrived + shortest, self._find_deadline)

    def cancel(self) -> None:
        """Stop the timer: the tool is done."""
        self._timer.cancel()

    def _find_deadline(self) -> None:
        self._timer = self._loop.call_at(self._call.deadline, self._begin_grace)

    def _begin_grace(self) -> None:
        grace = max(_LEAST_GRACE_SECONDS, _GRACE * self._call.wait_cap)
        self._timer = self._loop.call_later(grace, self._end)

    def _end(self) -> None:
        self.is_over = True
        self._scope.cancel()


def _with_ids(values: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Return the arguments with ids in place of addresses of Mogplex's pages."""
    return {
        name: id_in_page(value, base_url, name) if isinstance(value, str) else value for name, value in values.items()
    }


def failed(failure: ToolError) -> CallToolResult:
    """Return an error as the result of a call."""
    return CallToolResult(content=[TextContent(type="text", text=failure.text)], is_error=True)
