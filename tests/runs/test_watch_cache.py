"""The memory that snapshots take between calls is bounded, for one run and for all."""

import tracemalloc
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from mogplex_mcp.api.models import RunEvents
from mogplex_mcp.runs.outcome import read_outcome
from mogplex_mcp.runs.truncation import MESSAGE_CHARACTERS
from mogplex_mcp.runs.watch import EVENT_WINDOW
from mogplex_mcp.runs.watches import MAX_CACHED_CHARACTERS, MAX_CACHED_WATCHES, WatchCache, Watches
from tests.runs.support import RUN_ID
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

HUGE = "\U0001f4a3" * 100_000
PULL_REQUEST = "https://github.com/acme/web/pull/7"


def event(number: int, **payload: Any) -> dict[str, Any]:
    return {"id": f"{number}", "type": "finished", "message": f"{number} {HUGE}", "payload": payload}


class Hostile:
    """A Mogplex whose responses are as large as possible."""

    def __init__(self, *, events: int = 3) -> None:
        self._events = events

    async def get_run_events(self, run_id: str, **_: Any) -> RunEvents:
        payload = {"stage": HUGE, "failure_code": HUGE, "exit_code": 10**4_000, "more": [HUGE], "changed": True}
        events = [event(number, **payload) for number in range(self._events)]
        events[0]["payload"] = {"payloadPreview": f'{HUGE},"pull_request_url":"{PULL_REQUEST}",'}
        run = {"runId": run_id, "status": "streaming", "error": HUGE, "harness": HUGE, "branch": {"working": HUGE}}
        return RunEvents.model_validate({"run": run, "events": events})


def watches(mogplex: Hostile, cache: WatchCache | None = None) -> Watches:
    return Watches(mogplex, now=virtual_now, cache=cache)  # type: ignore[arg-type] # the one method that is called


async def test_snapshot_size_is_bounded() -> None:
    snapshot = await watches(Hostile(events=2 * EVENT_WINDOW)).of(RUN_ID).refresh()
    assert len(snapshot.events) == EVENT_WINDOW
    assert len(repr(snapshot)) < 4_000 * EVENT_WINDOW


async def test_truncation_keeps_outcome_and_start_of_messages() -> None:
    snapshot = await watches(Hostile()).of(RUN_ID).refresh()
    outcome = read_outcome(
        snapshot.run, snapshot.events, repo="acme/web", now=datetime.fromtimestamp(virtual_now(), UTC)
    )
    assert outcome.pull_request == PULL_REQUEST
    assert outcome.changed
    assert outcome.exit_code is None
    assert snapshot.events[2].message is not None
    assert snapshot.events[2].message.startswith("2 ")


async def test_truncation_ends_messages_with_ellipsis() -> None:
    snapshot = await watches(Hostile()).of(RUN_ID).refresh()
    for text in (snapshot.events[2].message, snapshot.run.error):
        assert text is not None
        assert len(text) == MESSAGE_CHARACTERS
        assert text.endswith(f"{HUGE[:10]}…")


async def test_watch_cache_bounds_memory_across_tenants() -> None:
    cache = WatchCache()
    tracemalloc.start()
    for _ in range(6):
        mine = watches(Hostile(events=EVENT_WINDOW), cache)
        for _ in range(8):
            await mine.of(str(uuid.uuid4())).refresh()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A character takes four bytes here.
    assert held < 5 * MAX_CACHED_CHARACTERS


async def test_watch_cache_evicts_least_recently_used_and_is_not_shared_between_tenants() -> None:
    cache = WatchCache()
    mine, others = watches(Hostile(), cache), watches(Hostile(), cache)
    first = mine.of(RUN_ID)
    await first.refresh()
    assert others.of(RUN_ID).latest is None
    number = id(first)
    del first
    assert id(mine.of(RUN_ID)) == number
    for _ in range(MAX_CACHED_WATCHES):
        mine.of(str(uuid.uuid4()))
    assert mine.of(RUN_ID).latest is None
