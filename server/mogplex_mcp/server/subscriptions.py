"""Who is told of news: subscribers of a run's resources, as long as somebody watches that run.

A subscription asks Mogplex for nothing. What a call of the same tenant reads of a run is compared with what was read
before, and who subscribed is told when it differs. In the 2025 protocol a subscription belongs to a connection, in the
2026 protocol it is a request that stays open.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING, Final
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
from mogplex_mcp.runs.watch import Snapshot, Watches
from mogplex_mcp.server.request_scope import Context, RequestScope
from mogplex_mcp.server.resources import RUN, RUN_EVENTS, Resources

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

MOST_RESOURCES: Final = 100
"""For one subscriber."""

MOST_STREAMS: Final = 1_024
MOST_STREAMS_OF_ONE: Final = 32

PUSHED: Final = (RUN, RUN_EVENTS)
"""The kinds of resources of which there are updates."""

_KNOWN_RUNS: Final = 256
_SEND_SECONDS: Final = 1.0


class Subscriptions:
    """All subscriptions of a server, those of each tenant apart.

    Args:
        offer: What a request may use, and whose it is.
        resources: What can be subscribed to.
    """

    def __init__(self, offer: RequestScope, resources: Resources) -> None:
        self._offer = offer
        self._resources = resources
        self._of_tenants: WeakKeyDictionary[Watches, _Subscribers] = WeakKeyDictionary()
        self._without_news = ListenHandler(InMemorySubscriptionBus(), max_subscriptions=MOST_STREAMS)
        self._streams = 0

    async def listen(
        self, context: Context, params: mcp_types.SubscriptionsListenRequestParams
    ) -> mcp_types.SubscriptionsListenResult:
        """Serve `subscriptions/listen` of the 2026 protocol, and acknowledge only what there can be news of.

        Raises:
            MCPError: There are too many subscriptions already.
        """
        if self._streams >= MOST_STREAMS:
            raise MCPError(mcp_types.INTERNAL_ERROR, "There are too many subscriptions; end some, or try again later.")
        asked = params.notifications.resource_subscriptions or []
        wanted = [uri for uri in dict.fromkeys(asked) if self._has_news(context, uri)][:MOST_RESOURCES]
        if self._offer.whose(context).problem is not None:
            wanted = []
        # Many clients listen as soon as they have started: without a run, this does without connections to Mogplex.
        handler = self._subscribers(context).listen if wanted else self._without_news
        filtered = mcp_types.SubscriptionFilter(resource_subscriptions=wanted or None)
        self._streams += 1
        try:
            with context.lifespan_context.shutdown.within(AT_ONCE):
                return await handler(context, params.model_copy(update={"notifications": filtered}))
        finally:
            self._streams -= 1
        # What tells a client that there is nothing more to come, and not that something broke.
        return mcp_types.SubscriptionsListenResult(_meta={SUBSCRIPTION_ID_META_KEY: context.request_id})

    async def subscribe(self, context: Context, params: mcp_types.SubscribeRequestParams) -> mcp_types.EmptyResult:
        """Serve `resources/subscribe` of the 2025 protocol.

        Raises:
            MCPError: There are never news of this resource, or too many subscriptions.
        """
        if not self._has_news(context, params.uri):
            able = " and ".join(kind.uri for kind in PUSHED)
            raise MCPError(
                mcp_types.INVALID_PARAMS,
                f"There are no updates of this resource. There are of {able}, with the id in lower case.",
                {"uri": params.uri},
            )
        if problem := self._offer.whose(context).problem:
            raise MCPError(mcp_types.INTERNAL_ERROR, f"{problem.message} Call check_connection.", {"uri": params.uri})
        sessions = self._subscribers(context).sessions
        if params.uri not in sessions and len(sessions) >= MOST_RESOURCES:
            raise MCPError(
                mcp_types.INTERNAL_ERROR, f"At most {MOST_RESOURCES} resources; unsubscribe from some first."
            )
        sessions[params.uri] = context.session
        return mcp_types.EmptyResult()

    async def unsubscribe(self, context: Context, params: mcp_types.UnsubscribeRequestParams) -> mcp_types.EmptyResult:
        """Serve `resources/unsubscribe` of the 2025 protocol."""
        if self._offer.whose(context).problem is None:
            self._subscribers(context).sessions.pop(params.uri, None)
        return mcp_types.EmptyResult()

    def _has_news(self, context: Context, uri: str) -> bool:
        """Whether there can be news under this very address."""
        try:
            kind, values = self._resources.find(context, uri)
        except InvalidArgumentError:
            return False
        return kind in PUSHED and kind.template.expand(values) == uri

    def _subscribers(self, context: Context) -> "_Subscribers":
        watches = self._offer.open_call(context).tenant.watches
        if watches not in self._of_tenants:
            self._of_tenants[watches] = _Subscribers()
            watches.on_answer = self._of_tenants[watches].hear
        return self._of_tenants[watches]


class _Subscribers:
    """Those of one tenant.

    Attributes:
        listen: Serves `subscriptions/listen` of the 2026 protocol.
        sessions: By address, the connection that subscribed in the 2025 protocol. There is one connection then: where
            it has no channel for notifications, subscriptions are not offered, and the tenant ends with it.
    """

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self._seen: OrderedDict[str, object] = OrderedDict()
        self.listen = ListenHandler(self._bus, max_subscriptions=MOST_STREAMS_OF_ONE)
        self.sessions: dict[str, ServerSession] = {}

    async def hear(self, run_id: str, snapshot: Snapshot) -> None:
        """Tell who subscribed to a run, if this is not what was seen of it last."""
        run = snapshot.run
        state = run.status, run.updated_at, frozenset(event.id for event in snapshot.events)
        if self._seen.get(run_id) == state:
            # Reading a resource after an update is a look as well: it must not be the next update.
            return
        self._seen[run_id] = state
        self._seen.move_to_end(run_id)
        if len(self._seen) > _KNOWN_RUNS:
            self._seen.popitem(last=False)
        # The watch waits for this: neither a client that reads nothing may hold it up, nor its end lose an update.
        with anyio.move_on_after(_SEND_SECONDS, shield=True):
            for kind in PUSHED:
                await self._tell(kind.template.expand({"run_id": run_id}))

    async def _tell(self, uri: str) -> None:
        await self._bus.publish(ResourceUpdated(uri))
        if session := self.sessions.get(uri):
            try:
                await session.send_resource_updated(uri)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                del self.sessions[uri]
