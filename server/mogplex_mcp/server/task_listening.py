"""Notifications of tasks (`notifications/tasks`, SEP-2663) on the streams of `subscriptions/listen`."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import anyio
import mcp_types
from mcp.server.session import ServerSession
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY

from mogplex_mcp.server.request_scope import RequestScope
from mogplex_mcp.server.tasks import Tasks, require_tasks

MOST_TASKS: Final = 50
"""Of one stream."""


class TaskNotification(mcp_types.Notification[dict[str, Any], Literal["notifications/tasks"]]):
    """The state of a task, as `tasks/get` returns it."""

    method: Literal["notifications/tasks"] = "notifications/tasks"


async def known_tasks(tasks: Tasks, scope: RequestScope, notifications: mcp_types.SubscriptionFilter) -> Sequence[str]:
    """Return the ids of tasks that a listener asks for, of those that it may look at.

    Raises:
        MCPError: The request asks for tasks and does not declare the extension.
    """
    asked = (notifications.model_extra or {}).get("taskIds")
    if not asked:
        return []
    require_tasks(scope.context)
    ids = dict.fromkeys(one for one in asked[:MOST_TASKS] if isinstance(one, str)) if isinstance(asked, list) else ()
    return [one for one in ids if await tasks.is_known(scope, one)]


class ListeningSession:
    """The session of a listener, whose acknowledgement names the tasks: the SDK's handler knows no extension.

    Attributes:
        is_acknowledged: Set when the first message was sent, which has to be the acknowledgement.
    """

    def __init__(self, session: ServerSession, task_ids: Sequence[str]) -> None:
        self._session = session
        self._task_ids = task_ids
        self.is_acknowledged = anyio.Event()

    async def send_notification(
        self, notification: mcp_types.ServerNotification, related_request_id: mcp_types.RequestId | None = None
    ) -> None:
        """See `ServerSession.send_notification`."""
        if isinstance(notification, mcp_types.SubscriptionsAcknowledgedNotification):
            honored = notification.params.notifications.model_copy(update={"taskIds": list(self._task_ids)})
            params = notification.params.model_copy(update={"notifications": honored})
            notification = notification.model_copy(update={"params": params})
        await self._session.send_notification(notification, related_request_id)
        self.is_acknowledged.set()


async def notify_of_task(tasks: Tasks, scope: RequestScope, task_id: str, acknowledged: anyio.Event) -> None:
    """Send the state of a task whenever it changes, until it is over.

    It is looked at as a client would that polls at the suggested interval.
    """
    await acknowledged.wait()
    request_id, last = scope.context.request_id, ("", "")
    while (state := await tasks.find(scope, task_id)) is not None:
        if (seen := (state.status, state.status_message or "")) != last:
            state.meta = {SUBSCRIPTION_ID_META_KEY: request_id}
            params = state.model_dump(by_alias=True, mode="json", exclude_none=True)
            # The type of the SDK has no notifications of extensions.
            notification: Any = TaskNotification(params=params)
            await scope.context.session.send_notification(notification, related_request_id=request_id)
        if state.is_over:
            return
        last = seen
        await anyio.sleep((state.poll_interval_ms or 0) / 1_000)
