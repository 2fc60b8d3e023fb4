"""The error of all operations: what happened, why, and advice, as data.

Nothing here is worded for a reader. `toolkit.errors` words it for a model, `cli.terminal.messages` for a person in a
terminal; both start from the code, the reason and the advice, never from another reader's text.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import canonical_uuid, not_a_uuid
from mogplex_mcp.api.repos import RepoError, RepoRemedy
from mogplex_mcp.api.responses import RUN_LIMITER_UNAVAILABLE
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.storage.errors import DatabaseError, StateError

REASON_CHARACTERS = 3_000

logger = logging.getLogger(__name__)


class OperationCode(StrEnum):
    """Codes in addition to those of the API client (`ErrorCode`)."""

    JOURNAL_UNUSABLE = "journal_unusable"
    UNEXPECTED_EXCEPTION = "unexpected_exception"
    UNKNOWN_REPO_ID = "unknown_repo_id"
    CONFIRMATION_NEEDED = "consent_needed"
    UNKNOWN_GENERATION = "unknown_generation"


@dataclass(frozen=True)
class Argument:
    """An argument of an operation, spelled for each reader: `create_branch` or `--no-create-branch`.

    Attributes:
        name: Its name in the operation.
        value: The value to set, if there is one.
    """

    name: str
    value: str = ""


@dataclass(frozen=True)
class Operation:
    """An operation to call, spelled for each reader: `list_repos` or `mogplex-mcp repos list`.

    Attributes:
        name: The name of the operation.
        arguments: Its arguments.
    """

    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)


Phrase = tuple[str | Argument | Operation, ...]
"""A sentence in pieces, of which each reader spells the arguments and operations."""

_DATABASE_ADVICE: Final[Phrase] = (
    "Try the same again in a minute; if it stays so, the operator of this server has to check its database.",
)

Speller = Callable[[Argument | Operation], str]
"""Spell an argument or an operation for one reader."""


def spell(phrase: Phrase, speller: Speller) -> str:
    """Return the phrase as text for one reader."""
    return "".join(piece if isinstance(piece, str) else speller(piece) for piece in phrase)


class OperationError(Exception):
    """An operation that failed.

    Attributes:
        code: An `ErrorCode` or an `OperationCode`.
        reason: Why it failed; trusted text.
        happened: What happened; empty if the code says it all.
        advice: What to do; empty if the code says it all.
        quoted: The message of the response, from Mogplex or a proxy: untrusted text.
        status: The HTTP status, when a response came.
        retry_after: Seconds to wait before the next try, when known.
        may_have_happened: Whether the operation may have taken effect although no response says so.
    """

    def __init__(
        self,
        code: str,
        *reason: str | Argument | Operation,
        happened: Phrase = (),
        advice: Phrase = (),
        quoted: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        may_have_happened: bool = False,
    ) -> None:
        super().__init__(spell(reason, lambda piece: piece.name) or code)
        self.code = code
        self.reason: Phrase = reason
        self.happened = happened
        self.advice = advice
        self.quoted = quoted
        self.status = status
        self.retry_after = retry_after
        self.may_have_happened = may_have_happened


class InvalidArgumentError(OperationError):
    """Invalid arguments; no request was sent.

    Args:
        reason: What is wrong with which argument.
        advice: What to do, if that is more than to correct it.
        quoted: The untrusted part of the reason.
    """

    def __init__(self, *reason: str | Argument | Operation, advice: Phrase = (), quoted: str = "") -> None:
        super().__init__(ErrorCode.INVALID_ARGUMENT, *reason, advice=advice, quoted=quoted)


def too_many_starts(error: MogplexError) -> OperationError:
    """Return the error of a start whose newest earlier one could not be found, as no journal knows it."""
    return OperationError(OperationCode.UNKNOWN_GENERATION, error.message)


def journal_needed(error: StateError) -> OperationError:
    """Return the error of a forced start without a usable journal, which alone tells it from its own repetition.

    It could only be safe under a key that the caller repeats, and `force_new` has none: a second run would follow from
    each lost response.
    """
    return OperationError(
        OperationCode.JOURNAL_UNUSABLE,
        f"{clean_line(str(error), 300)}. Only the journal tells another forced start from a repetition of the first; "
        "a new ",
        Argument("idempotency_key"),
        " in place of ",
        Argument("force_new"),
        " needs no journal",
        advice=_journal_advice(error),
    )


def _journal_advice(error: StateError) -> Phrase:
    """Return what to do about a journal in a database; about one in a file, each reader has words of its own."""
    return _DATABASE_ADVICE if isinstance(error, DatabaseError) else ()


def check_id(text: str, name: str) -> str:
    """Return the canonical form of an id.

    Args:
        text: The id.
        name: The name of the argument, such as "run_id".

    Raises:
        InvalidArgumentError: It isn't a UUID.
    """
    kind = name.removesuffix("_id")
    if found := canonical_uuid(text, kind):
        return found
    raise InvalidArgumentError(Argument(name), not_a_uuid(text, kind.replace("_", " ")))


def check_range(number: int, name: str, least: int, most: int | None = None) -> None:
    """Refuse a number that is out of range.

    Args:
        number: What the caller gave.
        name: The argument's name, such as "limit".
        least: The least that is allowed.
        most: The most that is allowed; None for any.

    Raises:
        InvalidArgumentError: It is out of range.
    """
    if number < least or (most is not None and number > most):
        allowed = f"{least} or more" if most is None else f"{least} to {most}"
        raise InvalidArgumentError(Argument(name), f" must be {allowed}")


def advised(error: MogplexError, advice: Phrase, *, happened: Phrase = ()) -> OperationError:
    """Return the error of an operation with this advice, unless its cause has an advice of its own."""
    known = _from_api_error(error)
    known.happened, known.advice = known.happened or happened, known.advice or advice
    return known


@contextmanager
def listed_by(operation: Operation, *others: tuple[str, Operation]) -> Iterator[None]:
    """Say where the right id is listed, if Mogplex does not know one.

    Args:
        operation: Lists what the block asks for.
        others: Other things that the block names: a word by which Mogplex calls such a thing, and what lists it.

    Raises:
        OperationError: `NOT_FOUND`, with that advice.
    """
    try:
        yield
    except MogplexError as error:
        if error.code is not ErrorCode.NOT_FOUND or isinstance(error, RepoError):
            raise
        said = error.message.casefold()
        where = next((other for word, other in others if word in said), operation)
        check = "Check the id: it must be of the right kind and belong to the account of the token. "
        raise advised(error, (check, where, " shows it.")) from error


@contextmanager
def not_repeatable(*advice: str | Argument | Operation) -> Iterator[None]:
    """Advise against a second try where the first one may have taken effect, or something else may have responded.

    Args:
        advice: Where to see whether it took effect.

    Raises:
        OperationError: The failure, with that advice.
    """
    try:
        yield
    except MogplexError as error:
        if error.may_have_happened or error.code in _UNCLEAR:
            raise advised(error, advice) from error
        raise


def first_error(error: Exception) -> Exception:
    """Return what made an operation end: task groups wrap the exceptions of their tasks, and the first ended them."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def operation_error(error: Exception) -> OperationError:
    """Convert any exception of an operation to an `OperationError`."""
    error = first_error(error)
    match error:
        case OperationError():
            return error
        case RepoError():
            return OperationError(error.code, _line(error.message), advice=_REPO_ADVICE[error.remedy])
        case MogplexError():
            return _from_api_error(error)
        case StateError():
            return OperationError(
                OperationCode.JOURNAL_UNUSABLE, clean_line(str(error), 300), advice=_journal_advice(error)
            )
    # The traceback is for the operator; it is of no use to a caller.
    logger.error("An operation failed", exc_info=error)
    return OperationError(OperationCode.UNEXPECTED_EXCEPTION)


