"""What one tenant polls at present, and how often each of it can be polled within the rate limit."""

from collections import OrderedDict
from typing import Final

import anyio

from mogplex_mcp.api.budget import WATCHING_UNITS_PER_MINUTE, WINDOW_SECONDS

FORGOTTEN_AFTER_SECONDS: Final = 300.0
"""How long after the last question something counts as polled."""

LONGEST_SHARE_SECONDS: Final = 120.0
"""The longest interval that is suggested, so that what is polled so rarely is not forgotten in between."""


class FairShare:
    """Counts what is asked about again and again, such as the runs of tasks.

    The rate limit itself is kept by the budget. This tells clients beforehand when it is worth asking again.
    """

    def __init__(self) -> None:
        self._asked_at: OrderedDict[str, float] = OrderedDict()

    def note(self, key: str) -> None:
        """Count what this key stands for: it was asked about now."""
        now = anyio.current_time()
        self._asked_at[key] = now
        self._asked_at.move_to_end(key)
        while now - next(iter(self._asked_at.values())) > FORGOTTEN_AFTER_SECONDS:
            self._asked_at.popitem(last=False)

    def forget(self, key: str) -> None:
        """Count it no longer: it will not be asked about again."""
        self._asked_at.pop(key, None)

    @property
    def seconds(self) -> float:
        """The interval at which each can be polled if all have an equal share, in seconds."""
        return min(LONGEST_SHARE_SECONDS, len(self._asked_at) * WINDOW_SECONDS / WATCHING_UNITS_PER_MINUTE)
