"""A client of the SDK that claims the tasks extension (SEP-2663), and its requests one by one."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar, Literal
from unittest import mock

import anyio
import mcp_types
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, NotificationBinding, ResultClaim
from pydantic import BaseModel, ConfigDict

TASKS = "io.modelcontextprotocol/tasks"
OVER = ("completed", "failed", "cancelled")


class Task(mcp_types.Result):
    """What a server says of a task."""

    result_type: str = ""
    task_id: str
    status: str
    status_message: str = ""
    created_at: str
    last_updated_at: str
    ttl_ms: int
    poll_interval_ms: int = 0
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The structured content of its result."""
        assert self.result is not None, self
        assert not self.result.get("isError"), self.result
        facts: dict[str, Any] = self.result["structuredContent"]
        return facts


class CreatedTask(Task):
    result_type: Literal["task"] = "task"


class TaskParams(mcp_types.RequestParams):
    model_config = ConfigDict(extra="allow")

    task_id: str


class TaskRequest(mcp_types.Request[TaskParams, str]):
    name_param: ClassVar[str | None] = "taskId"

    method: str
    params: TaskParams


class Notified(BaseModel):
    model_config = ConfigDict(extra="allow")


async def ask(client: Client, method: str, task_id: str, **more: Any) -> Task:
    return await client.session.send_request(request(method, task_id, **more), Task)


def request(method: str, task_id: str, **more: Any) -> Any:
    return TaskRequest(method=method, params=TaskParams(task_id=task_id, **more))


async def acknowledged(client: Client, method: str, task_id: str, **more: Any) -> None:
    result = await client.session.send_request(request(method, task_id, **more), mcp_types.EmptyResult)
    assert not result.model_dump(exclude_none=True, exclude={"meta", "result_type"})


class Tasks(ClientExtension):
    """Finishes tasks as the specification has it: polls at the interval that the server suggests.

    Attributes:
        seen: All that was seen of tasks, in order.
        notified: The parameters of `notifications/tasks`, in order.
    """

    identifier = TASKS

    def __init__(self, interval: Callable[[Task], float] | None = None) -> None:
        self.seen: list[Task] = []
        self.notified: list[Task] = []
        self._interval = interval or (lambda task: task.poll_interval_ms / 1_000)

    def claims(self) -> list[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=CreatedTask, resolve=self._resolve)]

    def notifications(self) -> list[NotificationBinding[Any]]:
        return [NotificationBinding(method="notifications/tasks", params_type=Notified, handler=self._note)]

    async def _note(self, params: Notified) -> None:
        self.notified.append(Task.model_validate(params.model_dump(), by_name=False))

    async def _resolve(self, created: CreatedTask, context: ClaimContext) -> mcp_types.CallToolResult:
        task: Task = created
        self.seen.append(task)
        while task.status not in OVER:
            await anyio.sleep(self._interval(task))
            task = await context.session.send_request(request("tasks/get", created.task_id), Task)
            self.seen.append(task)
        assert task.result is not None, task
        return mcp_types.CallToolResult.model_validate(task.result)


async def begin(client: Client, tool: str = "tail_run", **arguments: Any) -> Task:
    """Call a tool, and return the task that it becomes."""
    created = await client.session.call_tool(tool, arguments, allow_claimed=True)
    assert isinstance(created, CreatedTask), created
    return created


async def finished(client: Client, task_id: str, interval: float = 2.0) -> Task:
    """Poll a task until it is over."""
    while True:
        state = await ask(client, "tasks/get", task_id)
        if state.status in OVER:
            return state
        await anyio.sleep(interval)


@contextlib.asynccontextmanager
async def listening(client: Client, *task_ids: str) -> AsyncIterator[list[str]]:
    """Listen to tasks; yields those that the server acknowledges.

    `Client.listen` has no extensions yet, so that the filter is changed on its way.
    """
    stamp = client.session._stamp

    def with_tasks(data: dict[str, Any], opts: Any) -> None:
        data["params"]["notifications"]["taskIds"] = list(task_ids)
        stamp(data, opts)

    with mock.patch.object(client.session, "_stamp", with_tasks):
        stream = await (opened := client.listen()).__aenter__()
    try:
        yield (stream.honored.model_extra or {})["taskIds"]
    finally:
        await opened.__aexit__(None, None, None)
