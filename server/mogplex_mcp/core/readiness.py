"""Readiness: whether this process should get requests, as balancers ask every few seconds."""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from mogplex_mcp.core.shutdown import Shutdown

CHECK_SECONDS: Final = 1.0
"""How long the outcome of a check is valid: however many balancers ask, the state is asked once a second."""

QUIET_SECONDS: Final = 60.0
"""A state that comes and goes is logged once in this time."""

_log = logging.getLogger(__name__)


class Readiness:
    """The readiness of one process.

    Args:
        shutdown: Its graceful shutdown.
    """

    def __init__(self, shutdown: Shutdown) -> None:
        self._check: Callable[[], Awaitable[None]] | None = None
        self._logs = True
        self._shutdown = shutdown
        self._lock = anyio.Lock()
        self._problem = ""
        self._checked_at = self._logged_at = -math.inf
        self._is_logged = False

    def depend_on(self, check: Callable[[], Awaitable[None]], *, logs: bool) -> None:
        """Ask the state from now on.

        Args:
            check: Raises an `OSError` while the state cannot be used.
            logs: Whether to log the reason; a database does that itself.
        """
        self._check, self._logs = check, logs

    @property
    def was_ready(self) -> bool:
        """Whether the process was ready when it was last asked."""
        return not self._shutdown.is_draining and not self._problem

    async def problem(self) -> str:
        """Return why the process is not ready, without names of hosts, users or files; empty if it is."""
        if self._shutdown.is_draining:
            return "shutting down"
        async with self._lock:
            if self._check is not None and anyio.current_time() - self._checked_at >= CHECK_SECONDS:
                self._note(await _failure(self._check))
                self._checked_at = anyio.current_time()
        return self._problem

    def _note(self, failure: str) -> None:
        """Keep the outcome of a check, and log a change: anyone may read the problem, and only operators the log."""
        now = anyio.current_time()
        if self._logs and failure and not self._problem and now - self._logged_at >= QUIET_SECONDS:
            self._logged_at, self._is_logged = now, True
            _log.error("Not ready: %s", failure)
        elif self._is_logged and not failure:
            self._is_logged = False
            _log.warning("Ready again.")
        self._problem = "the state cannot be used" if failure else ""


async def _failure(check: Callable[[], Awaitable[None]]) -> str:
    try:
        await check()
    except OSError as error:
        return str(error)
    return ""
