"""Starting a run exactly once, whatever happens to the request, the answer or this process.

Its key follows from the request, and every further try uses it (`idempotency`). What cannot be known is said to be
unknown, and trying again with the same arguments is always safe (mogplex-api.md, section 2, "Starting a run").
Such keys belong to the user at Mogplex: what the user's keys are derived from needs nothing that others don't know.
"""

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Final

import anyio

from mogplex_mcp.api.client import Mogplex, StartRun, check_prompt
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import DEFAULT_TIMEOUT
from mogplex_mcp.api.models import Run, StartedRun
from mogplex_mcp.api.responses import RUN_LIMIT_EXCEEDED
from mogplex_mcp.api.server_clock import ServerClock
from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.runs.idempotency import Sent, chain_of, key_day, start_once, until_clear
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
        replayed: Whether it is a run that an earlier call had started; never because of a retry within this call.
        noted: Whether the ledger knows the id; if not, it is known from this answer only.
    """

    run: Run
    replayed: bool
    noted: bool = True

    @property
    def is_unqueued(self) -> bool:
        """Whether Mogplex accepted the run, but could not queue it: it has failed, and nothing was done."""
        return self.run.status == "failed" and not self.run.runtime_run_id


class Starter:
    """Starts runs with one token.

    Args:
        mogplex: The API.
        ledger: The starts of the user.
        clock: The time at Mogplex.
    """

    def __init__(self, mogplex: Mogplex, ledger: Ledger, clock: ServerClock) -> None:
        self._mogplex = mogplex
        self._ledger = ledger
        self._clock = clock

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
        known_runs: Collection[str] | None = None,
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
            known_runs: As in `Ledger.begin`.

        Raises:
            BranchInUseError: Another start may work on the branch; nothing was started.
            MogplexError: Nothing was started, or (`may_have_happened`) it is not known whether.
            StateError: The ledger cannot be used, and the start is forced.
        """
        check_prompt(wanted.prompt)
        key = idempotency_key.strip()
        if key and not _KEY.fullmatch(key):
            raise MogplexError(
                ErrorCode.INVALID_ARGUMENT, "the idempotency key must be 1 to 200 visible ASCII characters"
            )
        fingerprint = fingerprint_of(wanted)
        entry = Entry(
            key=key,
            state=StartState.SENDING,
            fingerprint=fingerprint,
            forced=force_new and not key,
            repo_id=wanted.repo_id,
            repo=repo,
            base_branch=wanted.base_branch or default_branch,
            prompt_line=first_line(wanted.prompt) if remember_prompt else "",
            day=key_day(self._clock),
            working_branch=wanted.working_branch,
        )
        launch = _RunLaunch(self._mogplex, wanted, until=anyio.current_time() + seconds)
        chain = "" if key else chain_of("run", fingerprint)
        launched = await start_once(self._ledger, entry, launch, chain=chain, clock=self._clock, known_runs=known_runs)
        assert launched.run is not None  # noqa: S101 - Mogplex always describes a run that it accepts
        return Started(launched.run, replayed=launched.replayed, noted=launched.noted)


@dataclass
class _RunLaunch:
    """How a run is sent and looked up.

    Attributes:
        mogplex: The API.
        wanted: The run; the base branch of the entry is sent.
        until: When to give up, on the clock of the event loop.
    """

    mogplex: Mogplex
    wanted: StartRun
    until: float

    async def look(self, run_id: str) -> Run | None:
        return await self.mogplex.get_run(run_id)

    async def send(self, entry: Entry) -> Sent[Run]:
        """Send the request, and once more where the answer leaves open what it did.

        When the queue behind Mogplex fails, there is a 500 without an id and the run exists all the same
        (mogplex-api.md, section 2, "Starting a run"): only its key can tell the id.
        """
        try:
            answer, repeated = await until_clear(lambda: self._post(entry), self._is_unclear)
        except MogplexError as error:
            raise _explained(error) from error
        return Sent(answer.run.run_id, answer.run, answer.replayed, repeated=repeated)

    def _is_unclear(self, error: MogplexError) -> bool:
        is_open = error.code in (ErrorCode.INTERNAL_ERROR, ErrorCode.UNEXPECTED_ANSWER)
        return is_open and self._left >= _SHORTEST_TRY_SECONDS

    @property
    def _left(self) -> float:
        return self.until - anyio.current_time()

    async def _post(self, entry: Entry) -> StartedRun:
        wanted = replace(self.wanted, base_branch=entry.base_branch)
        return await self.mogplex.start_run(
            wanted, idempotency_key=entry.key, timeout=max(_SHORTEST_TRY_SECONDS, self._left)
        )


def fingerprint_of(wanted: StartRun) -> str:
    """Return a hash of everything that is asked for: the same for the same start."""
    return hashlib.sha256(json.dumps(asdict(wanted), sort_keys=True).encode()).hexdigest()


def first_line(prompt: str) -> str:
    """Return the first line of a prompt, without keys and cut, as the journal keeps it."""
    line = without_keys(" ".join(next(iter(prompt.strip().splitlines()), "").split()))
    return line if len(line) <= PROMPT_LINE_CHARACTERS else line[: PROMPT_LINE_CHARACTERS - 1] + "…"


def _explained(error: MogplexError) -> MogplexError:
    """Return the error of a spent quota of starts in a way that helps; other errors as they are."""
    if error.may_have_happened or error.code is not ErrorCode.RATE_LIMITED or RUN_LIMIT_EXCEEDED not in error.message:
        return error
    seconds = error.retry_after or 0.0
    which = "minute" if seconds <= 60 else "hour" if seconds <= 3_600 else "day"  # noqa: PLR2004 - seconds of these
    return MogplexError(
        error.code,
        "Mogplex starts at most 10 runs a minute, 30 an hour and 150 a day with one token, and those of this"
        f" {which} are used up. Nothing was started",
        retry_after=error.retry_after,
    )
