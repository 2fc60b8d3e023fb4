"""Whether a run that has not ended still can: the same rules for runs and for runs of automations."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

NEVER_STARTED_AFTER: Final = timedelta(minutes=3)
"""How long a run may be without a worker before it counts as never started."""

STALE_AFTER: Final = timedelta(minutes=35)
"""How long nothing may be heard of an unfinished run before it counts as stale."""


def is_never_started(created_at: datetime | None, *, worker: str | None, at_work: bool, now: datetime) -> bool:
    """Return whether no worker took an unfinished run in time, so that it will not run.

    Args:
        created_at: When Mogplex accepted it.
        worker: The id of its worker; empty or None for none.
        at_work: Whether a worker was seen at work all the same.
        now: The time at Mogplex.
    """
    return not worker and not at_work and created_at is not None and now - created_at > NEVER_STARTED_AFTER


def silence_since(times: Iterable[datetime | None], now: datetime) -> timedelta:
    """Return how long ago the latest of these times was; zero if there is none."""
    known = [time for time in times if time is not None]
    return max(now - max(known), timedelta()) if known else timedelta()
