"""Tasks (`io.modelcontextprotocol/tasks`, SEP-2663): a tool that waits answers at once, and its client comes back.

A request that declares the extension gets a task where a call would wait. There is no store of tasks: an id holds all
that is needed (`task_ids`), and each `tasks/get` runs the tool for one poll (`operations.task_poll`), which shares the
poller and the budget with all that wait. A tool that has an answer already gives it, without a task.

No tool that waits asks the user, so that no task is ever `input_required`.
"""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import mcp_types
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mogplex_mcp.operations.confirmation import Consent
from mogplex_mcp.operations.task_poll import TaskPoll
from mogplex_mcp.server.request_scope import Context, RequestScope
from mogplex_mcp.server.task_ids import Task, TaskIds, owner_of, task_error
from mogplex_mcp.server.tool_handlers import ToolHandlers
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.expiring_names import MemoryExpiringNames
from mogplex_mcp.toolkit.toolset import Tool

TASKS: Final = "io.modelcontextprotocol/tasks"
"""The identifier of the extension."""

TASK_TOOLS: Final = frozenset({"tail_run", "get_automation_run"})
"""The tools that wait for what goes on at Mogplex. All others have done their work when they answer."""

KEPT_SECONDS: Final = 3_600.0
"""How long the result of a task can be fetched after its wait is over."""

_LEAST_INTERVAL_SECONDS: Final = 1.0
_CANCELLED: Final = "This task is no longer followed. What it waited for goes on"
# Mogplex has no route that stops a run of an automation.
_STOPPED_BY: Final = {"tail_run": "; cancel_run stops a run"}


class TaskParams(mcp_types.RequestParams):
    """The parameters of all requests about a task. `inputResponses` are not read: none is ever asked for."""

    task_id: str


