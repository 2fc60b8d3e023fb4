"""Exit statuses of all commands, with the same meanings as in Mogplex's own command line."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The exit status of a command.

    A command ended by a signal exits with 128 plus the number of the signal, as in POSIX shells.
    """

    OK = 0
    FAILURE = 1
    """Any other error; also a followed run that failed or was cancelled."""
    USAGE = 2
    """A usage error: an unknown command, a missing argument."""
    UNAUTHORIZED = 64
    """There is no token, or Mogplex did not accept it."""
    FORBIDDEN = 65
    """The token lacks the scope for this."""
    UNAVAILABLE = 69
    """Mogplex cannot be reached or is down."""
    TRY_AGAIN = 75
    """A rate limit is reached; the same command works later."""


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
    "billing": ExitCode.FAILURE,
    "redirected": ExitCode.FAILURE,
    "unexpected_answer": ExitCode.FAILURE,
    "bad_request": ExitCode.FAILURE,
    "not_found": ExitCode.FAILURE,
    "conflict": ExitCode.FAILURE,
    "idempotency_conflict": ExitCode.FAILURE,
    "internal_error": ExitCode.FAILURE,
    "not_supported": ExitCode.FAILURE,
    "shutting_down": ExitCode.FAILURE,
}
"""By error code: every `ErrorCode`, and the codes of tools that are more specific than a failure."""


def exit_code_of(error: str) -> ExitCode:
    """Return the exit status for an error code (`ErrorCode`, or another code of tool errors)."""
    return EXIT_CODES.get(error, ExitCode.FAILURE)
