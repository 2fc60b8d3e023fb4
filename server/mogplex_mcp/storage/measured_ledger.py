"""A ledger whose writes are measured."""

import time
from collections.abc import Awaitable, Collection, Sequence
from typing import TypeVar

from mogplex_mcp.core.metrics import Recorder
from mogplex_mcp.storage.ledger import KEPT_ENTRIES, BranchInUseError, Entry, Ledger, StartState

_T = TypeVar("_T")


class MeasuredLedger:
    """The `Ledger` that is another one, with its writes recorded.

    Args:
        ledger: The other one.
        recorder: Records the writes.
    """

    def __init__(self, ledger: Ledger, recorder: Recorder) -> None:
        self._ledger = ledger
        self._recorder = recorder

    async def begin(
        self, wanted: Entry, *, chain: str = "", after: int = -1, known_runs: Collection[str] | None = None
    ) -> tuple[Entry, bool]:
        """See `Ledger.begin`."""
        beginning = self._ledger.begin(wanted, chain=chain, after=after, known_runs=known_runs)
        return await self._measured("begin", beginning)

    async def settle(
        self,
        entry: Entry,
        *,
        run_id: str,
        status: str,
        state: StartState = StartState.STARTED,
        created_at: float | None = None,
    ) -> None:
        """See `Ledger.settle`."""
        settling = self._ledger.settle(entry, run_id=run_id, status=status, state=state, created_at=created_at)
        await self._measured("settle", settling)

    async def refuse(self, entry: Entry) -> None:
        """See `Ledger.refuse`."""
        await self._measured("refuse", self._ledger.refuse(entry))

    async def see_run(self, run_id: str, *, repo_id: str, status: str, pull_request: str, created_at: float) -> None:
        """See `Ledger.see_run`."""
        seeing = self._ledger.see_run(
            run_id, repo_id=repo_id, status=status, pull_request=pull_request, created_at=created_at
        )
        await self._measured("see_run", seeing)

    async def find_run(self, run_id: str) -> Entry | None:
        """See `Ledger.find_run`."""
        return await self._ledger.find_run(run_id)

    async def runs(self, *, repo_id: str = "", since: float = 0.0, limit: int = KEPT_ENTRIES) -> Sequence[Entry]:
        """See `Ledger.runs`."""
        return await self._ledger.runs(repo_id=repo_id, since=since, limit=limit)

    async def _measured(self, operation: str, write: Awaitable[_T]) -> _T:
        began, outcome = time.perf_counter(), "failed"
        try:
            result = await write
            outcome = "ok"
        except BranchInUseError:
            outcome = "ok"  # the ledger works
            raise
        finally:
            self._recorder.ledger_written(operation, outcome, time.perf_counter() - began)
        return result