class TaskState(mcp_types.Result):
    """The state of a task: a `CreateTaskResult`, a `DetailedTask`, or the parameters of `notifications/tasks`."""

    result_type: Literal["task", "complete"] | None = None
    task_id: str
    status: Literal["working", "completed", "cancelled"]
    status_message: str | None = None
    created_at: str
    last_updated_at: str
    ttl_ms: int
    poll_interval_ms: int | None = None
    result: dict[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the state will not change any more."""
        return self.status != "working"


class Acknowledgement(mcp_types.Result):
    """The empty result of `tasks/update` and `tasks/cancel`."""

    result_type: Literal["complete"] = "complete"


class Tasks:
    """Creates tasks, and answers for them.

    Args:
        handlers: Runs tools.
    """

    def __init__(self, handlers: ToolHandlers) -> None:
        self._handlers = handlers
        self._ids = TaskIds()
        # Where the store cannot be asked.
        self._cancelled_here = MemoryExpiringNames()

    async def call(
        self, scope: RequestScope, params: mcp_types.CallToolRequestParams
    ) -> mcp_types.CallToolResult | mcp_types.InputRequiredResult | TaskState:
        """Run a tool, or create a task where it would wait and the request declares the extension.

        Raises:
            MCPError: As `ToolHandlers.call`.
        """
        if params.name not in TASK_TOOLS or not declares_tasks(scope.context):
            return await self._handlers.call(scope, params)
        poll = TaskPoll()
        result = await self._handlers.call(scope, params, poll)
        if poll.pending is None:
            return result
        tool = scope.tools[params.name]
        known = {name: value for name, value in (params.arguments or {}).items() if name in tool.arguments.model_fields}
        task = Task(
            tool.name,
            known | dict(poll.pending.arguments),
            owner_of(scope.services.identity(scope.caller)),
            created=int(scope.services.store.now() * 1_000),
            seconds=poll.pending.most_seconds + KEPT_SECONDS,
        )
        state = _state(await self._ids.seal(scope.services.store, task), task, scope, poll, {})
        state.result_type = "task"
        return state

    async def get(self, scope: RequestScope, params: TaskParams) -> TaskState:
        """Serve `tasks/get`.

        Raises:
            MCPError: The request does not declare the extension, its header `Mcp-Name` is that of another task, or
                there is no such task.
        """
        task, tool = await self._asked(scope, params)
        state = await self._poll(scope, params.task_id, task, tool)
        state.result_type = "complete"
        return state

    async def update(self, scope: RequestScope, params: TaskParams) -> Acknowledgement:
        """Serve `tasks/update`: responses to what was never asked are ignored (SEP-2663, "Task Update Requests").

        Raises:
            MCPError: As `get`.
        """
        await self._asked(scope, params)
        return Acknowledgement()

    async def cancel(self, scope: RequestScope, params: TaskParams) -> Acknowledgement:
        """Serve `tasks/cancel`: end the following. The run goes on.

        It is remembered by this process, and by all replicas where there is a database, until the task expires.

        Raises:
            MCPError: As `get`.
        """
        task, _ = await self._asked(scope, params)
        mark = _mark(params.task_id)
        try:
            await scope.services.store.cancelled_tasks.add(mark, valid_seconds=task.seconds)
        except StateError:
            await self._cancelled_here.add(mark, valid_seconds=task.seconds)
        return Acknowledgement()

    async def is_known(self, scope: RequestScope, task_id: str) -> bool:
        """Return whether this is the id of a task that the caller may look at."""
        with contextlib.suppress(MCPError):
            await self._open(scope, task_id)
            return True
        return False

    async def find(self, scope: RequestScope, task_id: str) -> TaskState | None:
        """Return the state of a task; None if there is no such task."""
        try:
            task, tool = await self._open(scope, task_id)
        except MCPError:
            return None
        return await self._poll(scope, task_id, task, tool)

    async def _asked(self, scope: RequestScope, params: TaskParams) -> tuple[Task, Tool]:
        """Return the task that a request is about, if the request may be about tasks."""
        require_tasks(scope.context)
        request = scope.context.request
        named = None if request is None else request.headers.get(MCP_NAME_HEADER)
        if named is not None and decode_header_value(named) != params.task_id:
            raise MCPError(mcp_types.HEADER_MISMATCH, "The header Mcp-Name is not the taskId of the request.")
        return await self._open(scope, params.task_id)

    async def _open(self, scope: RequestScope, task_id: str) -> tuple[Task, Tool]:
        owner = owner_of(scope.services.identity(scope.caller))
        task = await self._ids.open(scope.services.store, task_id, owner)
        tool = scope.tools.get(task.tool)
        if tool is None:
            raise task_error("unknown_tool", scope.missing_tool(task.tool).rstrip("."))
        return task, tool

    async def _poll(self, scope: RequestScope, task_id: str, task: Task, tool: Tool) -> TaskState:
        if await self._is_cancelled(scope, task_id):
            return _state(task_id, task, scope, None, {})
        poll = TaskPoll(waited=max(0.0, scope.services.store.now() - task.created / 1_000))
        result = await self._handlers.run(scope, tool, task.arguments, Consent(), poll)
        return _state(task_id, task, scope, poll, result.model_dump(by_alias=True, mode="json", exclude_none=True))

    async def _is_cancelled(self, scope: RequestScope, task_id: str) -> bool:
        mark = _mark(task_id)
        if await self._cancelled_here.has(mark):
            return True
        with contextlib.suppress(StateError):
            return await scope.services.store.cancelled_tasks.has(mark)
        return False


def declares_tasks(context: Context) -> bool:
    """Return whether the request declares the extension, in a protocol that has it."""
    capabilities = context.session.client_capabilities
    extensions = (capabilities.extensions or {}) if capabilities else {}
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS and TASKS in extensions


def require_tasks(context: Context) -> None:
    """Return if the request declares the extension.

    Raises:
        MCPError: `METHOD_NOT_FOUND` in the 2025 protocol, else `MISSING_REQUIRED_CLIENT_CAPABILITY`.
    """
    if declares_tasks(context):
        return
    if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        raise MCPError(mcp_types.METHOD_NOT_FOUND, "Method not found", context.method)
    required = mcp_types.MissingRequiredClientCapabilityErrorData(
        required_capabilities=mcp_types.ClientCapabilities(extensions={TASKS: {}})
    )
    raise MCPError(
        mcp_types.MISSING_REQUIRED_CLIENT_CAPABILITY,
        f"{context.method} about tasks needs the extension {TASKS} among the capabilities of the request.",
        required.model_dump(by_alias=True, mode="json", exclude_none=True),
    )


def _state(
    task_id: str, task: Task, scope: RequestScope, poll: TaskPoll | None, result: Mapping[str, Any]
) -> TaskState:
    """Return the state of a task after a poll; cancelled without one."""
    now, pending = scope.services.store.now(), poll.pending if poll else None
    state = TaskState(
        task_id=task_id,
        status="working",
        created_at=_iso(task.created / 1_000),
        last_updated_at=_iso(now),
        ttl_ms=int(task.seconds * 1_000),
    )
    if poll is None:
        state.status, state.status_message = "cancelled", f"{_CANCELLED}{_STOPPED_BY.get(task.tool, '')}."
    elif pending is None:
        state.status, state.result = "completed", dict(result)
    else:
        seconds = max(_LEAST_INTERVAL_SECONDS, pending.next_seconds)
        state.status_message, state.poll_interval_ms = pending.message, int(seconds * 1_000)
        state.last_updated_at = _iso(now - pending.seen_seconds)
    return state


def _mark(task_id: str) -> str:
    return f"task {owner_of(task_id)}"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
