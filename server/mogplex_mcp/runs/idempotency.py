"""When a start is a repetition: the same rules for runs and for triggers of automations.

Within ten minutes the same arguments are the same start, whether its run has ended or not; a key of the caller's own is
the same start at any time. What an earlier start came to is looked up, which costs no quota. The key itself is chosen
by the caller of this module.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.storage.ledger import Entry, Ledger, StartState
from mogplex_mcp.storage.state_file import StateError

SAME_START_SECONDS: Final = 600.0


class _HasStatus(Protocol):
    @property
    def status(self) -> str: ...


RunT = TypeVar("RunT", bound=_HasStatus)


@dataclass(frozen=True)
class Begun(Generic[RunT]):
    """A start that is in the ledger.

    Attributes:
        entry: Its entry; its key is the one to send.
        earlier: Whether an earlier call began it.
        run: The run that it made; None where only a request can tell.
    """

    entry: Entry
    earlier: bool
    run: RunT | None = None


async def begin(
    ledger: Ledger, wanted: Entry, look: Callable[[str], Awaitable[RunT | None]], *, own_key: bool
) -> Begun[RunT]:
    """Record a start before it is sent, or look up what the same start came to.

    Args:
        ledger: The starts of the caller.
        wanted: The start.
        look: Gets a run by its id; None or `NOT_FOUND` where Mogplex does not have it any more.
        own_key: Whether the key is the caller's own, so that only the key says what is the same start.

    Raises:
        MogplexError: `IDEMPOTENCY_CONFLICT` where the key was used with other arguments; or the run cannot be
            looked up.
        StateError: The ledger cannot be used; nothing was sent.
    """
    while True:
        entry, earlier = await ledger.begin(wanted, within_seconds=0 if own_key else SAME_START_SECONDS)
        if entry.fingerprint != wanted.fingerprint:
            raise MogplexError(
                ErrorCode.IDEMPOTENCY_CONFLICT,
                "this idempotency key was used for a run with other arguments; use another key, or the same arguments",
            )
        if not earlier or not entry.run_id or entry.state is StartState.GONE:
            return Begun(entry, earlier)
        run = await _found(look(entry.run_id))
        if run is not None:
            await ledger.settle(entry, run_id=entry.run_id, status=run.status)
            return Begun(entry, earlier, run)
        # The ledger decides once more: other processes may have found out the same.
        await ledger.settle(entry, run_id=entry.run_id, status=entry.status, state=StartState.GONE)


async def note_failure(ledger: Ledger, begun: Begun[RunT], error: MogplexError) -> None:
    """Record that a request failed, and mark the error if the start may have happened all the same.

    That one request was refused says nothing of others that were sent under the same key.
    """
    if begun.earlier or error.may_have_happened:
        error.may_have_happened = True
    else:
        await noted(ledger.refuse(begun.entry))


async def noted(write: Awaitable[None]) -> bool:
    """Record what came of a start; whether that worked. The key was recorded before: a repetition finds the run."""
    try:
        await write
    except StateError:
        return False
    return True


async def _found(run: Awaitable[RunT | None]) -> RunT | None:
    try:
        return await run
    except MogplexError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise
        return None
