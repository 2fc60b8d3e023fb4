"""Sets of names that expire: the confirmations that were used, and the tasks that were cancelled."""

import time
from collections import OrderedDict
from typing import Final, Protocol

MOST_NAMES: Final = 10_000
"""Beyond it, the oldest are forgotten. A confirmation is valid for a quarter of an hour, in which one token can't use
1,000: the API allows it 60 requests a minute. A cancellation that is forgotten costs requests, and nothing else."""


class ExpiringNames(Protocol):
    """A set of names, each of which is kept until it expires."""

    async def add(self, name: str, *, valid_seconds: float) -> bool:
        """Add a name; return False if the set has it already.

        Args:
            name: The name, such as the state that was sealed with the question of a confirmation.
            valid_seconds: After this time, the name is forgotten.

        Raises:
            StateError: It cannot be known whether the set has it.
        """

    async def has(self, name: str) -> bool:
        """Return whether the set has a name.

        Raises:
            StateError: It cannot be known.
        """


class MemoryExpiringNames:
    """The `ExpiringNames` of one process."""

    def __init__(self) -> None:
        self._expiry: OrderedDict[str, float] = OrderedDict()

    async def add(self, name: str, *, valid_seconds: float) -> bool:
        """See `ExpiringNames.add`."""
        now = time.time()  # the clock by which the seal expires
        while self._expiry and (len(self._expiry) >= MOST_NAMES or next(iter(self._expiry.values())) <= now):
            self._expiry.popitem(last=False)
        if name in self._expiry:
            return False
        self._expiry[name] = now + valid_seconds
        return True

    async def has(self, name: str) -> bool:
        """See `ExpiringNames.has`."""
        return self._expiry.get(name, 0.0) > time.time()
