"""The exit codes of all commands, with the meanings that Mogplex's own command line gives them."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """How a command ended, for scripts.

    Beside these, a command that a signal ended has 128 and the signal's number, as in any shell.
    """

    OK = 0
    FAILURE = 1
    """Also a followed run that failed or was cancelled."""
    USAGE = 2
    """The command line is wrong: an unknown word, a missing argument."""
    UNAUTHORIZED = 64
    """There is no token, or Mogplex did not accept it."""
    FORBIDDEN = 65
    """The token lacks the scope for this."""
    UNAVAILABLE = 69
    """Mogplex cannot be reached or is down."""
    TRY_AGAIN = 75
    """A limit of requests is reached; the same command works later."""


EXIT_CODES: Final[Mapping[str, ExitCode]] = {
    "invalid_argument": ExitCode.USAGE,
    "unknown_tool": ExitCode.USAGE,
    "no_token": ExitCode.UNAUTHORIZED,
    "malformed_token": ExitCode.UNAUTHORIZED,
    "unauthorized": ExitCode.UNAUTHORIZED,
    "forbidden": ExitCode.FORBIDDEN,
    "unreachable": ExitCode.UNAVAILABLE,
    "tls_failed": ExitCode.UNAVAILABLE,
    "timed_out": ExitCode.UNAVAILABLE,
    "connection_lost": ExitCode.UNAVAILABLE,
    "service_unavailable": ExitCode.UNAVAILABLE,
    "rate_limited": ExitCode.TRY_AGAIN,
    "budget_exhausted": ExitCode.TRY_AGAIN,
    "redirected": ExitCode.FAILURE,
    "unexpected_answer": ExitCode.FAILURE,
    "bad_request": ExitCode.FAILURE,
    "not_found": ExitCode.FAILURE,
    "conflict": ExitCode.FAILURE,
    "idempotency_conflict": ExitCode.FAILURE,
    "internal_error": ExitCode.FAILURE,
    "not_supported": ExitCode.FAILURE,
    "ending": ExitCode.FAILURE,
}
"""By the code of an error: all of `ErrorCode`, and those of tools that mean more than a failure."""


def exit_code_of(error: str) -> ExitCode:
    """How a command ends after an error of this code (`ErrorCode`, or what else tool errors have)."""
    return EXIT_CODES.get(error, ExitCode.FAILURE)
