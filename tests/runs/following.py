"""Follow a run as the tool does, on the simulator or on a scripted Mogplex."""

from collections.abc import Sequence
from datetime import UTC, datetime

import anyio

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.models import Run, RunEvent, RunEvents
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.outcome import Outcome
from mogplex_mcp.runs.tail import Reason, Tail, Until, WaitOptions, tail
from mogplex_mcp.runs.watch import RunWatch, Snapshot
from mogplex_mcp.runs.watches import Watches
from mogplex_mcp.storage.looks import SharedLooks
from mogplex_mcp.tenants.tenant import Tenant
from tests.runs.support import RUN_ID, a_run, an_event
from tests.virtual_time import virtual_now


async def _ignore_progress(_: Snapshot, __: Outcome) -> None:
    return


async def follow(
    watch: RunWatch,
    cursor: Cursor | None = None,
    *,
    wait: float = 45,
    until: Until = Until.DONE,
    most: int = 40,
    shutdown: Shutdown | None = None,
) -> Tail:
    return await tail(
        watch,
        cursor or Cursor(RUN_ID),
        options(wait, until, shutdown),
        max_events=most,
        listener=_ignore_progress,
    )


def options(wait: float, until: Until = Until.DONE, shutdown: Shutdown | None = None) -> WaitOptions:
    arrived = anyio.current_time()
    return WaitOptions(
        until=until,
        deadline=arrived + wait,
        refresh_deadline=arrived + max(wait, 45),
        shutdown=shutdown or Shutdown(),
        repo_of=acme_web,
        now=virtual_now,
    )


async def acme_web(_: Run) -> str:
    return "acme/web"


def event_ids(news: Tail) -> list[str]:
    return [event.id for one in news.groups for event in one.events]


class Script:
    """A Mogplex with one run, which returns the given states one after another; the last one stays."""

    def __init__(self, *states: RunEvents | MogplexError) -> None:
        self.states = list(states)
        self.asked = 0

    async def get_run_events(self, _: str, limit: int = 200, **__: object) -> RunEvents:
        state = self.states[min(self.asked, len(self.states) - 1)]
        self.asked += 1
        if isinstance(state, MogplexError):
            raise state
        return RunEvents(run=state.run, events=state.events[:limit])

    def watch(self, looks: SharedLooks | None = None) -> RunWatch:
        return Watches(self, now=virtual_now, jitter=lambda: 0.5, looks=looks).of(RUN_ID)  # type: ignore[arg-type]


def shown(run: Run, events: Sequence[RunEvent] = ()) -> RunEvents:
    return RunEvents(run=run, events=list(events))


def running(*numbers: int, status: str = "streaming") -> RunEvents:
    created = datetime.fromtimestamp(virtual_now(), UTC).isoformat()
    return shown(a_run(status, createdAt=created), [an_event(number) for number in numbers])


async def follow_to_the_end(tenant: Tenant, run_id: str, until: Until = Until.DONE) -> tuple[Tail, list[str]]:
    cursor, all_ids = Cursor(run_id), []
    while True:
        news = await follow(tenant.watches.of(run_id), cursor, until=until)
        all_ids += event_ids(news)
        cursor = Cursor.parse(str(news.cursor), run_id)
        if news.reason is Reason.ENDED and not news.more:
            return news, all_ids
