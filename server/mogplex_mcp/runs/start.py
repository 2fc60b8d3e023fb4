"""Starting a run exactly once, whatever happens to the request, the answer or this process.

The key is in the ledger before the first byte leaves, and every further try uses it. What cannot be known is said to
be unknown, and trying again with the same arguments is always safe (mogplex-api.md, section 2, "Starting a run").
"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Final

import anyio

from mogplex_mcp.api.client import Mogplex, StartRun, check_prompt
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import DEFAULT_TIMEOUT
from mogplex_mcp.api.models import Run, StartedRun
from mogplex_mcp.api.responses import RUN_LIMIT_EXCEEDED
from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.runs.idempotency import Begun, begin, note_failure, noted
from mogplex_mcp.storage.ledger import Entry, Ledger, StartState

PROMPT_LINE_CHARACTERS: Final = 80
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
# Less is not worth another request.
_SHORTEST_TRY_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Started:
    """A run that has an id.

    Attributes:
        run: The run as Mogplex last described it.
        replayed: Whether it is a run that an earlier call had started.
        noted: Whether the ledger knows the id; if not, it is known from this answer only.
    """

    run: Run
    replayed: bool
    noted: bool = True


class Starter:
    """Starts runs with one token."""

    def __init__(
        self, mogplex: Mogplex, ledger: Ledger, *, new_key: Callable[[], str] = lambda: str(uuid.uuid4())
    ) -> None:
        self._mogplex = mogplex
        self._ledger = ledger
        self._new_key = new_key

    async def start(
        self,
        wanted: StartRun,
        *,
        repo: str,
        default_branch: str,
        force_new: bool = False,
        idempotency_key: str = "",
        remember_prompt: bool = True,
        seconds: float = DEFAULT_TIMEOUT,
    ) -> Started:
        """Start a run, or find the one that the same call started before.

        Args:
            wanted: The run as the user asked for it.
            repo: The name of its repository, for the journal.
            default_branch: What an empty base branch means; sent explicitly, since Mogplex compares repeated requests
                after filling it in, and a changed default would turn a repetition into a conflict.
            force_new: Start another run although the same call made one. A forced start whose own outcome is unknown
                is found out first, so that repeating it is safe.
            idempotency_key: The caller's own name for this start: the same one finds the same run at any time.
            remember_prompt: Whether the journal keeps the prompt's first line.
            seconds: How long Mogplex may take.

        Raises:
            MogplexError: Nothing was started, or (`may_have_happened`) it is not known whether.
            StateError: The ledger cannot be written; nothing was sent.
        """
        check_prompt(wanted.prompt)
        key = idempotency_key.strip()
        if key and not _KEY.fullmatch(key):
            raise MogplexError(
                ErrorCode.INVALID_ARGUMENT, "the idempotency key must be 1 to 200 visible ASCII characters"
            )
        entry = Entry(
            key=key or self._new_key(),
            state=StartState.SENDING,
            fingerprint=_fingerprint(wanted),
            forced=force_new and not key,
            repo_id=wanted.repo_id,
            repo=repo,
            base_branch=wanted.base_branch or default_branch,
            prompt_line=_first_line(wanted.prompt) if remember_prompt else "",
        )
        begun = await begin(self._ledger, entry, self._mogplex.get_run, own_key=bool(key))
        if begun.run is not None:
            return Started(begun.run, replayed=True)
        return await self._send(replace(wanted, base_branch=begun.entry.base_branch), begun, seconds)

    async def _send(self, wanted: StartRun, begun: Begun[Run], seconds: float) -> Started:
        try:
            answer = await self._post(wanted, begun.entry.key, seconds)
        except MogplexError as error:
            if begun.earlier and error.code is ErrorCode.IDEMPOTENCY_CONFLICT:
                raise MogplexError(
                    ErrorCode.CONFLICT,
                    "an earlier try of this start made a run, but Mogplex reads the same request in another way now"
                    " and does not tell its id; look for it on the Mogplex web page before you force another start",
                ) from error
            await note_failure(self._ledger, begun, error)
            if error.may_have_happened:
                raise
            raise _explained(error) from error
        run = answer.run
        is_noted = await noted(self._ledger.settle(begun.entry, run_id=run.run_id, status=run.status))
        return Started(run, replayed=answer.replayed, noted=is_noted)

    async def _post(self, wanted: StartRun, key: str, seconds: float) -> StartedRun:
        """Send the request, and once more where the answer leaves open what it did.

        When the queue behind Mogplex fails, there is a 500 without an id and the run exists all the same
        (mogplex-api.md, section 2, "Starting a run"): only its key can tell the id.
        """
        until = anyio.current_time() + seconds
        try:
            return await self._mogplex.start_run(wanted, idempotency_key=key, timeout=seconds)
        except MogplexError as error:
            left = until - anyio.current_time()
            unclear = error.code in (ErrorCode.INTERNAL_ERROR, ErrorCode.UNEXPECTED_ANSWER)
            if not unclear or not error.may_have_happened or left < _SHORTEST_TRY_SECONDS:
                raise
        try:
            return await self._mogplex.start_run(wanted, idempotency_key=key, timeout=left)
        except MogplexError as error:
            error.may_have_happened = True
            raise


def _fingerprint(wanted: StartRun) -> str:
    return hashlib.sha256(json.dumps(asdict(wanted), sort_keys=True).encode()).hexdigest()


def _first_line(prompt: str) -> str:
    line = without_keys(" ".join(prompt.strip().splitlines()[0].split()))
    return line if len(line) <= PROMPT_LINE_CHARACTERS else line[: PROMPT_LINE_CHARACTERS - 1] + "…"


def _explained(error: MogplexError) -> MogplexError:
    """A spent quota of starts, said in a way that helps; other errors as they are."""
    if error.code is not ErrorCode.RATE_LIMITED or RUN_LIMIT_EXCEEDED not in error.message:
        return error
    seconds = error.retry_after or 0.0
    which = "minute" if seconds <= 60 else "hour" if seconds <= 3_600 else "day"  # noqa: PLR2004 - seconds of these
    return MogplexError(
        error.code,
        "Mogplex starts at most 10 runs a minute, 30 an hour and 150 a day with one token, and those of this"
        f" {which} are used up. Nothing was started",
        retry_after=error.retry_after,
    )
