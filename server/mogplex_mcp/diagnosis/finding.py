"""Findings of checks, and running a check so that it always returns one."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import anyio

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.credentials.sources import FoundToken, SourceKind
from mogplex_mcp.tenants.services import Services

REJECTED: Final = "Mogplex rejected the token."

_AFTER_REJECTION: Final = (
    "It may be revoked or expired: {renewal}. During an outage Mogplex rejects every token: if it worked before, try "
    "again in a minute."
)
# What makes another token of these sources the one in use, and what leaves them out: they come before a sign-in.
_FIRST: Final[Mapping[SourceKind, tuple[str, str]]] = {
    SourceKind.ENVIRONMENT: ("set MOGPLEX_API_KEY to it", "unset it"),
    SourceKind.FILE: ("write it to the file of --api-key-file (MOGPLEX_API_KEY_FILE)", "leave that out"),
}
_LONGEST_QUOTE: Final = 300


class Status(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis.

    Attributes:
        name: What was checked, such as "token" or "client cursor".
        status: The result.
        fact: What was found.
        advice: What to do about it; "" for nothing.
    """

    name: str
    status: Status
    fact: str
    advice: str = ""


@dataclass(frozen=True)
class Subject:
    """The server that is checked.

    Attributes:
        settings: Its settings.
        services: Its services.
        found: The user's token.
        offline: Whether to skip the package index.
    """

    settings: Settings
    services: Services
    found: FoundToken
    offline: bool = False


Check = Callable[[Subject], Awaitable[Sequence[Finding]]]


async def run_check(name: str, check: Check, subject: Subject, seconds: float) -> Sequence[Finding]:
    """Run a check; turn a timeout, an error of Mogplex and a bug in the check into findings."""
    try:
        with anyio.fail_after(seconds):
            return await check(subject)
    except TimeoutError:
        return [Finding(name, Status.FAILED, f"There was no response within {seconds:g} seconds.", "Try again later.")]
    except MogplexError as error:
        return [error_finding(name, error, renewal(subject.found, subject.settings))]
    except Exception as error:
        # A bug in one check must not hide the findings of the others.
        logging.getLogger(__name__).debug("The check %s failed:", name, exc_info=True)
        return [
            Finding(
                name,
                Status.WARNING,
                f"This could not be checked ({type(error).__name__}): a bug in mogplex-mcp.",
                "Report it, with the log of MOGPLEX_MCP_LOG_LEVEL=debug.",
            )
        ]


def renewal(found: FoundToken, settings: Settings, new: str = "create a new one at") -> str:
    """Return how to get another token and make it the one in use, as a part of a sentence.

    Args:
        found: The token in use, or why it can't be used.
        settings: Its server's settings.
        new: How to get another one from the web page whose address follows.
    """
    page = f"{web_url(settings.base_url)}/settings/api-keys"
    if found.kind in _FIRST:
        use, leave_out = _FIRST[found.kind]
        return f"{new} {page} and {use}, or {leave_out} and run `mogplex-mcp login`"
    return f"run `mogplex-mcp login`, or {new} {page} and run `mogplex-mcp login --token`"


def error_finding(name: str, error: MogplexError, renewed: str = "replace it") -> Finding:
    """Return the finding for an error of Mogplex; `renewed` is how to get another token, see `renewal`."""
    if error.code is ErrorCode.UNAUTHORIZED:
        return Finding(name, Status.FAILED, REJECTED, _AFTER_REJECTION.format(renewal=renewed))
    advice = {
        ErrorCode.FORBIDDEN: f"The token needs the scopes read and write: {renewed}.",
        ErrorCode.RATE_LIMITED: "Too many requests were made with this token: try again in a minute.",
        ErrorCode.BUDGET_EXHAUSTED: "Too many requests were made with this token: try again in a minute.",
        ErrorCode.BILLING: "Add funds or choose a plan under Settings > Billing on the Mogplex web site.",
        ErrorCode.NOT_SUPPORTED: "This Mogplex is older or newer than this release of mogplex-mcp expects.",
        ErrorCode.TLS_FAILED: "Check the certificates and the clock.",
    }.get(error.code, "Try again in a minute.")
    if error.blame is not None:
        advice = "Check the proxy." if error.blame is Blame.PROXY else "Check MOGPLEX_URL."
    return Finding(name, Status.FAILED, clean_line(error.message, _LONGEST_QUOTE), advice)
