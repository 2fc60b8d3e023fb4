"""Polls runs that no call waits for, such as those with subscribers, at the lowest priority within the budget."""

from collections.abc import Callable, Collection
from typing import Final

import anyio

from mogplex_mcp.runs.watches import Watches

PAUSE_SECONDS: Final = 6.0
"""Between two polls, of whatever run: ten a minute, a third of what polling may use."""

INTERVAL_SECONDS: Final = 20.0
"""Between two polls of one run. One that a call waits for is polled more often anyway."""


class UnawaitedPolling:
    """Polls runs one after another, the one that was polled longest ago first, until there are none.

    Any number of callers may keep it going; one of them polls, and another takes over when it leaves.

    Args:
        runs: Returns the ids of the runs.
    """

    def __init__(self, runs: Callable[[], Collection[str]]) -> None:
        self._runs = runs
        self._lock = anyio.Lock()

    @property
    def is_running(self) -> bool:
        """Whether a caller keeps it going."""
        return self._lock.locked()

    async def run(self, watches: Callable[[], Watches]) -> None:
        """Poll as long as there are runs.

        Args:
            watches: Returns the watches of the tenant; those of a person change with the token.
        """
        async with self._lock:
            while self._runs():
                await anyio.sleep(PAUSE_SECONDS)
                found = [watch for run_id in self._runs() if not (watch := watches().of(run_id)).is_over]
                due = [watch for watch in found if watch.idle_seconds >= INTERVAL_SECONDS]
                if due:
                    await max(due, key=lambda watch: watch.idle_seconds).poll_unawaited()
