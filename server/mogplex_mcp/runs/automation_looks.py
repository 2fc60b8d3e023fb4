"""The latest looks at runs of automations, for programs that ask again and again without waiting in between."""

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from mogplex_mcp.api.automation_models import AutomationRunDetail
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.runs.polling import pause_after
from mogplex_mcp.runs.watch import AGAIN_AFTER_ERROR_SECONDS, FINAL_ERRORS

MOST_RUNS: Final = 64
"""Of one tenant. A run that is evicted is looked at anew."""

Ask = Callable[[bool], Awaitable[AutomationRunDetail | None]]
"""Asks Mogplex for the run, None if it has none; gets whether that is polling, which waits for the rate limit."""


@dataclass
class RecentLook:
    """The latest look at a run of an automation.

    Attributes:
        run: The run; None before the first look.
        seen_at: When it was seen, on the clock of the event loop.
        next_at: When the next look is due, on the same clock.
        fault: Why the look after it failed, or None.
    """

    run: AutomationRunDetail | None = None
    seen_at: float = -math.inf
    next_at: float = -math.inf
    fault: MogplexError | None = None
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class AutomationLooks:
    """The latest looks of one tenant; concurrent looks at one run share a request."""

    def __init__(self) -> None:
        self._recent: OrderedDict[str, RecentLook] = OrderedDict()

    async def look(
        self, run_id: str, ask: Ask, *, pause: float, most_seconds: float
    ) -> tuple[AutomationRunDetail, RecentLook]:
        """Return the run, seen now if a look is due and the rate limit allows it in time, else as it was seen last.

        Args:
            run_id: The run.
            ask: Asks Mogplex.
            pause: Seconds until the look after this one is due.
            most_seconds: How long to wait for the rate limit.

        Raises:
            MogplexError: The run was never seen, or no further look can succeed.
        """
        recent = self._recent.setdefault(run_id, RecentLook())
        self._recent.move_to_end(run_id)
        if len(self._recent) > MOST_RUNS:
            self._recent.popitem(last=False)
        with anyio.move_on_after(most_seconds):
            async with recent.lock:
                if anyio.current_time() >= recent.next_at:
                    await _ask(recent, ask, pause)
        if recent.fault is not None and (recent.run is None or recent.fault.code in FINAL_ERRORS):
            raise recent.fault.with_traceback(None)
        if recent.run is None:
            raise MogplexError(ErrorCode.TIMED_OUT, "Mogplex did not say in time how the run stands")
        return recent.run, recent


async def _ask(recent: RecentLook, ask: Ask, pause: float) -> None:
    try:
        run = await ask(recent.run is not None)
    except MogplexError as error:
        recent.fault = error
    else:
        recent.run = run or recent.run
        recent.fault = None if run else MogplexError(ErrorCode.NOT_FOUND, "Mogplex has no details of this run")
        recent.seen_at = anyio.current_time()
    if recent.fault is not None:
        pause = pause_after(recent.fault, max(pause, AGAIN_AFTER_ERROR_SECONDS))
    recent.next_at = anyio.current_time() + pause
