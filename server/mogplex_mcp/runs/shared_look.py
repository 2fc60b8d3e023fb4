"""What replicas share of one run: the last look at it, and who takes the next one.

Without a database, or while it is away, each replica looks for itself: nothing here fails.
"""

import json
from collections.abc import Awaitable
from typing import Final, NamedTuple, TypeVar

import anyio

from mogplex_mcp.api.models import RunEvents
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.looks import Look, SharedLooks

_T = TypeVar("_T")

ASK_AGAIN_SECONDS: Final = 0.5
"""How often a replica looks whether another one, which has the lease, has news."""

REFRESH_LEASE_SECONDS: Final = 2.0
"""How long the refresh of another replica is waited for."""


class Seen(NamedTuple):
    """What another replica saw, and how many seconds ago."""

    response: RunEvents
    age_seconds: float


class SharedLook:
    """The shared look at one run.

    Args:
        looks: The looks of the tenant; None where this process is the only one.
        run_id: The run.
    """

    def __init__(self, looks: SharedLooks | None, run_id: str) -> None:
        self._looks = looks
        self._run_id = run_id
        self._number = 0

    async def claim(self, lease_seconds: float) -> Seen | float:
        """Return what another replica saw since the last call, or the seconds until it is worth asking again.

        0 means that this replica has to look, and to `publish` what it sees within `lease_seconds`; later, another one
        may look as well.
        """
        if self._looks is None:
            return 0.0
        claim = await _or_none(self._looks.claim(self._run_id, seen=self._number, lease_seconds=lease_seconds))
        if isinstance(claim, Look):
            return self._read(claim)
        return min(claim or 0.0, ASK_AGAIN_SECONDS)

    async def fresh(self, most_seconds: float) -> Seen | None:
        """Return what another replica saw within the last `most_seconds`, also what it is about to see.

        None means that this replica has to look itself.
        """
        deadline = anyio.current_time() + REFRESH_LEASE_SECONDS
        while anyio.current_time() < deadline:
            claim = await self.claim(REFRESH_LEASE_SECONDS)
            if isinstance(claim, Seen):
                if claim.age_seconds <= most_seconds:
                    return claim
            elif claim == 0:
                return None
            else:
                await anyio.sleep(claim)
        return None

    async def publish(self, response: RunEvents) -> None:
        """Let the other replicas know what this one saw, truncated."""
        if self._looks is not None:
            answer = json.dumps(response.model_dump(mode="json"))
            self._number = await _or_none(self._looks.publish(self._run_id, answer)) or self._number

    def _read(self, look: Look) -> Seen | float:
        self._number = look.number
        try:
            response = RunEvents.model_validate(json.loads(look.answer), by_name=True)
        except ValueError:
            return 0.0  # written by another release, during a roll-over
        return Seen(response, look.age_seconds)


async def _or_none(asked: Awaitable[_T]) -> _T | None:
    try:
        return await asked
    except StateError:
        return None
