"""What must be remembered for a while: the confirmations that were used, and the tasks that were cancelled."""

import time
from collections import OrderedDict
from typing import Final, Protocol

MOST_CONFIRMATIONS: Final = 10_000
"""Beyond it, the oldest are forgotten. A confirmation is valid for a quarter of an hour, in which one token can't use
1,000: the API allows it 60 requests a minute. A cancellation that is forgotten costs requests, and nothing else."""


class UsedConfirmations(Protocol):
    """The used confirmations."""

    async def add(self, state: str, *, valid_seconds: float) -> bool:
        """Add a confirmation, by the state that was sealed with its question; return False if it is known already.

        Args:
            state: The state.
            valid_seconds: For how long it could be used again.

        Raises:
            StateError: It cannot be known whether it was used.
        """

    async def has(self, state: str) -> bool:
        """Return whether a state was added and could still be used.

        Raises:
            StateError: It cannot be known.
        """


class MemoryUsedConfirmations:
    """The `UsedConfirmations` of one process."""

    def __init__(self) -> None:
        self._expiry: OrderedDict[str, float] = OrderedDict()

    async def add(self, state: str, *, valid_seconds: float) -> bool:
        """See `UsedConfirmations.add`."""
        now = time.time()  # the clock by which the seal expires
        while self._expiry and (len(self._expiry) >= MOST_CONFIRMATIONS or next(iter(self._expiry.values())) <= now):
            self._expiry.popitem(last=False)
        if state in self._expiry:
            return False
        self._expiry[state] = now + valid_seconds
        return True

    async def has(self, state: str) -> bool:
        """See `UsedConfirmations.has`."""
        return self._expiry.get(state, 0.0) > time.time()
