"""Subscriptions to the resources of a run: `subscriptions/listen`, `resources/subscribe` and `resources/unsubscribe`.

When a run is read for the same tenant, its state is compared with the last one, and subscribers are notified if it
differs. A run that no call waits for is polled for them at the lowest priority (`runs.unawaited`). In the 2025 protocol
a subscription belongs to a connection, in the 2026 protocol it is a request that stays open.
"""

import contextlib
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import anyio
import mcp_types
from mcp.server.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    InMemorySubscriptionBus,
    ListenHandler,
    ResourceUpdated,
)
from mcp.shared.exceptions import MCPError

from mogplex_mcp.core.shutdown import AT_ONCE
from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.runs.unawaited import UnawaitedPolling
from mogplex_mcp.runs.watch import Snapshot
from mogplex_mcp.server.request_scope import RequestScope
from mogplex_mcp.server.resources import RUN, RUN_EVENTS, find_resource
from mogplex_mcp.server.task_listening import ListeningSession, known_tasks, notify_of_task
from mogplex_mcp.server.tasks import Tasks

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

    from mogplex_mcp.runs.watches import Watches
    from mogplex_mcp.tenants.services import Services

MOST_RESOURCES: Final = 100
"""For one subscriber."""

MOST_LOOKED_AT: Final = 1_000
"""Of the resources that one request names: a request of a megabyte can name 100,000."""

MOST_STREAMS: Final = 1_024
MOST_STREAMS_OF_ONE: Final = 32

PUSHED: Final = (RUN, RUN_EVENTS)
"""The kinds of resources that send updates."""

_KNOWN_RUNS: Final = 256
_SEND_SECONDS: Final = 1.0


class Subscriptions:
    """All subscriptions of a server, separated by tenant.

    Args:
        tasks: Answers for tasks, of which listeners can be notified, too.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._of_audiences: WeakKeyDictionary[Watches | Services, _Subscribers] = WeakKeyDictionary()
        self._without_updates = ListenHandler(InMemorySubscriptionBus(), max_subscriptions=MOST_STREAMS)
        self._streams = 0

    async def listen(
        self, scope: RequestScope, params: mcp_types.SubscriptionsListenRequestParams
    ) -> mcp_types.SubscriptionsListenResult:
        """Serve `subscriptions/listen` of the 2026 protocol; acknowledge only resources that send updates, and tasks.

        Raises:
            MCPError: There are too many subscriptions already, or it is about tasks and does not declare them.
        """
        if self._streams >= MOST_STREAMS:
            raise MCPError(mcp_types.INTERNAL_ERROR, "There are too many subscriptions; end some, or try again later.")
        wanted = _wanted(scope, params.notifications.resource_subscriptions or [])
        task_ids = await known_tasks(self._tasks, scope, params.notifications)
        if scope.caller.problem is not None:
            wanted, task_ids = [], []
        filtered = mcp_types.SubscriptionFilter(resource_subscriptions=wanted or None)
        self._streams += 1
        try:
            with scope.services.shutdown.within(AT_ONCE):
                params = params.model_copy(update={"notifications": filtered})
                if not wanted and not task_ids:
                    # Many clients listen as soon as they have started: no connections to Mogplex are opened for that.
                    return await self._without_updates(scope.context, params)
                return await self._listen(scope, params, wanted, task_ids)
        finally:
            self._streams -= 1
        # Tells the client that the subscription has ended in order, as opposed to a lost connection.
        return mcp_types.SubscriptionsListenResult(_meta={SUBSCRIPTION_ID_META_KEY: scope.context.request_id})

    async def _listen(
        self,
        scope: RequestScope,
        params: mcp_types.SubscriptionsListenRequestParams,
        wanted: Sequence[str],
        task_ids: Sequence[str],
    ) -> mcp_types.SubscriptionsListenResult:
        """Listen, and see to it that there is news: poll the runs and look at the tasks."""
        subscribers = self._subscribers(scope)
        session: Any = ListeningSession(scope.context.session, task_ids) if task_ids else scope.context.session
        async with anyio.create_task_group() as group:
            for task_id in task_ids:
                group.start_soon(notify_of_task, self._tasks, scope, task_id, session.is_acknowledged)
            with subscribers.listening(_run_ids(scope, wanted)):
                if wanted:
                    group.start_soon(subscribers.polling.run, lambda: _watches(scope))
                ended: mcp_types.SubscriptionsListenResult | MCPError
                try:
                    ended = await subscribers.listen(replace(scope.context, session=session), params)
                except MCPError as error:
                    ended = error
                group.cancel_scope.cancel()
        # Raised here, since the group would wrap it.
        if isinstance(ended, MCPError):
            raise ended
        return ended

    async def subscribe(self, scope: RequestScope, params: mcp_types.SubscribeRequestParams) -> mcp_types.EmptyResult:
        """Serve `resources/subscribe` of the 2025 protocol.

        Raises:
            MCPError: The resource sends no updates, or there are too many subscriptions.
        """
        if not _has_updates(scope, params.uri):
            able = " and ".join(kind.uri for kind in PUSHED)
            raise MCPError(
                mcp_types.INVALID_PARAMS,
                f"There are no updates of this resource. There are of {able}, with the id in lower case.",
                {"uri": params.uri},
            )
        if problem := scope.caller.problem:
            raise MCPError(mcp_types.INTERNAL_ERROR, f"{problem.message} Call check_connection.", {"uri": params.uri})
        subscribers = self._subscribers(scope)
        sessions = subscribers.sessions
        if params.uri not in sessions and len(sessions) >= MOST_RESOURCES:
            raise MCPError(
                mcp_types.INTERNAL_ERROR, f"At most {MOST_RESOURCES} resources; unsubscribe from some first."
            )
        sessions[params.uri] = scope.context.session
        subscribers.runs_of_sessions[params.uri] = _run_ids(scope, [params.uri]).pop()
        if not subscribers.polling.is_running:
            scope.services.run_in_background(lambda: subscribers.polling.run(lambda: _watches(scope)))
        return mcp_types.EmptyResult()

    async def unsubscribe(
        self, scope: RequestScope, params: mcp_types.UnsubscribeRequestParams
    ) -> mcp_types.EmptyResult:
        """Serve `resources/unsubscribe` of the 2025 protocol."""
        if scope.caller.problem is None:
            self._subscribers(scope).unsubscribe(params.uri)
        return mcp_types.EmptyResult()

    def _subscribers(self, scope: RequestScope) -> "_Subscribers":
        tenant, services = scope.tenant, scope.services
        # The person of this process stays the same with a new token, which has a tenant of its own.
        audience = services if scope.caller.personal else tenant.watches
        subscribers = self._of_audiences.setdefault(audience, _Subscribers())
        tenant.watches.on_answer = subscribers.notify
        if scope.caller.personal:
            services.tenants.on_answer = subscribers.notify
        return subscribers


def _wanted(scope: RequestScope, asked: Sequence[str]) -> list[str]:
    """Return the resources that send updates, among the first that were asked for."""
    looked_at = dict.fromkeys(asked[:MOST_LOOKED_AT])
    return [uri for uri in looked_at if _has_updates(scope, uri)][:MOST_RESOURCES]


def _has_updates(scope: RequestScope, uri: str) -> bool:
    """Return whether updates are sent under exactly this URI."""
    try:
        kind, values = find_resource(scope, uri)
    except InvalidArgumentError:
        return False
    return kind in PUSHED and kind.template.expand(values) == uri


def _run_ids(scope: RequestScope, uris: Sequence[str]) -> set[str]:
    return {find_resource(scope, uri)[1]["run_id"] for uri in uris}


def _watches(scope: RequestScope) -> "Watches":
    """Return the watches of the caller as they are now: a person's token may have been replaced."""
    services = scope.services
    return (services.tenants.of(services.own_token()) if scope.caller.personal else scope.tenant).watches


