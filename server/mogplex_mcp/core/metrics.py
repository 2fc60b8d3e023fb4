"""What is measured of a process. Nothing is recorded unless an operator asks for metrics."""

import contextlib
from contextlib import AbstractContextManager
from typing import Final, Protocol

_NOTHING: Final = contextlib.nullcontext()


class Recorder(Protocol):
    """Records what happens. No argument has text of callers or of Mogplex; times are in seconds."""

    def tool_called(self, tool: str, outcome: str, seconds: float) -> None:
        """Record a call of a tool.

        Args:
            tool: The name of an offered tool, or `other`.
            outcome: `ok`, `cancelled` or the code of the error.
            seconds: How long it took.
        """

    def api_requested(self, route: str, status: str, seconds: float) -> None:
        """Record a request to Mogplex.

        Args:
            route: The method, and the path with `{id}` in place of ids.
            status: The HTTP status, or why there is none.
            seconds: How long it took until the head of the response.
        """

    def budget_spent(self, units: int, *, watching: bool) -> None:
        """Record what a request costs of the rate limit of its token."""

    def waiting(self, run: object) -> AbstractContextManager[None]:
        """Record that a caller waits for news of a run while the block runs."""

    def ledger_written(self, operation: str, outcome: str, seconds: float) -> None:
        """Record a write to the ledger of starts."""


class NoRecorder:
    """Records nothing."""

    def tool_called(self, tool: str, outcome: str, seconds: float) -> None:
        """See `Recorder.tool_called`."""

    def api_requested(self, route: str, status: str, seconds: float) -> None:
        """See `Recorder.api_requested`."""

    def budget_spent(self, units: int, *, watching: bool) -> None:
        """See `Recorder.budget_spent`."""

    def waiting(self, run: object) -> AbstractContextManager[None]:
        """See `Recorder.waiting`."""
        del run
        return _NOTHING

    def ledger_written(self, operation: str, outcome: str, seconds: float) -> None:
        """See `Recorder.ledger_written`."""


NO_METRICS: Final[Recorder] = NoRecorder()
