"""The Tasks extension (SEP-2663) with the MCP Python SDK 2: a run is followed in one call, however long it takes.

A client that declares the extension gets a task where a call would wait, and asks how it stands at the interval that
the server names. No timeout of a call matters, and no model has to come back with a cursor.

pip install 'mcp>=2.3'
python mcp_tasks.py [ADDRESS]
"""

import asyncio
import sys
from typing import Any, ClassVar, Literal

from mcp import Client, StdioServerParameters
from mcp.client import Transport
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp_client import over_http, over_stdio
from mcp_types import CallToolResult, Request, RequestParams, Result


class Task(Result):
    """How a task stands; `result` is that of the call, once the task is completed."""

    task_id: str
    status: Literal["working", "input_required", "completed", "failed", "cancelled"]
    status_message: str | None = None
    poll_interval_ms: int = 1_000
    result: dict[str, Any] | None = None


class CreatedTask(Task):
    """What a call returns in place of its result."""

    result_type: Literal["task"] = "task"


class TaskParams(RequestParams):
    """Which task is meant."""

    task_id: str


class GetTask(Request[TaskParams, Literal["tasks/get"]]):
    """Ask how a task stands."""

    name_param: ClassVar[str | None] = "taskId"  # over HTTP, the header Mcp-Name has it too

    method: Literal["tasks/get"] = "tasks/get"
    params: TaskParams


class Tasks(ClientExtension):
    """Declares the extension, and finishes tasks so that a call returns its result as always."""

    identifier = "io.modelcontextprotocol/tasks"

    def claims(self) -> list[ResultClaim[Any]]:
        """A result of the type `task` is one of ours."""
        return [ResultClaim(result_type="task", model=CreatedTask, resolve=self._finish)]

    async def _finish(self, created: CreatedTask, context: ClaimContext) -> CallToolResult:
        task: Task = created
        while task.status == "working":
            print(f"  {task.status_message}")
            await asyncio.sleep(task.poll_interval_ms / 1_000)
            task = await context.session.send_request(GetTask(params=TaskParams(task_id=created.task_id)), Task)
        if task.status != "completed":
            raise RuntimeError(f"The task is {task.status}: {task.status_message}")
        return CallToolResult.model_validate(task.result)


async def delegate(mogplex: StdioServerParameters | Transport, repo: str, task: str) -> str:
    """The address of the pull request that a run opened; empty if it opened none."""
    async with Client(mogplex, extensions=[Tasks()]) as client:
        started = await client.call_tool("start_run", {"repo": repo, "prompt": task})
        ended = await client.call_tool("tail_run", {"run_id": started.structured_content["run_id"]})
        print(ended.structured_content["summary"])
        return ended.structured_content.get("pull_request", "")


if __name__ == "__main__":
    server = over_http(sys.argv[1]) if sys.argv[1:] else over_stdio()
    print(asyncio.run(delegate(server, "acme/web", "Fix the flaky test.")))
