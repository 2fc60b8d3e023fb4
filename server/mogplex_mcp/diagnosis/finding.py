"""What a check found, and running a check so that it always finds something."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import anyio

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.reply.untrusted import clean_line
from mogplex_mcp.tenants.services import Services

REFUSED: Final = "Mogplex refuses the token."

_AFTER_REFUSAL: Final = (
    "It may be revoked or expired: create another and run `mogplex-mcp login`. During an outage Mogplex refuses every "
    "token: if it worked before, try again in a minute."
)
_LONGEST_QUOTE: Final = 300


class Status(StrEnum):
    """How things stand."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis.

    Attributes:
        name: What was looked at, such as "token" or "client cursor".
        status: How things stand.
        fact: What was found.
        advice: What to do about it; "" for nothing.
    """

    name: str
    status: Status
    fact: str
    advice: str = ""


@dataclass(frozen=True)
class Subject:
    """What is examined.

    Attributes:
        settings: The user's choices.
        bridge: The parts that a server with these choices would have.
        found: The user's token.
        offline: Whether nothing may be asked but what answers on this machine.
    """

    settings: Settings
    bridge: Services
    found: FoundToken
    offline: bool = False


Check = Callable[[Subject], Awaitable[Sequence[Finding]]]


async def run_check(name: str, check: Check, subject: Subject, seconds: float) -> Sequence[Finding]:
    """What a check finds, also when it takes too long, meets an error of Mogplex, or is wrong itself."""
    try:
        with anyio.fail_after(seconds):
            return await check(subject)
    except TimeoutError:
        return [Finding(name, Status.FAILED, f"There was no answer within {seconds:g} seconds.", "Try again later.")]
    except MogplexError as error:
        return [refusal(name, error)]
    except Exception as error:
        # One check that is wrong must not hide what the others find.
        logging.getLogger(__name__).debug("The check %s failed:", name, exc_info=True)
        return [
            Finding(
                name,
                Status.WARNING,
                f"This could not be checked ({type(error).__name__}): an error of mogplex-mcp itself.",
                "Report it, with what MOGPLEX_MCP_LOG_LEVEL=debug says.",
            )
        ]


def refusal(name: str, error: MogplexError) -> Finding:
    """What it means that Mogplex did not answer with data."""
    if error.code is ErrorCode.UNAUTHORIZED:
        return Finding(name, Status.FAILED, REFUSED, _AFTER_REFUSAL)
    advice = {
        ErrorCode.FORBIDDEN: "Create a token with the scopes read and write and run `mogplex-mcp login`.",
        ErrorCode.RATE_LIMITED: "Too many requests were made with this token: try again in a minute.",
        ErrorCode.BUDGET_EXHAUSTED: "Too many requests were made with this token: try again in a minute.",
    }.get(error.code, "Try again in a minute.")
    return Finding(name, Status.FAILED, clean_line(error.message, _LONGEST_QUOTE), advice)