class _Subscribers:
    """The subscribers of one tenant, or of the person of this process.

    Attributes:
        listen: Serves `subscriptions/listen` of the 2026 protocol.
        sessions: By URI, the connection that subscribed in the 2025 protocol. It is one connection per process: where
            it has no channel for notifications, subscriptions are not offered, and the tenant ends with it.
        runs_of_sessions: The run of each of these URIs.
        polling: Polls the runs that have subscribers.
    """

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self._seen: OrderedDict[str, object] = OrderedDict()
        self.listen = ListenHandler(self._bus, max_subscriptions=MOST_STREAMS_OF_ONE)
        self.sessions: dict[str, ServerSession] = {}
        self.runs_of_sessions: dict[str, str] = {}
        self._listened: Counter[str] = Counter()
        self.polling = UnawaitedPolling(lambda: {*self.runs_of_sessions.values(), *+self._listened})

    @contextlib.contextmanager
    def listening(self, run_ids: Collection[str]) -> Iterator[None]:
        """Poll these runs while the block lasts."""
        self._listened.update(run_ids)
        try:
            yield
        finally:
            self._listened.subtract(run_ids)

    def unsubscribe(self, uri: str) -> None:
        """End the subscription of a connection of the 2025 protocol."""
        self.sessions.pop(uri, None)
        self.runs_of_sessions.pop(uri, None)

    async def notify(self, run_id: str, snapshot: Snapshot) -> None:
        """Notify the subscribers of a run if its state has changed."""
        run = snapshot.run
        state = run.status, run.updated_at, frozenset(event.id for event in snapshot.events)
        if self._seen.get(run_id) == state:
            # Reading the resource after an update must not cause the next update.
            return
        self._seen[run_id] = state
        self._seen.move_to_end(run_id)
        if len(self._seen) > _KNOWN_RUNS:
            self._seen.popitem(last=False)
        # The watch waits for this: a client that does not read must not delay it, and its end must not lose an update.
        with anyio.move_on_after(_SEND_SECONDS, shield=True):
            for kind in PUSHED:
                await self._send(kind.template.expand({"run_id": run_id}))

    async def _send(self, uri: str) -> None:
        await self._bus.publish(ResourceUpdated(uri))
        if session := self.sessions.get(uri):
            try:
                await session.send_resource_updated(uri)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.unsubscribe(uri)