_UNCLEAR: Final = frozenset(
    {
        ErrorCode.TIMED_OUT,
        ErrorCode.CONNECTION_LOST,
        ErrorCode.UNEXPECTED_ANSWER,
        ErrorCode.INTERNAL_ERROR,
        ErrorCode.SERVICE_UNAVAILABLE,
    }
)


_REPO_ADVICE: Mapping[RepoRemedy, Phrase] = {
    RepoRemedy.LOOK_UP: (Operation("list_repos"), " lists the names and ids."),
    RepoRemedy.CHOOSE_ID: ("Try again with one of these ids as ", Argument("repo"), "."),
    RepoRemedy.NEAREST: (
        "Try again with the right name. ",
        Operation("list_repos"),
        " lists all of them; a missing one can be connected on the Mogplex web page.",
    ),
    RepoRemedy.CONNECT: ("There are none at all: connect GitHub on the Mogplex web page first.",),
}

_HAPPENED: Mapping[Blame | None, Phrase] = {
    Blame.PROXY: ("The proxy did not carry the request.",),
    Blame.ADDRESS: ("The configured address is not a Mogplex API.",),
}
_ADVICE: Mapping[Blame | None, Phrase] = {
    Blame.PROXY: ("The proxy has to work, or its setting has to be corrected or removed, before this can succeed.",),
    Blame.ADDRESS: ("MOGPLEX_URL has to be corrected before this can succeed; https://mogplex.com is the usual one.",),
}


def _from_api_error(error: MogplexError) -> OperationError:
    line = _line(error.message)
    reason: Phrase = (line,)
    quoted = ""
    code: str = error.code
    if error.status is not None:
        if line.strip(".").lower() == "internal server error":
            reason = (f"Mogplex gave no reason but status {error.status}",)
        elif RUN_LIMITER_UNAVAILABLE in line:
            code = OperationCode.UNKNOWN_REPO_ID
            always = "as it always does for a repository id that it does not know"
            reason = (f'Mogplex responded with "{RUN_LIMITER_UNAVAILABLE}", {always}',)
        else:
            # The message of a response is untrusted text.
            reason, quoted = (), line
    return OperationError(
        code,
        *reason,
        happened=_HAPPENED.get(error.blame, ()),
        advice=_ADVICE.get(error.blame, ()),
        quoted=quoted,
        status=error.status,
        retry_after=error.retry_after,
        may_have_happened=error.may_have_happened,
    )


def _line(text: str) -> str:
    return clean_line(text, REASON_CHARACTERS)
