"""The latest run of each session: what a call means that names no run.

The journal is shared by all clients of a user, so its newest run may be that of another one. This is kept in memory: a
new process has started nothing yet.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import anyio

MOST_SESSIONS: Final = 1_000


@dataclass(frozen=True)
class LatestRun:
    """The latest start of a session.

    Attributes:
        run_id: The run; empty if it is not known whether the start made one.
        at: When it was started, on the clock of the event loop.
    """

    run_id: str
    at: float


class LatestRuns:
    """The latest run of each session of one tenant; the sessions used least recently are forgotten."""

    def __init__(self) -> None:
        self._latest: OrderedDict[tuple[str, str], LatestRun] = OrderedDict()

    def note(self, session: str, run_id: str, *, automation_id: str = "") -> None:
        """Note a start.

        Args:
            session: The session that asked for it.
            run_id: The run; empty if it is not known whether there is one.
            automation_id: The automation that it is a run of; empty for none.
        """
        whose = session, automation_id
        self._latest[whose] = LatestRun(run_id, anyio.current_time())
        self._latest.move_to_end(whose)
        if len(self._latest) > MOST_SESSIONS:
            self._latest.popitem(last=False)

    def of(self, session: str, *, automation_id: str = "") -> LatestRun | None:
        """Return the latest start of a session, if there was one."""
        return self._latest.get((session, automation_id))
