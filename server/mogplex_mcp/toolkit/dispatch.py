"""From a `tools/call` to its result: find the tool, check the arguments, run it in time, name what goes wrong."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio
from mcp_types import CallToolResult, TextContent

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.core.shutdown import CALL_SECONDS
from mogplex_mcp.reply.render import render
from mogplex_mcp.reply.untrusted import clean_line
from mogplex_mcp.storage.state_file import StateError
from mogplex_mcp.tenants.call_timeouts import SHORTEST_CAP_SECONDS
from mogplex_mcp.toolkit.arguments import ArgumentError, check, nearest
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.errors import Failure, explain
from mogplex_mcp.toolkit.secret_detection import refuse_keys
from mogplex_mcp.toolkit.toolset import Tool

# How far beyond the wait that its client bears a tool is ended, as a share of that wait: its own deadlines come first.
_GRACE: Final = 0.1
# Where that is next to nothing, a machine that is busy at that moment would make an error of an answer that is ready.
_LEAST_GRACE_SECONDS: Final = 0.5

logger = logging.getLogger(__name__)


async def dispatch(
    tools: Mapping[str, Tool], name: str, arguments: Mapping[str, Any], open_call: Callable[[], Call], *, base_url: str
) -> CallToolResult:
    """Run a tool. Whatever goes wrong becomes a tool error that says what happened, why, and what to do next.

    Args:
        tools: What is offered, by name.
        name: What the client calls.
        arguments: What it gives.
        open_call: Makes what the tool is given beside its arguments.
        base_url: Where Mogplex is.
    """
    tool = tools.get(name)
    if tool is None:
        return _failed(_unknown_tool(name, tools))
    try:
        return await _run(tool, arguments, open_call(), tools)
    except Exception as error:  # noqa: BLE001 - whatever it is: a client could do nothing with a protocol error
        return _failed(_failure(_first(error), tool, tools, base_url))


async def _run(tool: Tool, arguments: Mapping[str, Any], call: Call, tools: Mapping[str, Tool]) -> CallToolResult:
    if tool.needs_token and (problem := call.tenant.found.problem):
        raise problem.with_traceback(None)  # the same one each time: its traceback would grow with every call
    checked = check(tool.arguments, arguments)
    if not call.settings.allow_secrets_in_prompts:
        refuse_keys(tool.name, checked, call.tenant.found.token.value if call.tenant.found.token else "")
    with call.shutdown.within(CALL_SECONDS) as scope:
        patience = _Patience(call, scope)
        try:
            reply = await tool.function(call, **checked)
            return render(reply.with_next_steps_for(tools))
        finally:
            patience.end()
    unknown = not tool.hints.reads_only
    if patience.is_over:
        reason = f"{tool.name} was not done after {call.wait_cap:g} seconds"
        raise MogplexError(ErrorCode.TIMED_OUT, reason, may_have_happened=unknown)
    reason = f"this server was told to end, and {tool.name} was not done {CALL_SECONDS:g} seconds later"
    raise MogplexError(ErrorCode.ENDING, reason, may_have_happened=unknown)


class _Patience:
    """Ends a tool that goes on beyond its time.

    The grace begins when the deadline is noticed: of a process that was stopped or busy over both, a tool whose own
    deadline came at the same moment would lose the answer that it has.

    By timers of the event loop, not by a task, which would be a good part of the cost of a call. The first timer is for
    the time that every client bears: what this one bears is read from a file, and nearly all calls are over before.

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

    def end(self) -> None:
        """Leave the tool alone: it is done."""
        self._timer.cancel()

    def _find_deadline(self) -> None:
        self._timer = self._loop.call_at(self._call.deadline, self._begin_grace)

    def _begin_grace(self) -> None:
        grace = max(_LEAST_GRACE_SECONDS, _GRACE * self._call.wait_cap)
        self._timer = self._loop.call_later(grace, self._lose)

    def _lose(self) -> None:
        self.is_over = True
        self._scope.cancel()


def _failure(error: Exception, tool: Tool, tools: Mapping[str, Tool], base_url: str) -> Failure:
    match error:
        case ArgumentError():
            return Failure(
                "Nothing was done",
                str(error),
                f"Correct that and call {tool.name} again",
                "invalid_argument",
                quoted=error.quoted,
            )
        case MogplexError():
            return explain(error, base_url=base_url, offered=tools, tool=tool.name, repeatable=tool.hints.idempotent)
        case StateError():
            return Failure(
                "Nothing was sent to Mogplex, because the journal of runs cannot be used",
                f"{clean_line(str(error), 300)}. The journal keeps a run from being started twice",
                "Ask the user to make room for that file or to fix its permissions, or to set MOGPLEX_MCP_STATE_FILE "
                "to another one; MOGPLEX_MCP_WITHOUT_JOURNAL=1 goes without",
                "journal_unusable",
            )
    # The traceback is for the operator; a model could do nothing with it.
    logger.error("The tool %s failed", tool.name, exc_info=error)
    return Failure(
        f"mogplex-mcp itself failed in {tool.name}",
        "This is a fault of the bridge, not of the call; its log on stderr has the details",
        "Call it again once; if it stays so, tell the user",
        "bridge_fault",
    )


def _unknown_tool(name: str, tools: Mapping[str, Tool]) -> Failure:
    return Failure(
        "Nothing was done",
        nearest("tool", clean_line(name, 60), list(tools)),
        "Call one of those, or list the tools of this server again",
        "unknown_tool",
    )


def _first(error: Exception) -> Exception:
    """The error itself, or the first one of a group, which task groups make."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _failed(failure: Failure) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=failure.text)], is_error=True)
